package runner_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// The wall clock jumps beyond the end of the window: what runs keeps its time and is brought to a
// good end, even by a box that starts again, and nothing else is begun.
func TestClockJumpsAhead(t *testing.T) {
	done, left := 0, 0
	for i, when := range []time.Time{at(23, 1), at(23, 2), at(23, 4), at(23, 6), at(23, 12), at(23, 2), at(23, 4)} {
		night(t, func(*fake.Store) {}, nil, func(w *world) {
			w.boot()
			w.until(when)
			w.ahead.Store(int64(3 * time.Hour))
			begun := map[string]bool{}
			for j := range w.ledger.State().Night.Jobs() {
				begun[key(j.Device, j.Patch)] = j.Begun()
			}
			if i >= 5 { // even if the box starts again
				w.halt()
				w.boot()
			}
			w.rest()
			for j := range w.ledger.State().Night.Jobs() {
				switch ended := j.Ends[run.Install]; {
				case !begun[key(j.Device, j.Patch)]:
					left++
					if j.Begun() || j.State != site.Skipped {
						t.Errorf("%s of %s is %s, begun %v, after the clock said that the window is over", j.Patch, j.Device, j.State, j.Begun())
					}
				case j.State != site.Done || ended.Outcome != run.OK:
					t.Errorf("%s of %s is %s, and its installation ended %s: %v", j.Patch, j.Device, j.State, ended.Outcome, j.Reason)
				default:
					done++
				}
			}
		})
	}
	if done == 0 || left == 0 {
		t.Errorf("%d jobs were under way and %d were not: the scene proves nothing", done, left)
	}
}

// The wall clock goes back to before the end of the window: its night stays closed.
func TestClockJumpsBack(t *testing.T) {
	night(t, func(*fake.Store) {}, nil, func(w *world) {
		w.boot()
		w.until(at(1, 30))
		closed := w.ledger.State()
		w.ahead.Store(int64(-150 * time.Minute))
		w.until(at(4, 30))
		w.halt()
		if after := w.ledger.State(); after.Seq != closed.Seq || closed.Night.Open() {
			t.Errorf("%d records, and %d after the clock went back", closed.Seq, after.Seq)
		}
	})
}
