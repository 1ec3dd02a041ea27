package runner_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// pauses are how long the power is away: the box starts again at once, or after most deadlines.
var pauses = []time.Duration{0, 5 * time.Minute}

// A box that loses its power at any write to its journal, or around any effect, ends the
// night as one that never did.
func TestCrashAnywhere(t *testing.T) { reference().crashAnywhere(t, 1) }

// crashAnywhere plays a kind of night once for each moment at which it could lose its power; a sample
// of them, rarer by a factor, where every says so.
func (k kind) crashAnywhere(t *testing.T, rarer int) {
	t.Helper()
	var plans []crashes
	for i, c := range everywhere(k.untouched(t)) {
		if every() == 1 || i%rarer == 0 {
			plans = append(plans, crashes{c})
		}
	}
	t.Logf("%d moments", len(plans))
	k.sweep(t, plans)
}

// everywhere are the crashes at each of so many writes and around each of so many effects.
func everywhere(appends, calls int) []crash {
	var points []crash
	for n := 1; n <= appends; n++ {
		points = append(points, crash{append: n, pause: pauses[n%2]}, crash{append: n, keep: true, pause: pauses[(n+1)%2]})
	}
	for n := 1; n <= calls; n++ {
		points = append(points, crash{call: n, pause: pauses[n/2%2]})
	}
	return points
}

// The power fails twice, anywhere and for up to seven minutes.
func TestTwoCrashes(t *testing.T) {
	appends, calls := reference().untouched(t)
	anywhere := rapid.Custom(func(t *rapid.T) crash {
		c := crash{pause: time.Duration(rapid.IntRange(0, 420).Draw(t, "pause")) * time.Second}
		if rapid.Bool().Draw(t, "around a call") {
			c.call = rapid.IntRange(1, calls).Draw(t, "call")
		} else {
			c.append, c.keep = rapid.IntRange(1, appends).Draw(t, "append"), rapid.Bool().Draw(t, "keep")
		}
		return c
	})
	var plans []crashes
	for seed := range twice {
		plans = append(plans, crashes{anywhere.Example(2 * seed), anywhere.Example(2*seed + 1)})
	}
	reference().sweep(t, plans)
}

// twice is how many nights have two crashes.
const twice = 40

// untouched plays the night without a crash and counts the moments at which one could be.
func (k kind) untouched(t *testing.T) (appends, calls int) {
	t.Helper()
	nightOf(t, k.furnish, k.haunt, nil, func(w *world) {
		k.play(w)
		appends, calls = w.journal.appends, w.calls
	})
	return appends, calls
}

// every is how many points of a sweep are one step further: the next, but for a slow run. The whole of it is a step
// of its own in .ci/run.
func every() int {
	if testing.Short() || raceEnabled {
		return 23
	}
	return 1
}

// sweep plays one night for each plan, several at once. A night may write once or twice less than the one whose moments
// were counted, for a person and the box act at the same moment, and either may be first: so a few of the last
// moments may not come.
func (k kind) sweep(t *testing.T, plans []crashes) {
	t.Helper()
	const workers = 4
	nights := (len(plans) + every() - 1) / every()
	t.Logf("%d of %d nights are played", nights, len(plans))
	var group sync.WaitGroup
	var untouched atomic.Int64
	for worker := range workers {
		group.Go(func() {
			for i := worker * every(); i < len(plans); i += workers * every() {
				t.Run(fmt.Sprint(plans[i]), func(t *testing.T) {
					nightOf(t, k.furnish, k.haunt, plans[i], func(w *world) {
						k.play(w)
						w.compare(k.want)
						if w.fired == 0 {
							untouched.Add(1)
						}
					})
				})
			}
		})
	}
	group.Wait()
	if untouched.Load() > 1+int64(nights)/20 {
		t.Errorf("in %d of %d nights the box never crashed", untouched.Load(), nights)
	}
}
