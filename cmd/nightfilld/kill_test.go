package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	minKills = 12
	maxKills = 30
)

// TestLabKill ends nightfilld at random moments of a night, as a power cut does, and starts it
// again. The night must go on to its end, and nothing may have run twice on any host.
// NIGHTFILL_SEED repeats the moments of an earlier run.
func TestLabKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("NIGHTFILL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("NIGHTFILL_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := openStore(t, 4)
	for n := 1; n <= 4; n++ {
		s.install(n, "pos-app", "pos-db", "lab-agent", "payment-gw")
	}
	scripts := []string{"first", "second", "third"}
	for _, name := range scripts {
		s.write("patches/"+name+".sh", "#!/bin/sh\necho "+name+" >>/var/lib/lab-runs\nsleep 1.5\necho "+name+" ended >>/var/lib/lab-runs\n")
		s.write("patches/un"+name+".sh", "#!/bin/sh\necho un"+name+" >>/var/lib/lab-runs\n")
		s.patch(name, "install: {kind: script}", "artifacts: ["+name+".sh]", "rollback: {class: script, artifacts: [un"+name+".sh]}",
			"verify: [{command: [grep, -q, "+name+" ended, /var/lib/lab-runs]}]")
	}
	s.debPatch("pos-app", "1.1.0+slow2", "")
	s.debPatch("pos-db", "1.2.0+slow2", "")
	s.debPatch("lab-agent", "8.0.0", "reboot: always")
	bad := s.debPatch("payment-gw", "9.1.0", "devices: [srv-3, srv-4]")
	s.publish()
	s.serve()
	far := subscribe(t, s.brokerPort)
	s.file()

	kills := 0
	for closed := false; !closed && kills < maxKills; kills++ {
		s.box = start(t, s.folder, "nightfilld", filepath.Join(s.bin, "nightfilld"), "--config", "store.yaml")
		pause(200*time.Millisecond + time.Duration(random.Int64N(int64(2500*time.Millisecond))))
		if s.box.ended() {
			t.Fatalf("nightfilld ended by itself: %s", tail(s.box.log, 3000))
		}
		night, ok := s.night()
		closed = ok && !night.Open
		s.box.kill()
	}
	t.Logf("%d kills", kills)
	if kills < minKills {
		t.Errorf("the night was over after %d kills: this test wants %d to show anything", kills, minKills)
	}
	s.run()
	night := s.overnight(patient)
	if night.Summary != "24 done, 2 rolled back" {
		t.Errorf("the night says %q", night.Summary)
		for _, j := range night.Jobs {
			if j.State != site.Done {
				t.Logf("%s %s: %s %v", j.Device, j.Patch, j.State, j.Reason)
			}
		}
	}
	for i, id := range s.ids {
		s.wantOnce(t, i+1, id, scripts)
		if j := i + 1; j >= 3 {
			if got := s.upgrades(j, "payment-gw", "9.1.0"); got != 1 {
				t.Errorf("%s: %s was installed %d times", id, bad, got)
			}
			if got := s.upgrades(j, "payment-gw", "1.0.0"); got != 1 {
				t.Errorf("%s: %s was taken back %d times", id, bad, got)
			}
			if got := s.version(j, "payment-gw"); got != "1.0.0 install ok installed" {
				t.Errorf("%s has payment-gw %q", id, got)
			}
		}
	}
	if _, code, err := s.ask("journal", "verify"); err != nil || code != 0 {
		t.Errorf("nightfill journal verify ended with %d: %v", code, err)
	}
	t.Logf("headquarters has heard everything, with %d repeats", s.wantEverything(t, far))
}

// wantOnce wants that every patch ran once on a host, whatever the box remembered.
func (s *store) wantOnce(t *testing.T, n int, id string, scripts []string) {
	t.Helper()
	runs := strings.Fields(strings.ReplaceAll(s.on(n, "sort /var/lib/lab-runs"), " ended", "+"))
	var want []string
	for _, name := range scripts {
		want = append(want, name, name+"+")
	}
	if fmt.Sprint(runs) != fmt.Sprint(want) {
		t.Errorf("%s ran the scripts %v, want each once: %v", id, runs, want)
	}
	for name, version := range map[string]string{"pos-app": "1.1.0+slow2", "pos-db": "1.2.0+slow2", "lab-agent": "8.0.0"} {
		if got := s.version(n, name); got != version+" install ok installed" {
			t.Errorf("%s has %s %q", id, name, got)
		}
		if got := s.upgrades(n, name, version); got != 1 {
			t.Errorf("%s: %s %s was unpacked %d times", id, name, version, got)
		}
	}
	if got := s.boots(n); got != 2 {
		t.Errorf("%s was booted %d times, want its first and one restart", id, got)
	}
}
