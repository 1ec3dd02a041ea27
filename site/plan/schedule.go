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
type busy struct {
	device       string
	begins, ends time.Time
}

// schedule fills in when each job is expected to begin and end, if all goes well:
// lanes begin in order, each as soon as its groups allow it.
func (m *maker) schedule() {
	var taken []busy
	for i := range m.plan.Lanes {
		lane := &m.plan.Lanes[i]
		length := time.Duration(0)
		for j := range lane.Jobs {
			length += m.lasts(lane, j)
		}
		at := m.earliest(lane.Device, length, taken)
		taken = append(taken, busy{lane.Device, at, at.Add(length)})
		for j := range lane.Jobs {
			job := &lane.Jobs[j]
			job.Begins = at
			at = at.Add(m.lasts(lane, j))
			job.Ends = at
		}
	}
}

// expected is how long a job takes by itself when all goes well.
func (m *maker) expected(job Job) time.Duration {
	return job.Needs.Std() - job.Expected(m.patches[job.Patch]).Rollback.Std()
}

// lasts is how long a job of a lane keeps its device busy when all goes well.
func (m *maker) lasts(lane *Lane, job int) time.Duration {
	return m.expected(lane.Jobs[job]) - m.shared(lane, job)
}

// earliest is the first moment at which the device may be away for length.
func (m *maker) earliest(device string, length time.Duration, taken []busy) time.Time {
	at := m.from
	ends := []time.Time{}
	for _, b := range taken {
		if m.goesBefore(b.device, device) {
			at = latest(at, b.ends)
		}
		ends = append(ends, b.ends)
	}
	slices.SortFunc(ends, time.Time.Compare)
	for _, candidate := range append([]time.Time{at}, ends...) {
		if !candidate.Before(at) && m.allowed(device, candidate, candidate.Add(length), taken) {
			return candidate
		}
	}
	return at
}

// goesBefore reports whether first, or its whole group, must be finished before second begins.
func (m *maker) goesBefore(first, second string) bool {
	a, b := m.groups(first), m.groups(second)
	return slices.ContainsFunc(m.plan.Groups, func(g site.Group) bool {
		if m.role(first) == site.Secondary && m.role(second) == site.Primary && slices.Contains(a, g.ID) && slices.Contains(b, g.ID) {
			return true
		}
		return slices.Contains(a, g.ID) && slices.ContainsFunc(b, func(later string) bool { return slices.Contains(g.Before, later) })
	})
}

func (m *maker) groups(device string) []string { return m.member(device).Groups }

func (m *maker) role(device string) site.Role { return m.member(device).Role }

func (m *maker) member(device string) Member {
	for _, member := range m.plan.Members {
		if member.Device == device {
			return member
		}
	}
	return Member{}
}

// allowed reports whether each group of the device can spare it from begins to ends.
func (m *maker) allowed(device string, begins, ends time.Time, taken []busy) bool {
	for _, id := range m.groups(device) {
		g, ok := m.facts.Store.Group(id)
		if !ok {
			continue
		}
		away, down, members := 0, 0, 0
		for _, member := range m.plan.Members {
			if !slices.Contains(member.Groups, id) {
				continue
			}
			members++
			if member.Down {
				down++
			}
			if slices.ContainsFunc(taken, func(b busy) bool {
				return b.device == member.Device && b.begins.Before(ends) && begins.Before(b.ends)
			}) {
				away++
			}
		}
		if away+1 > Away(g, members, down) {
			return false
		}
	}
	return true
}
