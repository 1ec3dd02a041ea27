package run_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

func TestManagerStopsANight(t *testing.T) {
	c := window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Days: 1<<time.Monday | 1<<time.Tuesday | 1<<time.Wednesday}
	rule := run.SkipRule{Latest: 22 * 60, MaxPerMonth: 2}
	on := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	s := run.State{}
	stop := func(at time.Time, want run.Refusal) {
		t.Helper()
		span, got := run.MaySkip(s, c, rule, at)
		if got != want {
			t.Errorf("stopped at %v: %q, want %q", at, got, want)
		}
		if got == "" {
			s = run.Foresee(s, run.Event{Kind: run.HoldSet, At: at, Device: site.AllDevices, Night: span.Night, Actor: run.Manager,
				Hold: &site.Hold{Device: site.AllDevices, Until: span.Close, Reason: "stock taking", Actor: run.Manager}})
		}
	}
	undo := func(at time.Time, want run.Refusal) {
		t.Helper()
		span, got := run.MayUndo(s, c, at)
		if got != want {
			t.Errorf("let go at %v: %q, want %q", at, got, want)
		}
		if got == "" {
			s = run.Foresee(s, run.Event{Kind: run.HoldReleased, At: at, Device: site.AllDevices, Night: span.Night, Actor: run.Manager})
		}
	}
	stop(on(22, 18, 0), run.NoNight) // a Sunday, 29 hours ahead
	undo(on(23, 12, 0), run.NotStopped)
	stop(on(23, 22, 0), run.TooLate)
	stop(on(23, 23, 0), run.TooLate)
	stop(on(24, 4, 59), run.TooLate)
	stop(on(23, 21, 59), "")
	stop(on(23, 21, 59), run.HeldAlready)
	undo(on(23, 22, 59), "")
	undo(on(23, 22, 59), run.NotStopped)
	if n := run.Skipped(s, window.Date{Year: 2026, Month: 11, Day: 1}); n != 0 {
		t.Errorf("a night that was let go counts: %d", n)
	}
	stop(on(23, 9, 0), "")
	undo(on(23, 23, 30), run.TooLate)
	stop(on(24, 9, 0), "")
	stop(on(25, 9, 0), run.UsedUp)
	if n := run.Skipped(s, window.Date{Year: 2026, Month: 11, Day: 1}); n != 2 {
		t.Errorf("%d nights were stopped", n)
	}
	stop(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), "")
	s = run.Foresee(s, run.Event{Kind: run.HoldReleased, At: on(30, 9, 0), Device: site.AllDevices, Actor: "ann"})
	s = run.Foresee(s, run.Event{Kind: run.HoldSet, At: on(30, 9, 0), Actor: "ann", Hold: &site.Hold{Device: site.AllDevices, Until: time.Date(2026, 12, 3, 9, 0, 0, 0, time.UTC), Actor: "ann"}})
	stop(time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC), run.HeldAlready)
	undo(time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC), run.NotStopped)
	if n := run.Skipped(s, window.Date{Year: 2026, Month: 12, Day: 1}); n != 1 {
		t.Errorf("what others hold counts: %d", n)
	}
}

func TestWhenItIsTooLate(t *testing.T) {
	late := window.Calendar{Zone: time.UTC, Start: 30, End: 5 * 60}
	rule := run.SkipRule{Latest: 22 * 60, MaxPerMonth: 1}
	before := time.Date(2026, 11, 23, 21, 59, 0, 0, time.UTC)
	if _, got := run.MaySkip(run.State{}, late, rule, before); got != "" {
		t.Errorf("the evening before a window after midnight: %q", got)
	}
	if _, got := run.MaySkip(run.State{}, late, rule, before.Add(time.Minute)); got != run.TooLate {
		t.Errorf("at 22:00: %q", got)
	}
	rule.AnyTime = true
	if _, got := run.MaySkip(run.State{}, late, rule, before.Add(2*time.Hour)); got != "" {
		t.Errorf("any time: %q", got)
	}
	rule.MaxPerMonth = 0
	if _, got := run.MaySkip(run.State{}, late, rule, before); got != run.UsedUp {
		t.Errorf("never: %q", got)
	}
}
