package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// waiting says what a job that may be begun still waits for: a gate, another device of
// its group, another group. Nil means that nothing stands against beginning it now.
func (d *decider) waiting(j Job, p site.Patch) *site.Reason {
	if j.Last != nil && j.Last.Step == Gate && j.Last.Outcome != OK {
		return j.Last.Reason
	}
	if reason := d.s.Barred(); reason != nil {
		return reason
	}
	for _, rule := range []func(Job) *site.Reason{d.earlierGroup, d.canaryFirst, d.partner, d.groupRoom} {
		if reason := rule(j); reason != nil {
			return reason
		}
	}
	return nil
}

// company is what all decisions of one moment share: who belongs to which group, who is away,
// who has work ahead. A store has many devices, and each of them asks.
type company struct {
	groups     map[string][]string // of a device
	roles      map[string]site.Role
	members    map[string][]string // of a group
	away       map[string]bool     // devices that are not at work, or not proven to be
	unfinished map[string][]string // devices of a group that answer, and have work ahead that can be done tonight
	canaries   map[canary]*Job     // who has to prove a patch in a group; none where nobody can
}

type canary struct{ group, patch string }

func (d *decider) meet() *company {
	if d.met != nil {
		return d.met
	}
	c := &company{
		groups: map[string][]string{}, roles: map[string]site.Role{}, members: map[string][]string{}, away: map[string]bool{},
		unfinished: map[string][]string{}, canaries: map[canary]*Job{},
	}
	d.met = c
	for _, m := range d.night.Plan.Members {
		c.groups[m.Device], c.roles[m.Device] = m.Groups, m.Role
		for _, g := range m.Groups {
			c.members[g] = append(c.members[g], m.Device)
		}
		_, dirty := d.s.Dirty[m.Device]
		c.away[m.Device] = m.Down || dirty
	}
	lost, back := map[string]bool{}, map[string]bool{}
	for _, j := range d.night.Jobs {
		c.away[j.Device] = c.away[j.Device] || j.Away() || unreached(j) != nil || askedAgain(j)
		lost[j.Device] = lost[j.Device] || gone(j)
		back[j.Device] = back[j.Device] || !j.Settled && j.State != site.NoAnswer
	}
	stuck := func(j *Job) bool {
		return !j.Begun() && d.tooFew(j.Device, func(device string) bool { return c.away[device] && (!back[device] || lost[device]) }) != nil
	}
	for i := range d.night.Jobs {
		j := &d.night.Jobs[i]
		for _, g := range c.groups[j.Device] {
			c.canaries[canary{g, j.Patch}] = fitter(c.canaries[canary{g, j.Patch}], j)
			if !j.Settled && !lost[j.Device] && !stuck(j) && !slices.Contains(c.unfinished[g], j.Device) {
				c.unfinished[g] = append(c.unfinished[g], j.Device)
			}
		}
	}
	return c
}

// unreached says why the device of a job cannot be reached now; nil when it can, for all that is known.
func unreached(j Job) *site.Reason {
	switch {
	case j.Settled:
		return nil
	case j.State == site.NoAnswer:
		return j.Reason
	case j.Last != nil && j.Last.Step == Stage && j.Last.Outcome == Unreached:
		return j.Last.Reason
	}
	return nil
}

// earlierGroup finds a group that goes before the job's and is not finished. A device that
// does not answer holds nobody up: it would hold up the whole store.
func (d *decider) earlierGroup(j Job) *site.Reason {
	c := d.meet()
	mine := c.groups[j.Device]
	for _, g := range d.night.Plan.Groups {
		if !slices.ContainsFunc(g.Before, func(id string) bool { return slices.Contains(mine, id) }) {
			continue
		}
		for _, other := range c.unfinished[g.ID] {
			if other != j.Device {
				return site.Because(site.CodeWaiting, "group "+g.ID+" goes first, and "+other+" is not finished", "group", g.ID, "device", other)
			}
		}
	}
	return nil
}

// gone reports whether the device of a job has not answered for so long that nobody waits for it.
func gone(j Job) bool {
	ended := j.Attempts[Stage]
	if j.Intent != nil {
		ended--
	}
	return unreached(j) != nil && (j.State == site.NoAnswer || ended >= stageTries)
}

// fitter returns which of two jobs of a patch, the second one behind the first in the lanes, has
// to prove it in their group: one that has, else the first that has begun to, else the first that can.
func fitter(first, second *Job) *Job {
	if first == nil || rank(*second) > rank(*first) {
		first = second
	}
	if rank(*first) == 0 {
		return nil
	}
	return first
}

func rank(j Job) int {
	switch {
	case j.State == site.Done:
		return 3
	case j.Begun():
		return 2
	case !j.Settled && !gone(j):
		return 1
	}
	return 0
}

func (d *decider) canaries(j Job, visit func(g site.Group, first Job)) {
	c := d.meet()
	for _, g := range d.night.Plan.Groups {
		if !g.Canary || !slices.Contains(c.groups[j.Device], g.ID) {
			continue
		}
		if first := c.canaries[canary{g.ID, j.Patch}]; first != nil && first.Device != j.Device {
			visit(g, *first)
		}
	}
}

// canaryFirst finds a device of the group that has to prove the patch before this one.
func (d *decider) canaryFirst(j Job) (reason *site.Reason) {
	d.canaries(j, func(g site.Group, first Job) {
		if !first.Settled {
			reason = site.Because(site.CodeWaiting, first.Device+" takes it first in group "+g.ID, "group", g.ID, "device", first.Device)
		}
	})
	return reason
}

// canaryFailed finds a group in which the patch broke the first device that took it.
func (d *decider) canaryFailed(j Job) (state site.State, reason *site.Reason) {
	d.canaries(j, func(g site.Group, first Job) {
		if first.Settled && first.State != site.Done {
			state = site.Skipped
			reason = site.Because(site.CodeCanaryFailed, "it did not prove itself on "+first.Device+", the first device of group "+g.ID,
				"group", g.ID, "device", first.Device, "state", string(first.State))
		}
	})
	return state, reason
}

// groupRoom finds a group that cannot spare the device now.
func (d *decider) groupRoom(j Job) *site.Reason {
	c := d.meet()
	return d.tooFew(j.Device, func(device string) bool { return c.away[device] })
}

// tooFew finds a group that cannot spare a device when those others are away.
func (d *decider) tooFew(device string, away func(device string) bool) *site.Reason {
	for _, g := range d.night.Plan.Groups {
		if !slices.Contains(d.met.groups[device], g.ID) {
			continue
		}
		others := []string{}
		for _, other := range d.met.members[g.ID] {
			if other != device && away(other) {
				others = append(others, other)
			}
		}
		if len(others)+1 > plan.Away(g, len(d.met.members[g.ID]), 0) {
			return site.Because(site.CodeGroupFloor, "group "+g.ID+" cannot spare another device now", "group", g.ID, "away", joined(others))
		}
	}
	return nil
}

// askedAgain reports whether a gate that was open is asked once more because the job's turn has
// come: meanwhile nobody else takes its turn.
func askedAgain(j Job) bool {
	return j.Intent != nil && j.Intent.Step == Gate && j.Ends[Gate].Outcome == OK
}
