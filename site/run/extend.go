package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Extendable reports whether a later look may add to the newest night: its window is open, the
// cut-off is ahead, and nothing is under way but on devices that do not answer. Jobs that wait to be
// begun do not stand in its way: what they wait for may be what is added.
func Extendable(s State, now time.Time) bool {
	n := s.Night
	if n == nil || s.Barred(now) != nil || now.Before(n.Plan.Opens) || !now.Before(n.Plan.Cutoff) {
		return false
	}
	return !slices.ContainsFunc(n.lanes, func(l *lane) bool { return l.underWay })
}

// Extension cuts a plan, made anew inside the window, to what the night has not tried yet, and
// what was held or quarantined and is free again: no patch is tried twice on a device in one night. It is empty
// when nothing is new.
func Extension(s State, made plan.Plan) plan.Plan {
	var lanes []plan.Lane
	wanted := map[string]bool{}
	for _, lane := range made.Lanes {
		lane.Jobs = slices.DeleteFunc(slices.Clone(lane.Jobs), func(j plan.Job) bool {
			had, tried := s.Job(lane.Device, j.Patch)
			return tried && !had.free()
		})
		for _, j := range lane.Jobs {
			wanted[j.Patch] = true
		}
		if len(lane.Jobs) > 0 {
			lanes = append(lanes, lane)
		}
	}
	made.Lanes, made.Forgets = lanes, nil // once a night is enough
	made.Patches = slices.DeleteFunc(slices.Clone(made.Patches), func(p site.Patch) bool { return !wanted[p.ID] })
	return made
}

// free reports whether what kept a job from being begun may be over within the night: a hold, an
// exception, a quarantine.
func (j Job) free() bool {
	return j.State == site.Held || j.State == site.Skipped && j.Reason != nil && j.Reason.Code == site.CodeQuarantined
}

// extend adds what a later look found to the night, which is open again.
func (s *State) extend(e Event) {
	if s.Night == nil || e.Plan == nil {
		return
	}
	n, more := s.Night, *e.Plan
	n.Passes = max(1, n.Passes) + 1
	n.Plan.Catalog, n.Plan.Groups, n.Plan.Members = more.Catalog, more.Groups, more.Members
	n.Plan.Lanes = slices.Clone(n.Plan.Lanes)
	n.Plan.Patches = slices.Clone(n.Plan.Patches)
	for _, p := range more.Patches {
		if _, known := n.Plan.Patch(p.ID); !known {
			n.Plan.Patches = append(n.Plan.Patches, p)
		}
	}
	for _, lane := range more.Lanes {
		n.addLane(lane)
	}
	n.lay(n.with(queued(more, e.At)))
	n.Report = slices.DeleteFunc(slices.Clone(e.Report), func(l plan.LeftOut) bool {
		_, planned := n.find(l.Device, l.Patch)
		return planned
	})
	n.Closed = time.Time{}
}

// with returns the jobs of the night and those behind them that it has not. One that was
// kept from being begun is begun anew in its old place; its attempts are counted on, since each
// has a name that is used once.
func (n *Night) with(more []Job) []Job {
	jobs := slices.Collect(n.Jobs())
	for _, j := range more {
		at, had := n.find(j.Device, j.Patch)
		if !had {
			jobs = append(jobs, j)
			continue
		}
		old := n.job(at)
		j.Attempts, j.Spent = old.Attempts, old.Attempts
		jobs[old.order] = j
	}
	return jobs
}

// addLane puts jobs behind those that the device has already, or the device behind the others.
func (n *Night) addLane(lane plan.Lane) {
	i := slices.IndexFunc(n.Plan.Lanes, func(l plan.Lane) bool { return l.Device == lane.Device })
	if i < 0 {
		n.Plan.Lanes = append(n.Plan.Lanes, lane)
		return
	}
	jobs := slices.DeleteFunc(slices.Clone(n.Plan.Lanes[i].Jobs), func(old plan.Job) bool {
		return slices.ContainsFunc(lane.Jobs, func(j plan.Job) bool { return j.Patch == old.Patch })
	})
	n.Plan.Lanes[i].Jobs = append(jobs, lane.Jobs...)
}
