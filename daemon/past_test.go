package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// replays checks that the newest night of a box was decided as it would be again, and that its
// evidence has a beginning and an end of each step.
func (l *lab) replays(d *Daemon) {
	l.t.Helper()
	replay, err := d.Replay(l.t.Context(), window.Date{})
	l.must(err)
	if replay == nil || replay.Decisions == 0 || replay.Open {
		l.t.Fatalf("the replay is %+v", replay)
	}
	for _, m := range replay.Moments {
		for _, differs := range m.Differs {
			l.t.Errorf("record %d: then %+v, now %+v", m.Seq, differs.Then, differs.Now)
		}
	}
	night, err := d.NightAt(l.t.Context(), window.Date{})
	l.must(err)
	if len(night.Devices) != len(d.store.Devices) {
		l.t.Errorf("%d of %d devices have an outcome", len(night.Devices), len(d.store.Devices))
	}
	for _, j := range night.Jobs {
		if len(j.Attempts) < len(j.Steps) {
			l.t.Errorf("%s of %s has %d steps and %d attempts", j.Patch, j.Device, len(j.Steps), len(j.Attempts))
		}
		for _, a := range j.Attempts {
			if a.Ended.Before(a.Began) || a.Outcome == "" {
				l.t.Errorf("%s of %s: %+v", j.Patch, j.Device, a)
			}
		}
	}
}

// TestNightsOfThePast finds nights in a long journal, and the state before each.
func TestNightsOfThePast(t *testing.T) {
	l := newLab(t, 1)
	l.script("motd", "true")
	l.publish()
	d, err := New(t.Context(), Options{Config: l.storeFile(), Version: "test", Log: quiet()})
	l.must(err)
	defer d.journal.Close()
	at := time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC)
	day := func(n int) window.Date { return window.Date{Year: 2026, Month: 11, Day: n} }
	for n := 1; n <= 5; n += 2 { // the nights of the 1st, the 3rd and the 5th
		made := plan.Plan{Night: day(n), Opens: at, Cutoff: at.Add(5 * time.Hour), Closes: at.Add(6 * time.Hour)}
		hold := site.Hold{Device: site.AllDevices, Until: at, Actor: "ann", Reason: fmt.Sprintf("day %d", n)}
		l.must(d.ledger.Add(run.Event{Kind: run.HoldSet, At: at, Hold: &hold}))
		l.must(d.ledger.Add(run.Event{Kind: run.NightOpened, At: at, Night: day(n), Plan: &made}, run.Event{Kind: run.NightClosed, At: at, Night: day(n), Text: "nothing was due"}))
		var checks []run.Event
		for range 300 {
			checks = append(checks, run.Event{Kind: run.CheckEnded, At: at.Add(time.Hour), Check: &site.CheckResult{Check: "POS-1"}})
		}
		l.must(d.ledger.Add(checks...))
		at = at.Add(48 * time.Hour)
	}
	for n := range 8 {
		night, err := d.NightAt(t.Context(), day(n))
		l.must(err)
		replay, err := d.Replay(t.Context(), day(n))
		l.must(err)
		there := n == 1 || n == 3 || n == 5
		if (night != nil) != there || (replay != nil) != there {
			t.Fatalf("day %d: night %v, replay %v", n, night, replay)
		}
		if !there {
			continue
		}
		if night.Night != day(n) || replay.Night != day(n) || replay.Decisions != 1 || replay.Differ != 0 {
			t.Errorf("day %d: night of %s, replay of %s with %d decisions, %d differ", n, night.Night, replay.Night, replay.Decisions, replay.Differ)
		}
		before, err := d.stateBefore(t.Context(), replay.Moments[0].Seq)
		l.must(err)
		if got := before.Holds[site.AllDevices].Reason; got != fmt.Sprintf("day %d", n) || before.Seq != replay.Moments[0].Seq-1 {
			t.Errorf("before day %d the hold is %q, record %d", n, got, before.Seq)
		}
	}
	newest, err := d.NightAt(t.Context(), window.Date{})
	if err != nil || newest.Night != day(5) {
		t.Errorf("the newest night is %+v, %v", newest, err)
	}
}
