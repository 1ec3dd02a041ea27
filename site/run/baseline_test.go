package run_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// evening is minutes after 22:00.
func evening(minutes int) time.Time {
	return time.Date(2026, 11, 21, 22, minutes, 0, 0, time.UTC)
}

func checked(id string, minute int, o site.CheckOutcome) run.Event {
	return run.Event{Kind: run.CheckEnded, At: evening(minute), Check: &site.CheckResult{Check: id, Outcome: o, Seen: "so", At: evening(minute)}}
}

func opened(members []plan.Member, left plan.Report) run.Event {
	night := window.Date{Year: 2026, Month: time.November, Day: 21}
	return run.Event{Kind: run.NightOpened, At: evening(60), Night: night, Plan: &plan.Plan{Night: night, Members: members}, Report: left}
}

// What was known when a night opens is kept, and what is older than the box's start counts as not known.
func TestBaselineIsWhatWasKnown(t *testing.T) {
	before := run.Foresee(run.State{}, checked("POS-1", 1, site.Fail), checked("POS-2", 1, site.Pass), checked("POS-3", 2, site.Pass))
	restarted := run.Event{Kind: run.DaemonStarted, At: evening(50)}
	s := run.Foresee(before, restarted, checked("POS-1", 51, site.Fail), checked("POS-2", 51, site.Unknown), opened(nil, nil), checked("POS-1", 70, site.Pass))
	got := map[string]site.CheckOutcome{}
	for id, r := range s.Night.Before.Checks {
		got[id] = r.Outcome
	}
	if want := (map[string]site.CheckOutcome{"POS-1": site.Fail, "POS-2": site.Unknown, "POS-3": site.Unknown}); !reflect.DeepEqual(got, want) {
		t.Errorf("the baseline is %v, want %v", got, want)
	}
	if s.Night.Before.Checks["POS-3"].Seen != "" || s.Checks["POS-3"].Outcome != site.Pass {
		t.Errorf("what was seen before the start is %+v, and in the baseline %+v", s.Checks["POS-3"], s.Night.Before.Checks["POS-3"])
	}
}

// A failure goes on through restarts of the box and looks that tell nothing, until the check does not fail.
func TestFailingSince(t *testing.T) {
	s := run.Foresee(run.State{}, checked("POS-1", 1, site.Pass))
	for _, c := range []struct {
		minute  int
		outcome site.CheckOutcome
		since   int // 0 = it does not fail
	}{{2, site.Fail, 2}, {3, site.Unknown, 2}, {4, site.Fail, 2}, {5, site.Warn, 0}, {6, site.Unknown, 0}, {7, site.Fail, 7}, {8, site.NotApplicable, 0}, {9, site.Fail, 9}} {
		old := s
		s = run.Foresee(s, checked("POS-1", c.minute, c.outcome), run.Event{Kind: run.DaemonStarted, At: evening(c.minute)})
		since, failing := s.Failing["POS-1"]
		if failing != (c.since > 0) || failing && !since.Equal(evening(c.since)) {
			t.Errorf("at minute %d it fails since %s (%v)", c.minute, since, failing)
		}
		if again := run.Foresee(old, checked("POS-1", c.minute, c.outcome)); !reflect.DeepEqual(again.Failing, s.Failing) {
			t.Errorf("minute %d changed the state before it", c.minute)
		}
	}
}

func TestDownBeforeTheNight(t *testing.T) {
	members := []plan.Member{{Device: "up"}, {Device: "silent", Down: true}, {Device: "held", Down: true}, {Device: "stranger", Down: true}, {Device: "unlooked", Down: true}}
	left := plan.Report{
		{Device: "up", Patch: "p", State: site.NoAnswer}, {Device: "silent", State: site.NoAnswer}, {Device: "held", State: site.Held}, {Device: "stranger", State: site.Skipped},
	}
	s := run.Foresee(run.State{}, opened(members, left))
	if want := []string{"silent", "held", "unlooked"}; !reflect.DeepEqual(s.Night.Before.Down, want) {
		t.Errorf("%v were down, want %v", s.Night.Before.Down, want)
	}
}

// The first comparison after the close stays, the newest one is replaced, and one of another night is none of it.
func TestComparisonsOfANight(t *testing.T) {
	said := func(night window.Date, text string) run.Event {
		return run.Event{Kind: run.NightCompared, At: evening(90), Night: night, Compared: []site.Compared{{Check: "POS-1", Text: text}}}
	}
	s := run.Foresee(run.State{}, checked("POS-1", 1, site.Fail), opened(nil, nil))
	night := s.Night.Plan.Night
	s = run.Foresee(s, said(night, "close"), said(night, "later"), said(night, "morning"), said(window.Date{}, "other"))
	if s.Night.AtClose[0].Text != "close" || s.Night.Compared[0].Text != "morning" {
		t.Errorf("at the close %+v, last %+v", s.Night.AtClose, s.Night.Compared)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back run.State
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	n, m := s.Night, back.Night
	if !reflect.DeepEqual(n.Before, m.Before) || !reflect.DeepEqual(n.AtClose, m.AtClose) || !reflect.DeepEqual(n.Compared, m.Compared) || m.Passes != 1 || !reflect.DeepEqual(back.Failing, s.Failing) {
		t.Errorf("read back\n%+v\nwritten\n%+v", m, n)
	}
}

// A night that an older version opened has no passes and no baseline: it goes on, and counts from there.
func TestNightOfAnOlderVersionGoesOn(t *testing.T) {
	var s run.State
	if err := json.Unmarshal([]byte(`{"checks":{"POS-1":{"check":"POS-1","outcome":"fail"}},"night":{"plan":{"night":"2026-11-21","members":[]},"opened":"2026-11-21T23:00:00Z"}}`), &s); err != nil {
		t.Fatal(err)
	}
	night := s.Night.Plan.Night
	s = run.Foresee(s, run.Event{Kind: run.NightExtended, At: evening(80), Night: night, Plan: &plan.Plan{Night: night}})
	if s.Night.Passes != 2 || s.Night.Before.Checks != nil {
		t.Errorf("%d passes, baseline %v", s.Night.Passes, s.Night.Before.Checks)
	}
}
