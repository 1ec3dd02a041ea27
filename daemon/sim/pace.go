package sim

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// pace is how long the steps took that ended well, of each model of device: what the rules may have
// learned in this night.
type pace map[ran][]time.Duration

// ran is one step of a patch on a model. A restart has no patch: it belongs to the machine.
type ran struct {
	model, patch string
	step         run.Step
}

// The rules may take a number for shorter than the patch file says once they have seen so many runs,
// and then not for shorter than half of it.
const (
	enoughRuns = 5
	newestRuns = 50
)

func (p pace) saw(model string, e run.Event) {
	if e.Outcome != run.OK || e.Took <= 0 {
		return
	}
	of := ran{model, e.Patch, e.Step}
	if e.Step == run.Reboot || e.Step == run.Reboot2 {
		of.patch, of.step = "", run.Reboot
	}
	p[of] = append(p[of], e.Took.Std().Truncate(time.Second))
}

// forget takes out what a plan lets go: the longest run of each.
func (p pace) forget(list []plan.Forgotten) {
	for _, f := range list {
		for _, part := range f.Parts {
			step, known := map[estimate.Part]run.Step{estimate.Install: run.Install, estimate.Rollback: run.Revert}[part]
			of := ran{f.Model, f.Patch, step}
			if longest := slices.Index(p[of], slices.Max(append([]time.Duration{0}, p[of]...))); known && longest >= 0 {
				p[of] = slices.Delete(slices.Clone(p[of]), longest, longest+1)
			}
		}
	}
}

// least is the shortest time that the rules may reckon with for a patch and its rollback.
func (p pace) least(model string, patch site.Patch) time.Duration {
	d := patch.Duration
	least := p.atLeast(ran{model, patch.ID, run.Install}, d.Install) + p.atLeast(ran{model, patch.ID, run.Revert}, d.Rollback) + d.Verify.Std() + d.Soak.Std()
	if patch.Reboot == site.RebootNever {
		return least
	}
	if len(p[ran{model, "", run.Reboot}]) < enoughRuns {
		return least + d.Reboot.Std()
	}
	return least + d.Reboot.Std()/2 // which restarts teach is not looked at: some were watched in part only
}

// atLeast is what remains when at most one in twenty of the newest runs may have been longer.
func (p pace) atLeast(of ran, file site.Duration) time.Duration {
	runs := slices.Clone(p[of])
	runs = runs[max(0, len(runs)-newestRuns):]
	if len(runs) == 0 {
		return file.Std()
	}
	slices.SortFunc(runs, func(a, b time.Duration) int { return int(b - a) })
	long := runs[len(runs)/20]
	if len(runs) < enoughRuns {
		return max(long, file.Std())
	}
	return max(long, file.Std()/2)
}
