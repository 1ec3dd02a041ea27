package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Bystanders are the devices that a look at the store has to tell about, because nothing else
// does: members of the newest night on which no step is under way and no person works. Nil while
// nobody depends on it: what is left asks for no room in a group, and nobody is missed.
//
// A device is counted among those at work by what was last heard of it. One that was switched off
// since would let the night take one too many away; one that was only late would hold back all
// the others of its group until the end of the window.
func Bystanders(s State, now time.Time) []string {
	n := s.Night
	if n == nil || s.Barred(now) != nil || now.Before(n.Plan.Opens) || !now.Before(n.Plan.Cutoff) || !n.depends() {
		return nil
	}
	var ids []string
	for i := range n.layout.members {
		if m := &n.layout.members[i]; s.idle(m) {
			ids = append(ids, m.device)
		}
	}
	return ids
}

// depends reports whether anything may come of knowing who is at work.
func (n *Night) depends() bool {
	if slices.ContainsFunc(n.Report, func(l plan.LeftOut) bool { return l.State == site.NoAnswer }) {
		return true
	}
	limited := slices.ContainsFunc(n.Plan.Groups, func(g site.Group) bool { return g.MinUp > 0 || !g.MaxDown.IsZero() })
	return limited && n.Settled() < n.Total()
}

// idle reports whether neither the night nor a person is at work on a device.
func (s State) idle(m *member) bool {
	_, taken := s.Hands[m.device]
	return !taken && (m.lane < 0 || !s.Night.lanes[m.lane].busy)
}

// Attendance is what a look at bystanders changes: who fell silent, and who answers again. What
// was seen before the newest step on a device ended tells nothing of it.
func Attendance(s State, seen site.Inventory, now time.Time) []Event {
	if s.Night == nil {
		return nil
	}
	var events []Event
	for i := range s.Night.layout.members {
		m := &s.Night.layout.members[i]
		o, looked := seen[m.device]
		if down := o.Error != nil; !looked || down == m.down || !s.idle(m) || s.Night.heardAfter(m, o.At) {
			continue
		}
		e := Event{Kind: DeviceAnswered, At: now, Night: s.Night.Plan.Night, Device: m.device}
		if o.Error != nil {
			e.Kind, e.Reason = DeviceSilent, o.Error
		}
		events = append(events, e)
	}
	return events
}

// heardAfter reports whether a step on a device ended after a moment.
func (n *Night) heardAfter(m *member, at time.Time) bool {
	return m.lane >= 0 && slices.ContainsFunc(n.lanes[m.lane].jobs, func(j Job) bool { return j.Last != nil && j.Last.At.After(at) })
}

// attend takes over whether a device of the night is at work. States share what is read of the
// plan, so what changes is copied.
func (n *Night) attend(device string, down bool) {
	if n == nil {
		return
	}
	i := slices.IndexFunc(n.layout.members, func(m member) bool { return m.device == device })
	if i < 0 || n.layout.members[i].down == down {
		return
	}
	n.layout.members = slices.Clone(n.layout.members)
	n.layout.members[i].down = down
	if i < len(n.Plan.Members) { // the others are not in the store file any more
		n.Plan.Members = slices.Clone(n.Plan.Members)
		n.Plan.Members[i].Down = down
	}
}
