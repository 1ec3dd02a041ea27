package runner_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// pauses are how long the power is away: the box starts again at once, or after most deadlines.
var pauses = []time.Duration{0, 5 * time.Minute}

// A box that loses its power at any write to its journal, or around any effect, ends the
// night as one that never did.
func TestCrashAnywhere(t *testing.T) {
	appends, calls := untouched(t)
	var points []crash
	for n := 1; n <= appends; n++ {
		points = append(points, crash{append: n, pause: pauses[n%2]}, crash{append: n, keep: true, pause: pauses[(n+1)%2]})
	}
	for n := 1; n <= calls; n++ {
		points = append(points, crash{call: n, pause: pauses[n/2%2]})
	}
	sweep(t, points)
}

// untouched plays the night without a crash and counts the moments at which one could be.
func untouched(t *testing.T) (appends, calls int) {
	t.Helper()
	night(t, haunt, nil, func(w *world) {
		w.whole()
		appends, calls = w.journal.appends, w.calls
	})
	return appends, calls
}

// every is how many points of a sweep are passed over: none, but for a slow run.
func every() int {
	if testing.Short() || raceEnabled {
		return 11
	}
	return 1
}

// sweep plays one night for each point, on as many processors as there are.
func sweep(t *testing.T, points []crash) {
	t.Helper()
	const workers = 4
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker * every(); i < len(points); i += workers * every() {
				c := points[i]
				t.Run(fmt.Sprint(c), func(t *testing.T) {
					night(t, haunt, crashes{c}, func(w *world) {
						w.whole()
						w.compare(wanted())
						if w.fired != 1 {
							t.Errorf("the box crashed %d times", w.fired)
						}
					})
				})
			}
		})
	}
	group.Wait()
}
