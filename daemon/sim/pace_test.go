package sim

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TestPace: the oracle lets the rules reckon with less than the patch file says only after enough
// runs, never with less than half, and never with less than what most runs took.
func TestPace(t *testing.T) {
	minutes := func(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }
	p := site.Patch{ID: "app", Reboot: site.RebootAlways, Duration: site.Durations{
		Install: minutes(20), Reboot: minutes(6), Verify: minutes(1), Rollback: minutes(10), Soak: minutes(2),
	}}
	for _, c := range []struct {
		name string
		runs map[run.Step][]int
		want int // minutes
	}{
		{"nothing seen", nil, 39},
		{"too few", map[run.Step][]int{run.Install: {1, 1, 1, 1}, run.Reboot: {1, 1}, run.Reboot2: {1, 1}, run.Revert: {1}}, 39},
		{"a long one", map[run.Step][]int{run.Install: {1, 25}}, 44},
		{"enough", map[run.Step][]int{run.Install: {1, 12, 1, 1, 1}}, 31},
		{"the floor", map[run.Step][]int{run.Install: {1, 1, 1, 1, 1}, run.Reboot: {1, 1, 1}, run.Reboot2: {1, 1}, run.Revert: {1, 1, 1, 1, 1}}, 21},
		{"one in twenty is no rule", map[run.Step][]int{run.Install: {30, 15, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, 34},
	} {
		seen := pace{}
		for step, runs := range c.runs {
			for _, took := range runs {
				seen.saw("till", run.Event{Step: step, Patch: "app", Outcome: run.OK, Took: minutes(took)})
				seen.saw("till", run.Event{Step: step, Patch: "app", Outcome: run.Bad, Took: minutes(100)})
			}
		}
		if got := seen.least("till", p); got != minutes(c.want).Std() {
			t.Errorf("%s: %s, want %d minutes", c.name, got, c.want)
		}
		if got := seen.least("server", p); got != minutes(39).Std() {
			t.Errorf("%s: %s on another model", c.name, got)
		}
	}
}
