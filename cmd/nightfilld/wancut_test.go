package main_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

// TestLabWANCut has the catalog server and the broker go away after the evening's download and
// before the window opens. The night needs neither; afterwards headquarters hears everything.
func TestLabWANCut(t *testing.T) {
	s := openStore(t, 3)
	for n := 1; n <= 3; n++ {
		s.install(n, "pos-app", "lab-agent")
	}
	s.debPatch("pos-app", "1.2.0", "")
	s.debPatch("lab-agent", "8.0.0", "reboot: may")
	s.publish()
	s.serve()
	far := subscribe(t, s.brokerPort)
	// The window opens with the next minute that leaves time for the download.
	s.starts = time.Now().Add(15 * time.Second).Truncate(time.Minute).Add(time.Minute)
	s.file()
	s.run()
	until(t, quick, "the artifacts are in the store", func() (bool, string) {
		status := decode[view.Status](t, s.mustAsk("status"))
		heard, _ := far.last()
		cached := far.count(`"kind":"artifact.cached"`)
		return cached == 4 && heard >= status.Journal.Last, fmt.Sprintf("%d artifacts, %d of %d events heard", cached, heard, status.Journal.Last)
	})
	if time.Now().After(s.starts) {
		t.Fatal("the window opened before the line was cut: this test shows nothing")
	}
	before, _ := far.last()
	far.stored()
	s.catalog.kill()
	s.broker.kill()
	if night, ok := s.night(); ok {
		t.Fatalf("there is a night before its window: %+v", night)
	}

	until(t, time.Until(s.starts)+quick, "the window opens", func() (bool, string) {
		night, ok := s.night()
		return ok, night.Summary
	})
	night := s.overnight(patient)
	if night.Summary != "6 done" {
		t.Errorf("the night says %q", night.Summary)
	}
	for n, id := range s.ids {
		for _, patch := range []string{"pos-app-1.2.0", "lab-agent-8.0.0"} {
			if j := job(t, night, id, patch); j.State != site.Done {
				t.Errorf("%s on %s is %s: %v", patch, id, j.State, j.Reason)
			}
		}
		if got := s.version(n+1, "pos-app"); got != "1.2.0 install ok installed" {
			t.Errorf("%s has pos-app %q", id, got)
		}
		if got := s.boots(n + 1); got != 2 {
			t.Errorf("%s was booted %d times", id, got)
		}
	}
	status := decode[view.Status](t, s.mustAsk("status"))
	if status.MQTT.Connected || status.Journal.Outbox == 0 {
		t.Errorf("without a broker the status says %+v, %+v", status.MQTT, status.Journal)
	}
	if now, _ := far.last(); now != before {
		t.Fatalf("headquarters heard events %d to %d without a broker", before, now)
	}

	s.serve()
	began := time.Now()
	repeats := s.wantEverything(t, far)
	last, _ := far.last()
	far.stored()
	t.Logf("events 1 to %d were heard, %d of them after the cut, within %s; %d repeats", last, last-before, time.Since(began).Round(time.Second), repeats)
	until(t, quick, "the outbox is empty once headquarters has stored everything", func() (bool, string) {
		far.stored()
		outbox := decode[view.Status](t, s.mustAsk("status")).Journal.Outbox
		return outbox == 0, fmt.Sprint(outbox)
	})
	if out, code, err := s.ask("catalog", "refresh"); err != nil || code != 0 {
		t.Errorf("the catalog cannot be refreshed when its server is back: %v %s", err, out)
	}
	far.verify(last)
}
