package sim

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/clock"
	"github.com/nightfill/nightfill/daemon/ledger"
)

const (
	judgeEvery = 30*time.Second + 7*time.Millisecond
	jump       = 3 * time.Hour
	years      = 5 * 365 * 24 * time.Hour
)

// built is when the program on the box was built: no true time lies before it.
func built() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// on reports whether a fault holds at a moment.
func (s *Scene) on(f Fault, at time.Time) bool {
	from := s.Opens.Add(f.At)
	return !at.Before(from) && at.Before(from.Add(f.For))
}

// ahead is how far the wall clock of the box is ahead at a moment.
func (s *Scene) ahead(at time.Time) (by time.Duration, why string) {
	for _, f := range s.Faults {
		switch f.Kind {
		case clockAhead, clockBehind, clockLost, clockFuture:
		default:
			continue
		}
		if !s.on(f, at) {
			continue
		}
		switch f.Kind {
		case clockAhead:
			return jump, f.Kind
		case clockBehind:
			return -jump, f.Kind
		case clockLost:
			return time.Unix(0, 0).Sub(s.Opens), f.Kind
		}
		return years, f.Kind
	}
	return 0, ""
}

// truly is the moment at which the wall clock of the box showed a time: the latest one up to now.
func (s *Scene) truly(shown, now time.Time) time.Time {
	by, _ := s.ahead(now)
	at := shown.Add(-by)
	if was, _ := s.ahead(at); was == by {
		return at
	}
	return shown
}

// wall is what the wall clock of the box shows.
func (w *world) wall() time.Time {
	now := time.Now().Round(0)
	by, why := w.scene.ahead(now)
	if by != 0 {
		w.feel(why)
	}
	return now.Add(by)
}

// kernel is what the operating system of the box says of its clock.
func (w *world) kernel() clock.Sync {
	now := time.Now()
	for _, f := range w.scene.Faults {
		if (f.Kind == clockUnsure || f.Kind == clockLost || f.Kind == clockFuture) && w.scene.on(f, now) {
			w.feel(f.Kind)
			return clock.OutOfStep
		}
	}
	return clock.InStep
}

// timekeeper judges the clock now and then, as the appliance does.
func (w *world) timekeeper(ctx context.Context, l *ledger.Ledger) {
	for {
		timer := time.NewTimer(judgeEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		w.stand("timekeeper")
		w.judge(l)
	}
}

func (w *world) judge(l *ledger.Ledger) {
	state := l.State()
	judgement := clock.Judge(clock.Facts{Asked: clock.Synchronised, Now: w.wall(), Sync: w.kernel(), Built: built(), LastSeen: state.TrustedAt})
	if w.mutant.Naive {
		judgement = clock.Judgement{Trust: clock.Operator, At: w.wall()}
	}
	if e, changed := judgement.Change(state.Unsure); changed {
		_ = l.Add(e) // a journal that cannot be written is asked again
	}
}
