package run_test

import (
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// mayBegin checks the first installation of a patch on a device.
func (n *story) mayBegin(e run.Event) {
	p, _ := n.s.Night.Plan.Patch(e.Patch)
	p.Duration = n.s.Estimate(e.Device, p).Durations
	if n.now.Add(plan.Needs(p)).After(n.s.Night.Plan.Cutoff) {
		n.t.Fatalf("%s is begun at %s and needs %s", e.Patch, n.now, plan.Needs(p))
	}
	_, withdrawn := n.s.Catalog.Withdrawn[e.Patch]
	if _, held := n.s.Catalog.Held[e.Patch]; withdrawn || held || n.s.Unsure != nil || n.s.Dirty[e.Device] != nil {
		n.t.Fatalf("%s is begun on %s: withdrawn %v, clock %v, dirty %v", e.Patch, e.Device, withdrawn, n.s.Unsure, n.s.Dirty[e.Device])
	}
	if n.s.Catalog.StoreHeld != nil {
		n.t.Fatalf("%s is begun on %s, and headquarters holds the store", e.Patch, e.Device)
	}
	for _, name := range []string{e.Device, site.AllDevices} {
		if h, held := n.s.Holds[name]; held && n.now.Before(h.Until) {
			n.t.Fatalf("%s is begun on %s, which is held", e.Patch, e.Device)
		}
	}
	for _, id := range p.Requires {
		other, planned := n.s.Job(e.Device, id)
		job, _ := n.s.Job(e.Device, e.Patch)
		if together := job.Bundle > 0 && other.Bundle == job.Bundle && other.Begun() && !other.Back; planned && !together && other.State != site.Done {
			n.t.Fatalf("%s is begun on %s and %s is %s", e.Patch, e.Device, id, other.State)
		}
	}
	for _, g := range n.s.Night.Plan.Groups {
		n.group(g, e)
	}
}

func (n *story) group(g site.Group, e run.Event) {
	members := map[string]bool{}
	away := 1
	for _, m := range n.s.Night.Plan.Members {
		if !slices.Contains(m.Groups, g.ID) {
			continue
		}
		members[m.Device] = true
		busy := m.Down || n.s.Dirty[m.Device] != nil || n.away(m.Device)
		if busy && m.Device != e.Device {
			away++
		}
	}
	waits := slices.ContainsFunc(n.s.Night.Plan.Groups, func(first site.Group) bool { return slices.Contains(first.Before, g.ID) })
	if !members[e.Device] {
		return
	}
	if up := len(members) - away; g.MinUp > 0 && up < g.MinUp || g.MaxDown.Count > 0 && away > g.MaxDown.Count {
		n.t.Fatalf("%s of group %s is begun: %d of %d are away, %+v", e.Device, g.ID, away, len(members), g)
	}
	begun, done := false, false
	for j := range n.s.Night.Jobs() {
		if j.Patch == e.Patch && members[j.Device] {
			begun, done = begun || j.Begun(), done || j.State == site.Done
		}
	}
	if g.Canary && begun && !done {
		n.t.Fatalf("%s is begun on %s before anybody of group %s has proven it", e.Patch, e.Device, g.ID)
	}
	if waits && !n.away(e.Device) {
		n.afterEarlier(e)
	}
	n.pair(g, e)
}

// pair checks that of two devices that stand in for each other one is at work.
func (n *story) pair(g site.Group, e run.Event) {
	role := func(device string) site.Role {
		i := slices.IndexFunc(n.s.Night.Plan.Members, func(m plan.Member) bool { return m.Device == device })
		return n.s.Night.Plan.Members[i].Role
	}
	for _, m := range n.s.Night.Plan.Members {
		if !slices.Contains(m.Groups, g.ID) || !m.Role.Partners(role(e.Device)) {
			continue
		}
		if m.Down || n.away(m.Device) {
			n.t.Fatalf("%s is begun while %s, the other half of its pair, is away", e.Device, m.Device)
		}
		if other, planned := n.s.Job(m.Device, e.Patch); m.Role == site.Secondary && planned && other.Begun() && other.State != site.Done {
			n.t.Fatalf("%s is begun on the primary %s, and on %s it is %s", e.Patch, e.Device, m.Device, other.State)
		}
	}
}

// afterEarlier checks that group a is over, apart from devices that do not answer.
func (n *story) afterEarlier(e run.Event) {
	lost := map[string]bool{}
	for j := range n.s.Night.Jobs() {
		if !j.Settled && (j.State == site.NoAnswer || j.Last != nil && j.Last.Step == run.Stage && j.Last.Outcome == run.Unreached) {
			lost[j.Device] = true
		}
	}
	for _, m := range n.s.Night.Plan.Members {
		for j := range n.s.Night.Jobs() {
			if j.Device == m.Device && slices.Contains(m.Groups, "a") && !j.Settled && m.Device != e.Device && !lost[m.Device] && (j.Begun() || !n.putOff(j) && !n.stuck(m, lost)) {
				n.t.Fatalf("%s of group b is begun, and %s of group a is %s", e.Device, m.Device, j.State)
			}
		}
	}
}

// putOff reports whether a job waits for another attempt, or for one that does.
func (n *story) putOff(j run.Job) bool {
	p, _ := n.s.Night.Plan.Patch(j.Patch)
	return slices.ContainsFunc(n.s.Night.JobsOf(j.Device), func(other run.Job) bool {
		needed := other.Patch == j.Patch || slices.Contains(p.Requires, other.Patch) || j.Bundle > 0 && j.Bundle == other.Bundle
		return needed && !other.Settled && !other.Again.IsZero()
	})
}

// stuck reports whether a group of the device has lost so many for the night that the device
// cannot be begun: nobody waits for it.
func (n *story) stuck(m plan.Member, lost map[string]bool) bool {
	for _, g := range n.s.Night.Plan.Groups {
		members, away := 0, 0
		for _, other := range n.s.Night.Plan.Members {
			if !slices.Contains(other.Groups, g.ID) {
				continue
			}
			members++
			if _, dirty := n.s.Dirty[other.Device]; other.Device != m.Device && (other.Down || n.ended(other.Device) && dirty || lost[other.Device] || n.ended(other.Device) && n.away(other.Device)) {
				away++
			}
		}
		if slices.Contains(m.Groups, g.ID) && (away+1 > g.MaxDown.Of(members) || g.MinUp > 0 && members-away-1 < g.MinUp) {
			return true
		}
	}
	return false
}

// ended reports whether nothing more happens to a device tonight.
func (n *story) ended(device string) bool {
	return !slices.ContainsFunc(slices.Collect(n.s.Night.Jobs()), func(j run.Job) bool { return j.Device == device && !j.Settled })
}

func (n *story) away(device string) bool {
	return slices.ContainsFunc(slices.Collect(n.s.Night.Jobs()), func(j run.Job) bool {
		return j.Device == device && j.Away() && (j.State != site.NoAnswer || j.Begun() || !j.Settled || !n.heardAfter(j))
	})
}

// heardAfter reports whether a device did something for another patch after a job was given up for
// lack of an answer.
func (n *story) heardAfter(given run.Job) bool {
	for _, r := range slices.Backward(n.records) {
		e := r.Event
		switch {
		case e.Device != given.Device:
		case e.Kind == run.StepEnded && (e.Outcome == run.OK || e.Step != run.Stage && e.Outcome != run.Unreached && e.Outcome != run.Refused):
			return e.At.After(given.Since)
		case e.Kind == run.PatchSettled && e.Patch == given.Patch:
			return false
		}
	}
	return false
}
