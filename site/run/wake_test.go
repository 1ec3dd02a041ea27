package run_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/run"
)

// TestNothingBeforeWake: as long as nothing happens, the rules have nothing new to say until the
// time they name, so that nobody needs to ask them. What is too late to be begun may be said a
// second before.
func TestNothingBeforeWake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := begin(t)
		for range rapid.IntRange(1, 40).Draw(t, "happenings") {
			n.obey()
			until := n.now.Add(24 * time.Hour)
			if !n.wake.IsZero() {
				until = n.wake.Add(-time.Second)
			}
			for _, at := range []time.Time{n.now.Add(time.Second), n.now.Add(until.Sub(n.now) / 2), until} {
				if at.Before(n.now) || at.After(until) {
					continue
				}
				if events, _ := run.Next(n.s, at); len(events) > 0 {
					t.Fatalf("asked at %s they wait until %s, and at %s they say %+v", n.now, n.wake, at, events[0])
				}
			}
			n.happen()
			if rapid.IntRange(0, 20).Draw(t, "extend") == 0 {
				n.extend()
			}
		}
	})
}
