package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// The size of the chain that is measured, and how much it tells.
const (
	manyStores  = 2000
	manyDevices = 36
	perSecond   = 500
	seconds     = 30
	measured    = "p-live" // the patch by which an event is known again on the page
)

// verdicts are what the stores say, in turn.
func verdicts(n int) string {
	switch {
	case n%50 == 7:
		return "not_ready"
	case n%100 == 13:
		return "cannot_tell"
	case n%10 == 3:
		return "ready_notes"
	}
	return "ready"
}

// TestFigures measures the program against a real mosquitto: how long a new headquarters takes until every
// verdict is right that the broker keeps, how long until an event is on the page, and how long until it
// hears again when the broker was away. make bench-hq prints it.
func TestFigures(t *testing.T) {
	if os.Getenv("NIGHTFILL_BENCH_HQ") == "" {
		t.Skip("it measures for minutes: scripts/bench-hq runs it")
	}
	broker := mosquitto(t, "max_inflight_messages 1000\nmax_queued_messages 0\n")
	address := broker.url()
	stores := newFront(t, address)
	now := time.Now().UTC()
	want := map[string]int{}
	for n := range manyStores {
		id, verdict := fmt.Sprintf("%04d", n), verdicts(n)
		stores.opens(id, verdict, now)
		for d := range manyDevices {
			name := fmt.Sprintf("till-%02d", d)
			stores.tell(id, "d/"+name, map[string]any{"device": name, "class": "linux-server", "model": "hp-rp5810", "groups": []string{"lanes"}, "state": "done", "patch": "p-1", "answers": true, "seen_at": now, "rev": 1})
		}
		if n%20 == 19 {
			stores.flush()
		}
		want[map[string]string{"ready": "ready", "ready_notes": "ready", "not_ready": "not_ready", "cannot_tell": "cannot_tell"}[verdict]]++
	}
	stores.flush()
	began := time.Now()
	h := start(t, "--mqtt", address, "--org", "demo", "--db", "sqlite:"+t.TempDir()+"/hq.db", "--login", "off")
	listening := time.Since(began)
	until(t, "every verdict is right", func() bool {
		var v struct {
			Total, Devices int
			Opening        []struct {
				ID    string
				Count int
			}
		}
		h.get("/api/v1/summary", &v)
		got := map[string]int{}
		for _, o := range v.Opening {
			if o.Count > 0 {
				got[o.ID] = o.Count
			}
		}
		return v.Total == manyStores && v.Devices == manyStores*manyDevices && fmt.Sprint(got) == fmt.Sprint(want)
	})
	t.Logf("FIGURE H3 a new headquarters has the verdicts of %d stores x %d devices from what the broker keeps after %.1f s (its pages listen after %.2f s); at most 30 s is wanted",
		manyStores, manyDevices, time.Since(began).Seconds(), listening.Seconds())
	t.Log(live(t, h, stores))
	t.Log(back(t, h, broker))
}

// back kills the broker every few seconds, and returns how long headquarters took to hear again each time.
func back(t *testing.T, h *headquarters, broker *realBroker) string {
	t.Helper()
	const times = 6
	hears := func() bool { _, is := h.leads(); return is }
	var took []time.Duration
	for range times {
		broker.kill()
		until(t, "headquarters knows that the broker is away", func() bool { return !hears() })
		<-time.After(5 * time.Second)
		broker.start()
		began := time.Now()
		until(t, "headquarters hears again", hears)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return fmt.Sprintf("FIGURE headquarters hears again %.1f to %.1f s after its broker is back, of %d times that it was away for 5 s; 2 s is wanted", took[0].Seconds(), took[times-1].Seconds(), times)
}

// live tells events at a steady rate and returns how long each took until it was in the stream of the page.
func live(t *testing.T, h *headquarters, stores *front) string {
	t.Helper()
	r, err := http.Get(h.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	const all = perSecond * seconds
	began := time.Now()
	told := make([]time.Time, all)
	var mu sync.Mutex
	known, took := 0, make([]time.Duration, 0, all)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(r.Body)
		lines.Buffer(nil, 4<<20)
		for known < all && lines.Scan() {
			var d struct{ Counts map[string]int }
			if body, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); !ok || json.Unmarshal(body, &d) != nil {
				continue
			}
			mu.Lock()
			for at := time.Now(); known < min(d.Counts["patch/"+measured+"/done"], all); known++ {
				took = append(took, at.Sub(told[known]))
			}
			mu.Unlock()
		}
	}()
	tick := time.NewTicker(time.Second / 50)
	defer tick.Stop()
	for n := 0; n < all; {
		<-tick.C
		for range perSecond / 50 {
			mu.Lock()
			told[n] = time.Now()
			mu.Unlock()
			stores.events(fmt.Sprintf("%04d", n%manyStores), run.Event{Kind: run.StepEnded, At: time.Now().UTC(), Device: fmt.Sprintf("till-%02d", n/manyStores), Patch: measured, Step: run.Verify, Attempt: 1, Outcome: run.OK, To: site.Done})
			n++
		}
	}
	stores.flush()
	rate := all / time.Since(began).Seconds()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%d of %d events are on the page", known, all)
	}
	slices.Sort(took)
	return strings.TrimSpace(fmt.Sprintf("FIGURE H2 an event is in the stream of the page after %.2f s (half of them), %.2f s (19 of 20), %.2f s (all), at %.0f events/s over %d s with %d stores on the board; 2 s for 19 of 20 is wanted",
		took[all/2].Seconds(), took[all*95/100].Seconds(), took[all-1].Seconds(), rate, seconds, manyStores))
}
