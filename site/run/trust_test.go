package run_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// The newest trusted time stays what it is when a record is written right after the clock went
// back: only by it the clock is found out.
func TestTrustedTimeNeverGoesBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	state := run.Fold(run.State{},
		run.Record{Seq: 1, Event: run.Event{Kind: run.DaemonStarted, At: now}},
		run.Record{Seq: 2, Event: run.Event{Kind: run.DaemonStopped, At: now.Add(-3 * time.Hour)}},
	)
	if !state.TrustedAt.Equal(now) {
		t.Errorf("the newest trusted time is %s, want %s", state.TrustedAt, now)
	}
}

// A clock that has just gone back opens no night and adds nothing to one, before anybody judged it.
func TestClockWentBack(t *testing.T) {
	now := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	state := run.Fold(run.State{}, run.Record{Seq: 1, Event: run.Event{Kind: run.DaemonStarted, At: now}})
	for _, back := range []time.Duration{0, run.Back, run.Back + time.Second} {
		reason := state.Barred(now.Add(-back))
		if (reason != nil) != (back > run.Back) {
			t.Errorf("%s back: %v", back, reason)
		}
		if want := "the clock of this box went back by 2m1s"; reason != nil && reason.Text != want {
			t.Errorf("the reason is %q, want %q", reason.Text, want)
		}
	}
}
