package escalate

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// memory is what is kept of one cause: the body of its note.
type memory struct {
	Items map[string]told    `json:"items,omitempty"` // by Item.ID
	Tiers map[string]tierRun `json:"tiers,omitempty"` // by Tier.name

	note board.Note
}

// told is who was told of one item.
type told struct {
	Since time.Time            `json:"since"`
	By    map[string]time.Time `json:"by"` // by Tier.name, the newest time
}

// tierRun is what one tier told of one cause.
type tierRun struct {
	At       time.Time `json:"at"`       // of the newest message
	Messages int       `json:"messages"` // so far
	Open     string    `json:"open,omitempty"`
	Items    []string  `json:"items,omitempty"`  // that the open message tells
	Failed   string    `json:"failed,omitempty"` // why the newest one was not sent
}

// next decides what a tier tells now, by group: the message that an earlier process did not end, with its id, or what is due,
// with none yet.
func next(t Tier, groups map[string][]Item, notes map[string]*memory, now time.Time) (id string, due map[string][]string) {
	open := unfinished(t.name(), notes)
	if len(open) == 0 {
		return "", dueOf(t, groups, notes, now)
	}
	id, due = notes[open[0]].Tiers[t.name()].Open, map[string][]string{}
	for _, g := range open {
		if run := notes[g].Tiers[t.name()]; run.Open == id {
			due[g] = run.Items
		}
	}
	return id, due
}

// unfinished returns the groups in which a message of the tier is open.
func unfinished(tier string, notes map[string]*memory) []string {
	var open []string
	for g, m := range notes {
		if m.Tiers[tier].Open != "" {
			open = append(open, g)
		}
	}
	slices.Sort(open)
	return open
}

// dueOf returns the items that a tier must tell now, by group.
func dueOf(t Tier, groups map[string][]Item, notes map[string]*memory, now time.Time) map[string][]string {
	due := map[string][]string{}
	for g, items := range groups {
		m := notes[g]
		if m == nil {
			m = &memory{}
		}
		if ids := m.due(t, items, now); len(ids) > 0 {
			due[g] = ids
		}
	}
	for _, m := range notes {
		if run, ok := m.Tiers[t.name()]; ok && now.Before(run.At.Add(between)) {
			return nil // the tier has just spoken
		}
	}
	return due
}

// due returns the items of the group that the tier must tell now.
func (m *memory) due(t Tier, items []Item, now time.Time) []string {
	run := m.Tiers[t.name()]
	wait := time.Duration(0)
	if run.Messages > 0 {
		wait = min(more<<min(run.Messages-1, 8), mostMore)
	}
	if now.Before(run.At.Add(wait)) {
		return nil
	}
	var ids []string
	for _, i := range items {
		if i.Taken || !t.isFor(i) || now.Before(i.Since.Add(t.After)) {
			continue
		}
		was, ever := m.Items[i.ID]
		at, toldBefore := was.By[t.name()]
		again := t.Repeat > 0 && !now.Before(at.Add(t.Repeat))
		if !ever || !toldBefore || i.Since.After(was.Since) || again {
			ids = append(ids, i.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// intend notes that a message tells items.
func (m *memory) intend(t Tier, id string, ids []string, items []Item, now time.Time) {
	items = slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return !slices.Contains(ids, i.ID) })
	next := maps.Clone(m.Items)
	if next == nil {
		next = map[string]told{}
	}
	for _, i := range items {
		by := maps.Clone(next[i.ID].By)
		if by == nil || i.Since.After(next[i.ID].Since) {
			by = map[string]time.Time{}
		}
		by[t.name()] = now
		next[i.ID] = told{Since: i.Since, By: by}
	}
	m.Items = next
	tiers := maps.Clone(m.Tiers)
	if tiers == nil {
		tiers = map[string]tierRun{}
	}
	tiers[t.name()] = tierRun{At: now, Messages: tiers[t.name()].Messages + 1, Open: id, Items: ids}
	m.Tiers = tiers
}

// end notes how a message ended, and reports whether it was open. Of what was not sent nobody was told: it is due
// again, after the usual wait for more of the same cause.
func (m *memory) end(t Tier, id string, why error, now time.Time) bool {
	run := m.Tiers[t.name()]
	if run.Open != id {
		return false
	}
	run.Failed = ""
	if why != nil {
		run.Failed = why.Error()
		for _, item := range run.Items {
			delete(m.Items[item].By, t.name())
		}
	}
	run.Open, run.Items, run.At = "", nil, now
	m.Tiers[t.name()] = run
	return true
}

// forget drops the items that are over, and after a while the cause. It reports whether anything changed.
func (m *memory) forget(items []Item, now time.Time) bool {
	changed := false
	open := map[string]bool{}
	for _, i := range items {
		open[i.ID] = true
	}
	for _, run := range m.Tiers {
		for _, id := range run.Items {
			open[id] = true
		}
	}
	for id := range m.Items {
		if !open[id] {
			delete(m.Items, id)
			changed = true
		}
	}
	for name, run := range m.Tiers {
		if len(items) == 0 && run.Open == "" && !now.Before(run.At.Add(remember)) {
			delete(m.Tiers, name)
			changed = true
		}
	}
	return changed
}

func (m *memory) empty() bool { return len(m.Items) == 0 && len(m.Tiers) == 0 }
