package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// partner finds the other half of a redundant pair that is away, or goes before the device: of
// two that stand in for each other, one is always at work, and the secondary is proven first.
func (d *decider) partner(j *Job) *site.Reason {
	me := &d.night.layout.members[d.number(j)]
	for _, p := range me.partners {
		g, other := d.night.Plan.Groups[p.group].ID, d.night.layout.members[p.number].device
		switch {
		case d.company.away.member[p.number]:
			return site.Because(site.CodeGroupFloor, other+" stands in for it in group "+g+", and is not at work", "group", g, "device", other)
		case me.role == site.Primary && slices.ContainsFunc(d.unfinished(p.group), func(j *Job) bool { return j.Device == other }):
			return site.Because(site.CodeWaiting, other+", the secondary of group "+g+", goes first, and is not finished", "group", g, "device", other)
		}
	}
	return nil
}

// secondaryFailed finds a secondary on which the patch of a primary did not prove itself.
func (d *decider) secondaryFailed(j *Job) (state site.State, reason *site.Reason) {
	me := &d.night.layout.members[d.number(j)]
	if me.role != site.Primary {
		return "", nil
	}
	for _, p := range me.partners {
		other := d.night.layout.members[p.number].device
		if first, planned := d.s.Job(other, j.Patch); planned && first.Settled && first.Begun() && first.State != site.Done {
			g := d.night.Plan.Groups[p.group].ID
			state = site.Skipped
			reason = site.Because(site.CodeCanaryFailed, "it did not prove itself on "+other+", the secondary of group "+g,
				"group", g, "device", other, "state", string(first.State))
		}
	}
	return state, reason
}
