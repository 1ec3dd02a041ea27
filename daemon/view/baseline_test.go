package view_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// TestComparedUntilTheStoreOpens: a change between the close and the opening is told once more, one
// after it is not the night's.
func TestComparedUntilTheStoreOpens(t *testing.T) {
	zone := time.UTC
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, zone) }
	store := site.Store{Checks: []site.Check{{ID: "POS-1", Kind: site.CheckTCP}}}
	store.Calendar = window.Calendar{Zone: zone, Start: 23 * 60, End: 5 * 60, Reserve: time.Hour, Opening: map[time.Weekday]window.Clock{}}
	for day := range 7 {
		store.Calendar.Opening[time.Weekday(day)] = 8 * 60
	}
	see := func(s run.State, when time.Time, o site.CheckOutcome) run.State {
		r := site.CheckResult{Check: "POS-1", Outcome: o, At: when}
		s = run.Foresee(s, run.Event{Kind: run.CheckEnded, At: when, Check: &r})
		return run.Foresee(s, view.Compare(s, store, when)...)
	}
	s := see(run.State{}, at(21, 22, 55), site.Pass)
	span, ok := store.Calendar.Contains(at(21, 23, 0))
	if !ok {
		t.Fatal(store.Calendar.Problems())
	}
	made := plan.Plan{Night: span.Night, Opens: span.Open, Closes: span.Close}
	s = run.Foresee(s, run.Event{Kind: run.NightOpened, At: at(21, 23, 0), Night: made.Night, Plan: &made})
	if s = see(s, at(21, 23, 30), site.Fail); s.Night.AtClose != nil {
		t.Error("compared while the night is open")
	}
	s = run.Foresee(s, run.Event{Kind: run.NightClosed, At: at(22, 0, 30), Night: made.Night})
	if s = see(s, at(22, 0, 31), site.Pass); len(s.Night.AtClose) != 1 || s.Night.Compared[0].After != site.Pass {
		t.Errorf("at the close: %+v", s.Night.Compared)
	}
	if got := view.Compare(s, store, at(22, 0, 40)); got != nil {
		t.Errorf("told again though nothing changed: %+v", got)
	}
	s = see(s, at(22, 6, 0), site.Fail)
	if got := s.Night.Compared[0]; got.Text != "It broke after tonight's work. Nothing was changed on POS-1." || s.Night.AtClose[0].After != site.Pass {
		t.Errorf("in the morning: %+v, at the close %+v", got, s.Night.AtClose)
	}
	s = see(s, at(22, 8, 0), site.Pass)
	if s.Night.Compared[0].After != site.Fail {
		t.Error("what changed when the store had opened is of the night")
	}
}
