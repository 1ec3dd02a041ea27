package run

import (
	"cmp"
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// waiting says what a job that may be begun still waits for: a gate, another device of
// its group, another group. Nil means that nothing stands against beginning it now.
func (d *decider) waiting(j *Job) *site.Reason {
	if j.Last != nil && j.Last.Step == Gate && j.Last.Outcome != OK {
		return j.Last.Reason
	}
	if j.putOff(d.now) {
		return j.Reason
	}
	if reason := d.s.Barred(d.now); reason != nil {
		return reason
	}
	if reason := d.s.taken(j.Device); reason != nil {
		return reason
	}
	for _, rule := range []func(*Job) *site.Reason{d.earlierGroup, d.canaryFirst, d.partner, d.groupRoom} {
		if reason := rule(j); reason != nil {
			return reason
		}
	}
	return nil
}

// company is what all decisions of one moment share: who is away, who has work ahead, who proves
// a patch first. Members and groups go by their places in the layout.
type company struct {
	away absent // not at work, or not proven to be
	gone absent // of them those who are not expected back tonight

	// Made for a group when somebody asks.
	unfinished [][]*Job // of those who answer, the first job that can be done tonight
	canaries   [][]*Job // by patch, who has to prove it; nil where nobody can

	full []*site.Reason // of a group that can spare none of those who are at work, while nobody else goes away
}

// absent counts members that cannot be counted on.
type absent struct {
	layout *layout
	member []bool
	groups []int // how many of each group
}

func newAbsent(l *layout) absent {
	return absent{l, make([]bool, len(l.members)), make([]int, len(l.groups))}
}

func (a absent) add(number int) {
	if a.member[number] {
		return
	}
	a.member[number] = true
	for _, g := range a.layout.members[number].groups {
		a.groups[g]++
	}
}

func meet(s State) *company {
	l := &s.Night.layout
	c := &company{
		away: newAbsent(l), gone: newAbsent(l),
		unfinished: make([][]*Job, len(l.groups)), canaries: make([][]*Job, len(l.groups)),
		full: make([]*site.Reason, len(l.groups)),
	}
	for number := range l.members {
		m := &l.members[number]
		_, dirty := s.Dirty[m.device]
		_, taken := s.Hands[m.device]
		away, back := m.down || dirty || taken, taken
		if m.lane >= 0 {
			lane := s.Night.lanes[m.lane]
			away, back = away || lane.away, taken || lane.back && !lane.lost
		}
		if away {
			c.away.add(number)
		}
		if away && !back {
			c.gone.add(number)
		}
	}
	return c
}

// leave takes a member away.
func (c *company) leave(number int) {
	c.away.add(number)
	clear(c.full)
}

// number is the place of a job's device among the members.
func (d *decider) number(j *Job) int {
	l := &d.night.layout
	return l.of[l.order[j.order].lane]
}

// unreached says why the device of a job cannot be reached now; nil when it can, for all that is known.
func unreached(j *Job) *site.Reason {
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
func (d *decider) earlierGroup(j *Job) *site.Reason {
	for _, g := range d.night.layout.members[d.number(j)].after {
		id := d.night.Plan.Groups[g].ID
		for _, other := range d.unfinished(g) {
			if other.Device != j.Device {
				return site.Because(site.CodeWaiting, "group "+id+" goes first, and "+other.Device+" is not finished", "group", id, "device", other.Device)
			}
		}
	}
	return nil
}

// unfinished are the first jobs that can be done tonight on the devices of a group, in the order
// in which they were planned. What is not begun cannot be done where too many others of a group
// are gone, and nobody waits for what was put off.
func (d *decider) unfinished(g int) []*Job {
	c := d.company
	if c.unfinished[g] != nil {
		return c.unfinished[g]
	}
	ahead := []*Job{}
	for _, number := range d.night.layout.groups[g] {
		m := &d.night.layout.members[number]
		if m.lane < 0 || d.night.lanes[m.lane].lost {
			continue
		}
		l := d.night.lanes[m.lane]
		stuck := d.crowded(number, c.gone) >= 0
		passed := d.passed(l)
		for i := l.first; i < len(l.jobs); i++ {
			if j := &l.jobs[i]; !j.Settled && (j.Begun() || !stuck && !slices.Contains(passed, j)) {
				ahead = append(ahead, j)
				break
			}
		}
	}
	slices.SortFunc(ahead, func(a, b *Job) int { return a.order - b.order })
	c.unfinished[g] = ahead
	return ahead
}

// gone reports whether the device of a job has not answered for so long that nobody waits for it.
func gone(j *Job) bool {
	ended := j.Attempts[Stage]
	if j.Intent != nil {
		ended--
	}
	return unreached(j) != nil && (j.State == site.NoAnswer || ended >= stageTries)
}

// underWay is the number of the bundle that has begun to change a device; 0 = none has.
func underWay(jobs []Job) int {
	for i := range jobs {
		if j := &jobs[i]; j.Bundle > 0 && !j.Settled && j.Begun() {
			return j.Bundle
		}
	}
	return 0
}

// rank says how fit a job is to prove its patch, given the bundle that is under way on its device;
// 0: it cannot. What belongs to that bundle will be put on, whoever else comes back meanwhile.
func rank(j *Job, underWay int) int8 {
	switch {
	case j.State == site.Done:
		return 3
	case j.Begun() || underWay > 0 && j.Bundle == underWay && !j.Settled:
		return 2
	case !j.Settled && !gone(j):
		return 1
	}
	return 0
}

// canary is the job of a patch that has to prove it in a group: one that has, else the first that
// has begun to, else the first that can; nil where nobody can.
func (d *decider) canary(g, patch int) *Job {
	c := d.company
	if c.canaries[g] != nil {
		return c.canaries[g][patch]
	}
	fittest, ranks := make([]*Job, len(d.night.Plan.Patches)), make([]int8, len(d.night.Plan.Patches))
	for _, number := range d.night.layout.groups[g] {
		m := &d.night.layout.members[number]
		if m.lane < 0 {
			continue
		}
		l := d.night.lanes[m.lane]
		passed := d.passed(l)
		for i, rank := range l.ranks {
			j := &l.jobs[i]
			if rank == 0 || j.patch < 0 || rank == 1 && slices.Contains(passed, j) {
				continue
			}
			if rank > ranks[j.patch] || rank == ranks[j.patch] && d.earlier(j, fittest[j.patch]) {
				fittest[j.patch], ranks[j.patch] = j, rank
			}
		}
	}
	c.canaries[g] = fittest
	return fittest[patch]
}

// earlier reports whether a job has its turn before another one: a canary that had to wait for a
// device that waits for it would hold up both.
func (d *decider) earlier(j, other *Job) bool {
	members := d.night.layout.members
	return cmp.Or(cmp.Compare(members[d.number(j)].turn, members[d.number(other)].turn), cmp.Compare(j.order, other.order)) < 0
}

func (d *decider) canaries(j *Job, visit func(g *site.Group, first *Job)) {
	for _, g := range d.night.layout.members[d.number(j)].groups {
		group := &d.night.Plan.Groups[g]
		if !group.Canary {
			continue
		}
		if first := d.canary(g, j.patch); first != nil && first.Device != j.Device {
			visit(group, first)
		}
	}
}

// canaryFirst finds a device of the group that has to prove the patch before this one.
func (d *decider) canaryFirst(j *Job) (reason *site.Reason) {
	d.canaries(j, func(g *site.Group, first *Job) {
		if !first.Settled {
			reason = site.Because(site.CodeWaiting, first.Device+" takes it first in group "+g.ID, "group", g.ID, "device", first.Device)
		}
	})
	return reason
}

// canaryFailed finds a group in which the patch broke the first device that took it.
func (d *decider) canaryFailed(j *Job) (state site.State, reason *site.Reason) {
	d.canaries(j, func(g *site.Group, first *Job) {
		if first.Settled && first.State != site.Done {
			state = site.Skipped
			reason = site.Because(site.CodeCanaryFailed, "it did not prove itself on "+first.Device+", the first device of group "+g.ID,
				"group", g.ID, "device", first.Device, "state", string(first.State))
		}
	})
	return state, reason
}

// groupRoom finds a group that cannot spare the device now.
func (d *decider) groupRoom(j *Job) *site.Reason { return d.room(d.number(j)) }

func (d *decider) room(number int) *site.Reason {
	g, c := d.crowded(number, d.company.away), d.company
	if g < 0 {
		return nil
	}
	if c.full[g] != nil && !c.away.member[number] {
		return c.full[g]
	}
	others, id := make([]string, 0, c.away.groups[g]), d.night.Plan.Groups[g].ID
	for _, other := range d.night.layout.groups[g] {
		if other != number && c.away.member[other] {
			others = append(others, d.night.layout.members[other].device)
		}
	}
	reason := site.Because(site.CodeGroupFloor, "group "+id+" cannot spare another device now", "group", id, "away", joined(others))
	if !c.away.member[number] {
		c.full[g] = reason
	}
	return reason
}

// crowded finds a group that cannot spare a member when those others are away; -1: there is none.
func (d *decider) crowded(number int, away absent) int {
	for _, g := range d.night.layout.members[number].groups {
		others := away.groups[g]
		if away.member[number] {
			others--
		}
		if others+1 > plan.Away(d.night.Plan.Groups[g], len(d.night.layout.groups[g]), 0) {
			return g
		}
	}
	return -1
}

// askedAgain reports whether a gate that was open is asked once more because the job's turn has
// come: meanwhile nobody else takes its turn.
func askedAgain(j *Job) bool {
	return j.Intent != nil && j.Intent.Step == Gate && j.Ends[Gate].Outcome == OK
}
