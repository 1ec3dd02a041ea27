package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// partner finds the other half of a redundant pair that is away, or goes before the device: of
// two that stand in for each other, one is always at work, and the secondary is proven first.
func (d *decider) partner(j Job) (reason *site.Reason) {
	c := d.meet()
	d.partners(j.Device, func(g, other string) {
		switch {
		case reason != nil:
		case c.away[other]:
			reason = site.Because(site.CodeGroupFloor, other+" stands in for it in group "+g+", and is not at work", "group", g, "device", other)
		case c.roles[j.Device] == site.Primary && slices.Contains(c.unfinished[g], other):
			reason = site.Because(site.CodeWaiting, other+", the secondary of group "+g+", goes first, and is not finished", "group", g, "device", other)
		}
	})
	return reason
}

// secondaryFailed finds a secondary on which the patch of a primary did not prove itself.
func (d *decider) secondaryFailed(j Job) (state site.State, reason *site.Reason) {
	if d.meet().roles[j.Device] != site.Primary {
		return "", nil
	}
	d.partners(j.Device, func(g, other string) {
		if first, planned := d.s.Job(other, j.Patch); planned && first.Settled && first.Begun() && first.State != site.Done {
			state = site.Skipped
			reason = site.Because(site.CodeCanaryFailed, "it did not prove itself on "+other+", the secondary of group "+g,
				"group", g, "device", other, "state", string(first.State))
		}
	})
	return state, reason
}

// partners visits the devices that form a pair with the device, group by group.
func (d *decider) partners(device string, visit func(group, other string)) {
	c := d.meet()
	role := c.roles[device]
	if role == "" {
		return
	}
	for _, g := range c.groups[device] {
		for _, other := range c.members[g] {
			if role.Partners(c.roles[other]) {
				visit(g, other)
			}
		}
	}
}
