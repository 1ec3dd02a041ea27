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
	for _, rule := range []func(Job) *site.Reason{d.earlierGroup, d.canaryFirst, d.groupRoom} {
		if reason := rule(j); reason != nil {
			return reason
		}
	}
	return nil
}

func (d *decider) groupsOf(device string) []string {
	for _, m := range d.night.Plan.Members {
		if m.Device == device {
			return m.Groups
		}
	}
	return nil
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
	mine := d.groupsOf(j.Device)
	for _, g := range d.night.Plan.Groups {
		if !slices.ContainsFunc(g.Before, func(id string) bool { return slices.Contains(mine, id) }) {
			continue
		}
		for _, other := range d.night.Jobs {
			if !other.Settled && other.Device != j.Device && slices.Contains(d.groupsOf(other.Device), g.ID) && !d.gone(other.Device) {
				return site.Because(site.CodeWaiting, "group "+g.ID+" goes first, and "+other.Device+" is not finished", "group", g.ID, "device", other.Device)
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

func (d *decider) gone(device string) bool {
	return slices.ContainsFunc(d.night.Jobs, func(j Job) bool { return j.Device == device && gone(j) })
}

// canary returns the job that has to prove the patch in a group: one that has proven it, else
// the one that has begun to, else the first of the lanes that can.
func (d *decider) canary(group, patch string) (Job, bool) {
	var begun, next *Job
	for i := range d.night.Jobs {
		j := &d.night.Jobs[i]
		switch {
		case j.Patch != patch || !slices.Contains(d.groupsOf(j.Device), group):
		case j.State == site.Done:
			return *j, true
		case j.Begun() && begun == nil:
			begun = j
		case !j.Begun() && !j.Settled && !gone(*j) && next == nil:
			next = j
		}
	}
	if begun == nil {
		begun = next
	}
	if begun == nil {
		return Job{}, false
	}
	return *begun, true
}

func (d *decider) canaries(j Job, visit func(g site.Group, first Job)) {
	for _, g := range d.night.Plan.Groups {
		if !g.Canary || !slices.Contains(d.groupsOf(j.Device), g.ID) {
			continue
		}
		if first, ok := d.canary(g.ID, j.Patch); ok && first.Device != j.Device {
			visit(g, first)
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
	for _, g := range d.night.Plan.Groups {
		if !slices.Contains(d.groupsOf(j.Device), g.ID) {
			continue
		}
		members, away := 0, []string{}
		for _, m := range d.night.Plan.Members {
			if !slices.Contains(m.Groups, g.ID) {
				continue
			}
			members++
			if m.Device != j.Device && d.away(m) {
				away = append(away, m.Device)
			}
		}
		if len(away)+1 > plan.Away(g, members, 0) {
			return site.Because(site.CodeGroupFloor, "group "+g.ID+" cannot spare another device now", "group", g.ID, "away", joined(away))
		}
	}
	return nil
}

// away reports whether a device is not at work, or not proven to be.
func (d *decider) away(m plan.Member) bool {
	if m.Down || slices.Contains(d.begun, m.Device) {
		return true
	}
	if _, dirty := d.s.Dirty[m.Device]; dirty {
		return true
	}
	return slices.ContainsFunc(d.night.Jobs, func(j Job) bool { return j.Device == m.Device && (j.Away() || askedAgain(j)) })
}

// askedAgain reports whether a gate that was open is asked once more because the job's turn has
// come: meanwhile nobody else takes its turn.
func askedAgain(j Job) bool {
	return j.Intent != nil && j.Intent.Step == Gate && j.Ends[Gate].Outcome == OK
}
