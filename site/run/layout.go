package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// layout is where everything of a night lies, and the company of its devices: who belongs to
// which group, and which group waits for which. It is made when the plan is; of it only
// who is down changes, in a copy.
type layout struct {
	lanes    map[string]int // of each device with jobs
	order    []place        // of every job, as they were planned
	requires [][]int        // of each patch of the plan, the others of the plan that go before it
	models   []string       // of the members; "" where the plan does not say
	members  []member       // as the plan names them, and any other device with jobs
	groups   [][]int        // of each group of the plan, its members
	of       []int          // of each lane, its member
}

// member is a device of the store, whether or not anything is planned for it.
type member struct {
	device   string
	model    int // whose durations it goes by
	role     site.Role
	down     bool      // it did not answer when it was last heard of
	lane     int       // -1: nothing is planned for it
	groups   []int     // of the plan, in its order
	after    []int     // groups of the plan that go before those of the device
	partners []partner // in the order of the device's groups
	turn     int       // of two devices, the one that may have to wait for the other has the higher one
}

// partner is the other half of a redundant pair.
type partner struct{ group, number int }

func newLayout(p plan.Plan, patches map[string]int, devices []string, order []place) layout {
	l := layout{lanes: map[string]int{}, order: order, groups: make([][]int, len(p.Groups)), of: make([]int, len(devices))}
	for _, patch := range p.Patches {
		var first []int
		for _, id := range patch.Requires {
			if i, planned := patches[id]; planned {
				first = append(first, i)
			}
		}
		l.requires = append(l.requires, first)
	}
	for i, device := range devices {
		l.lanes[device], l.of[i] = i, -1
	}
	for _, m := range p.Members {
		l.addMember(p, m)
	}
	for i, device := range devices {
		if l.of[i] < 0 { // the store has it no more
			l.addMember(p, plan.Member{Device: device})
		}
	}
	depths := depths(p.Groups)
	for number, m := range p.Members {
		l.members[number].partners = l.partners(p, m)
		l.members[number].turn = turnOf(m, p.Groups, depths)
	}
	return l
}

// depths is, of each group, how many others in turn go before it.
func depths(groups []site.Group) []int {
	found := make([]int, len(groups))
	for range groups { // no chain has more links than there are groups
		for before, g := range groups {
			for after, other := range groups {
				if slices.Contains(g.Before, other.ID) {
					found[after] = max(found[after], found[before]+1)
				}
			}
		}
	}
	return found
}

// turnOf is when a device has its turn, for the groups that go before its own and for its secondary. The
// order of the plan does not tell: a device that came later is behind all others there.
func turnOf(m plan.Member, groups []site.Group, depths []int) int {
	latest := 0
	for i, g := range groups {
		if slices.Contains(m.Groups, g.ID) {
			latest = max(latest, 2*depths[i])
		}
	}
	if m.Role == site.Primary {
		latest++
	}
	return latest
}

func (l *layout) addMember(p plan.Plan, m plan.Member) {
	number := len(l.members)
	it := member{device: m.Device, model: slices.Index(l.models, m.Model), role: m.Role, down: m.Down, lane: -1}
	if it.model < 0 {
		it.model = len(l.models)
		l.models = append(l.models, m.Model)
	}
	if at, planned := l.lanes[m.Device]; planned {
		it.lane, l.of[at] = at, number
	}
	for g, group := range p.Groups {
		if slices.Contains(m.Groups, group.ID) {
			it.groups = append(it.groups, g)
			l.groups[g] = append(l.groups[g], number)
		}
		if slices.ContainsFunc(group.Before, func(id string) bool { return slices.Contains(m.Groups, id) }) {
			it.after = append(it.after, g)
		}
	}
	l.members = append(l.members, it)
}

func (l *layout) partners(p plan.Plan, m plan.Member) []partner {
	var found []partner
	for _, id := range m.Groups {
		g := slices.IndexFunc(p.Groups, func(g site.Group) bool { return g.ID == id })
		if g < 0 || m.Role == "" {
			continue
		}
		for _, number := range l.groups[g] {
			if m.Role.Partners(l.members[number].role) {
				found = append(found, partner{g, number})
			}
		}
	}
	return found
}
