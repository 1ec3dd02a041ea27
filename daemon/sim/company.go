package sim

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// company checks what devices owe each other when one of them is about to be changed: the
// limits of its groups, the canary, and the groups that go first.
func (o *oracle) company(j *job) {
	under := o.underWay(j)
	if !under {
		o.pair(j)
	}
	for _, g := range o.scene.Store.Groups {
		members := o.members(g.ID)
		if slices.Contains(members, j.device) {
			if !under {
				o.limits(j, g, members)
			}
			o.canary(j, g, members)
			continue
		}
		if under {
			continue
		}
		goesFirst := slices.ContainsFunc(g.Before, func(id string) bool { return slices.Contains(o.members(id), j.device) })
		if goesFirst {
			o.first(j, g, members)
		}
	}
}

func (o *oracle) members(group string) []string {
	var ids []string
	for _, d := range o.scene.Store.Devices {
		if slices.Contains(d.Groups, group) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// limits counts who is away, or not proven to be at work, together with the device.
func (o *oracle) limits(j *job, g site.Group, members []string) {
	var away []string
	for _, id := range members {
		if id != j.device && o.away(id) {
			away = append(away, id)
		}
	}
	n := len(members)
	switch {
	case g.MinUp > 0 && n-len(away)-1 < g.MinUp:
		o.note("min_up", "%s is begun on %s while %v are away: fewer than %d of group %s are left", j.patch, j.device, away, g.MinUp, g.ID)
	case !g.MaxDown.IsZero() && len(away)+1 > g.MaxDown.Of(n):
		o.note("max_down", "%s is begun on %s while %v are away: more than %s of group %s", j.patch, j.device, away, g.MaxDown, g.ID)
	}
}

func (o *oracle) away(device string) bool {
	if o.down[device] || o.dirty[device] {
		return true
	}
	for _, j := range o.jobs {
		switch {
		case j.device != device:
		case j.silent || j.missed && !j.settled:
			return true
		case j.begun && (!j.settled || j.state != site.Done && j.state != site.RolledBack):
			return true
		}
	}
	return false
}

// canary checks that a patch was proven in the group before it is put on a second device.
func (o *oracle) canary(j *job, g site.Group, members []string) {
	if !g.Canary {
		return
	}
	begun := ""
	for _, id := range members {
		other := o.jobs[pair{id, j.patch}]
		switch {
		case other == nil || id == j.device:
		case other.state == site.Done:
			return
		case other.begun:
			begun = id
		}
	}
	if begun != "" {
		o.note("canary", "%s is begun on %s, and %s, which took it first in group %s, has not proven it", j.patch, j.device, begun, g.ID)
	}
}

// first checks that a group which goes first is finished. A device that does not answer holds
// nobody up.
func (o *oracle) first(j *job, g site.Group, members []string) {
	for _, other := range o.jobs {
		if !slices.Contains(members, other.device) || other.settled || o.deaf(other.device) || !other.begun && (o.hopeless(other.device) || o.waitsItself(other)) {
			continue
		}
		o.note("before", "%s is begun on %s, and %s of %s in group %s, which goes first, is not finished", j.patch, j.device, other.patch, other.device, g.ID)
		return
	}
}

// waitsItself reports whether a job was put off, or comes after one on its device that was, or after one that does.
func (o *oracle) waitsItself(j *job) bool { return o.waitsFor(j, map[*job]bool{}) }

func (o *oracle) waitsFor(j *job, seen map[*job]bool) bool {
	if j.putOff {
		return true
	}
	seen[j] = true
	p := o.scene.patch(j.patch)
	for _, other := range o.jobs {
		if other.device != j.device || other.settled || other.begun || seen[other] {
			continue
		}
		name := o.scene.patch(other.patch).Applies.Package
		after := slices.Contains(p.Requires, other.patch) || j.bundle > 0 && j.bundle == other.bundle || name != "" && name == p.Applies.Package
		if after && o.waitsFor(other, seen) {
			return true
		}
	}
	return false
}

// deaf reports whether a device did not answer for some time.
func (o *oracle) deaf(device string) bool {
	for _, j := range o.jobs {
		if j.device == device && !j.settled && (j.silent || j.missing >= 3) {
			return true
		}
	}
	return false
}

// hopeless reports whether a group of a device has lost so many for the night that the device
// cannot be begun: nobody waits for it.
func (o *oracle) hopeless(device string) bool {
	for _, g := range o.scene.Store.Groups {
		members := o.members(g.ID)
		if !slices.Contains(members, device) {
			continue
		}
		lost := 0
		for _, id := range members {
			if id != device && o.lost(id) {
				lost++
			}
		}
		n := len(members)
		if g.MinUp > 0 && n-lost-1 < g.MinUp || !g.MaxDown.IsZero() && lost+1 > g.MaxDown.Of(n) {
			return true
		}
	}
	return false
}

// lost reports whether a device is away and does not answer, or has nothing ahead that could
// bring it back.
func (o *oracle) lost(device string) bool {
	for _, j := range o.jobs {
		if j.device == device && !j.settled && !o.deaf(device) {
			return false
		}
	}
	return o.away(device)
}
