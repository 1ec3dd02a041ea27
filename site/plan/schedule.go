package plan

import (
	"slices"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Away is how many devices of a group may be away at once, when down of its
// members are away already for other reasons and not counted in members' work.
func Away(g site.Group, members, down int) int {
	allowed := g.MaxDown.Of(members) - down
	if g.MinUp > 0 {
		allowed = min(allowed, members-down-g.MinUp)
	}
	return max(0, allowed)
}

// busy is a stretch of time in which a lane keeps its device away.
type busy struct{ begins, ends time.Time }

// crew is a group with its devices, and when those that have a lane already are away.
type crew struct {
	site.Group
	members, down int
	taken         []busy
	ends          time.Time // the last of them
	secondaries   time.Time // the last of its secondaries
}

// gather tells which groups each device of the plan is in.
func (m *maker) gather() {
	m.of = map[string][]int{}
	for i, g := range m.plan.Groups {
		c := crew{Group: g}
		for _, member := range m.plan.Members {
			if !slices.Contains(member.Groups, g.ID) {
				continue
			}
			m.of[member.Device] = append(m.of[member.Device], i)
			c.members++
			if member.Down {
				c.down++
			}
		}
		m.crews = append(m.crews, c)
	}
}

// schedule fills in when each job is expected to begin and end, if all goes well:
// lanes begin in order, each as soon as its groups allow it.
func (m *maker) schedule() {
	roles := map[string]site.Role{}
	for _, member := range m.plan.Members {
		roles[member.Device] = member.Role
	}
	var ends []time.Time // of all lanes before, in order
	for i := range m.plan.Lanes {
		lane := &m.plan.Lanes[i]
		length, lasts := time.Duration(0), make([]time.Duration, len(lane.Jobs))
		for j := range lane.Jobs {
			lasts[j] = m.lasts(lane, j)
			length += lasts[j]
		}
		at := m.earliest(m.of[lane.Device], roles[lane.Device], length, ends)
		end := at.Add(length)
		for _, g := range m.of[lane.Device] {
			m.crews[g].take(busy{at, end}, roles[lane.Device])
		}
		place, _ := slices.BinarySearchFunc(ends, end, time.Time.Compare)
		ends = slices.Insert(ends, place, end)
		for j := range lane.Jobs {
			job := &lane.Jobs[j]
			job.Begins = at
			at = at.Add(lasts[j])
			job.Ends = at
		}
	}
}

func (c *crew) take(b busy, role site.Role) {
	c.taken, c.ends = append(c.taken, b), latest(c.ends, b.ends)
	if role == site.Secondary {
		c.secondaries = latest(c.secondaries, b.ends)
	}
}

// expected is how long a job takes by itself when all goes well.
func (m *maker) expected(job Job) time.Duration {
	return job.Needs.Std() - job.Expected(*m.patches[job.Patch]).Rollback.Std()
}

// lasts is how long a job of a lane keeps its device busy when all goes well.
func (m *maker) lasts(lane *Lane, job int) time.Duration {
	return m.expected(lane.Jobs[job]) - m.shared(lane, job)
}

// earliest is the first moment at which a device of those groups may be away for length: now, or
// when one of the lanes before ends.
func (m *maker) earliest(groups []int, role site.Role, length time.Duration, ends []time.Time) time.Time {
	at := m.from
	for i := range m.crews {
		if c := &m.crews[i]; slices.ContainsFunc(groups, func(g int) bool { return slices.Contains(c.Before, m.crews[g].ID) }) {
			at = latest(at, c.ends)
		}
	}
	if role == site.Primary {
		for _, g := range groups {
			at = latest(at, m.crews[g].secondaries)
		}
	}
	if m.allowed(groups, at, at.Add(length)) {
		return at
	}
	from, _ := slices.BinarySearchFunc(ends, at, time.Time.Compare)
	for _, candidate := range ends[from:] {
		if m.allowed(groups, candidate, candidate.Add(length)) {
			return candidate
		}
	}
	return at
}

// allowed reports whether each of the groups can spare a device from begins to ends.
func (m *maker) allowed(groups []int, begins, ends time.Time) bool {
	for _, g := range groups {
		c := &m.crews[g]
		away := 0
		for _, b := range c.taken {
			if b.begins.Before(ends) && begins.Before(b.ends) {
				away++
			}
		}
		if away+1 > Away(c.Group, c.members, c.down) {
			return false
		}
	}
	return true
}
