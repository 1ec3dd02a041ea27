package plan

import (
	"time"

	"github.com/nightfill/nightfill/site"
)

// bundle numbers the jobs of a lane that are put on and proven together: runs of neighbours,
// so that the order of the lane stays as it is. A patch that cannot be taken back goes by itself,
// and so does one with gates: they are asked when nothing is on the device yet.
func (m *maker) bundle(jobs []Job) {
	number := 0
	for begin := 0; begin < len(jobs); {
		end := begin
		for end < len(jobs) && bundles(m.patches[jobs[end].Patch]) {
			end++
		}
		if end-begin > 1 {
			number++
			for i := range jobs[begin:end] {
				jobs[begin+i].Bundle = number
			}
		}
		begin = max(end, begin+1)
	}
}

func bundles(p *site.Patch) bool {
	return p.Rollback.Class != site.RollbackNone && len(p.Gates) == 0
}

// shared is what a job of a bundle does not need for itself: all restart once, after the last of
// them that restarts.
func (m *maker) shared(lane *Lane, i int) time.Duration {
	job, p := lane.Jobs[i], m.patches[lane.Jobs[i].Patch]
	if job.Bundle == 0 || p.Reboot == site.RebootNever {
		return 0
	}
	for _, later := range lane.Jobs[i+1:] {
		if later.Bundle == job.Bundle && m.patches[later.Patch].Reboot != site.RebootNever {
			return job.Expected(*p).Reboot.Std()
		}
	}
	return 0
}
