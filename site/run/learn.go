package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/plan"
)

// inTime is how far the box's measure of a restart may be from the time that the journal shows.
const inTime = 10 * time.Second

// learn takes from a step that ended how long it took. Only what ended well teaches. A step that was
// ended because its time was over does not: it tells of a fault, and each such lesson would give the
// next one twice the time. Nor does a restart that ended after its deadline, or that the box did not
// watch from beginning to end.
func (s *State) learn(intent *Event, e Event) {
	if intent == nil || intent.Work != e.Work || e.Kind != StepEnded || e.Outcome != OK {
		return
	}
	part := map[Step]estimate.Part{Install: estimate.Install, Reboot: estimate.Reboot, Reboot2: estimate.Reboot, Revert: estimate.Rollback}[e.Step]
	if part == "" {
		return
	}
	missed := e.At.Sub(intent.At) - e.Took.Std()
	if part == estimate.Reboot && (e.At.After(intent.Deadline) || missed.Abs() > inTime) {
		return
	}
	s.Learned = s.Learned.Learn(s.Night.model(e.Device), e.Patch, part, e.Took.Std())
}

// forget drops what was learned of patches that neither the catalog nor the open night has.
func (s *State) forget() {
	s.Learned = s.Learned.Only(func(patch string) bool {
		planned := false
		if s.Night.Open() {
			_, planned = s.Night.Plan.Patch(patch)
		}
		return planned || slices.Contains(s.Catalog.Patches, patch)
	})
}

// model is whose durations a device with jobs goes by; "" when the plan does not say.
func (n *Night) model(device string) string {
	if n == nil {
		return ""
	}
	at, planned := n.layout.lanes[device]
	if !planned {
		return ""
	}
	return n.layout.models[n.layout.members[n.layout.of[at]].model]
}

// pace is how long a patch takes on a model, by what is known now.
type pace struct {
	needs   time.Duration // all of it, with its rollback
	last    time.Time     // when it may be begun at the latest, by itself
	install time.Duration
	reboot  time.Duration // 0 when it makes none
}

// pace is that of a job. All jobs of a model are looked up together: there may be many.
func (d *decider) pace(j *Job) *pace {
	layout := &d.night.layout
	model := layout.members[layout.of[layout.order[j.order].lane]].model
	if d.paces[model] == nil {
		paces := make([]pace, len(d.night.Plan.Patches))
		for i, p := range d.night.Plan.Patches {
			p.Duration = d.s.Learned.Durations(layout.models[model], p)
			needs := plan.Needs(p)
			paces[i] = pace{needs: needs, last: d.night.Plan.Cutoff.Add(-needs), install: p.Duration.Install.Std()}
			if p.Reboot != site.RebootNever {
				paces[i].reboot = p.Duration.Reboot.Std()
			}
		}
		d.paces[model] = paces
	}
	return &d.paces[model][j.patch]
}

// Estimate is how long a patch is expected to take on a device of the newest night, by all that is
// known now.
func (s State) Estimate(device string, p site.Patch) estimate.Estimate {
	return s.Learned.Of(s.Night.model(device), p)
}

// Allowed is a patch whose steps are given their time on a device: what is learned makes them longer
// than the patch file does, and never shorter. A step that was quick so far is not cut off for that.
func (s State) Allowed(device string, p site.Patch) site.Patch {
	p.Duration = estimate.Longer(p.Duration, s.Learned.Durations(s.Night.model(device), p))
	return p
}
