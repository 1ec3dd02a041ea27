package escalate

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxListed is how many items of a cause are listed; the others are counted.
const maxListed = 50

// Message is everything that one tier tells at one moment. It is the body of a webhook.
type Message struct {
	ID     string    `json:"id"` // the same for the same message, however often it is sent
	Org    string    `json:"org"`
	At     time.Time `json:"at"`
	To     string    `json:"to"`
	After  string    `json:"after"` // the tier: so long after the items began
	Text   string    `json:"text"`  // the whole message in one line
	Link   string    `json:"link"`
	Groups []Group   `json:"groups"`
}

// Group is what has the same cause.
type Group struct {
	Kind   string    `json:"kind"`
	Urgent bool      `json:"urgent"`
	Cause  string    `json:"cause"`
	Patch  string    `json:"patch,omitempty"`
	Stores int       `json:"stores"`
	Since  time.Time `json:"since"` // of the oldest
	Items  []Item    `json:"items"` // at most 50, the oldest
	More   int       `json:"more"`  // how many are not listed
}

// message makes the message of a tier. What is over or taken on by now is left out.
func (e *Escalator) message(t Tier, id string, now time.Time, parts []string, due map[string][]string, groups map[string][]Item) Message {
	m := Message{ID: id, Org: e.Org, At: now.UTC().Truncate(time.Second), To: t.To, After: t.After.String(), Link: e.Address + "/attention"}
	for _, g := range parts {
		items := slices.DeleteFunc(slices.Clone(groups[g]), func(i Item) bool { return i.Taken || !slices.Contains(due[g], i.ID) })
		if len(items) > 0 {
			m.Groups = append(m.Groups, groupOf(items))
		}
	}
	m.finish()
	return m
}

func groupOf(items []Item) Group {
	slices.SortFunc(items, func(a, b Item) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	first := items[0]
	g := Group{Kind: first.Kind, Urgent: slices.ContainsFunc(items, func(i Item) bool { return i.Urgent }), Cause: first.Cause, Patch: first.Patch, Since: first.Since}
	stores := map[string]bool{}
	for _, i := range items {
		if i.Store != "" {
			stores[i.Store] = true
		}
	}
	g.Stores, g.Items = len(stores), items
	if len(items) > maxListed {
		g.Items, g.More = items[:maxListed], len(items)-maxListed
	}
	return g
}

// finish puts the most urgent first and says all in one line.
func (m *Message) finish() {
	slices.SortStableFunc(m.Groups, func(a, b Group) int {
		switch {
		case a.Urgent != b.Urgent && a.Urgent:
			return -1
		case a.Urgent != b.Urgent:
			return 1
		}
		return cmp.Or(b.Stores-a.Stores, a.Since.Compare(b.Since))
	})
	if len(m.Groups) == 0 {
		return
	}
	m.Text = m.Groups[0].line()
	if n := len(m.Groups) - 1; n > 0 {
		m.Text += fmt.Sprintf(" And %s more.", count(n, "cause"))
	}
}

// line says a cause in one line.
func (g Group) line() string {
	if len(g.Items) == 1 && g.More == 0 {
		i := g.Items[0]
		if i.Store == "" {
			return i.Text
		}
		return strings.TrimSpace("Store "+i.Store+" "+i.StoreName) + ": " + i.Text
	}
	what := g.Cause
	if g.Patch != "" && !strings.Contains(what, g.Patch) {
		what = g.Patch + ": " + what
	}
	return fmt.Sprintf("%s, same cause: %s.", count(g.Stores, "store"), strings.TrimSuffix(what, "."))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Items is how many items the message tells.
func (m Message) Items() int {
	n := 0
	for _, g := range m.Groups {
		n += len(g.Items) + g.More
	}
	return n
}

// only keeps the items that are still to be told.
func (m Message) only(open func(Item) bool) Message {
	var groups []Group
	for _, g := range m.Groups {
		items := slices.DeleteFunc(slices.Clone(g.Items), func(i Item) bool { return !open(i) })
		if len(items) == 0 {
			continue
		}
		left, listed := groupOf(items), groupOf(g.Items)
		left.More, left.Stores = g.More, left.Stores+g.Stores-listed.Stores // what is not listed is not known to be over
		groups = append(groups, left)
	}
	m.Groups = groups
	m.finish()
	return m
}

// Subject is the message as the subject of a mail.
func (m Message) Subject() string {
	text := m.Text
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:119]) + "…"
	}
	return "[Nightfill " + m.Org + "] " + text
}

// place is where something is: in a store, or at headquarters itself.
func (i Item) place() string {
	if i.Store == "" {
		return "headquarters"
	}
	return "store " + i.Store
}

// Letter is the message as a mail, without its head.
func (m Message) Letter(address string) string {
	var b strings.Builder
	for _, g := range m.Groups {
		fmt.Fprintf(&b, "%s\n", g.line())
		for _, i := range g.Items {
			fmt.Fprintf(&b, "  %s  %s", i.Since.UTC().Format("2006-01-02 15:04 UTC"), i.place())
			if i.StoreName != "" && i.StoreName != i.Store {
				fmt.Fprintf(&b, " %s", i.StoreName)
			}
			fmt.Fprintf(&b, ": %s\n", i.Text)
			if address != "" && i.Store != "" {
				fmt.Fprintf(&b, "    %s/stores/%s\n", address, url.PathEscape(i.Store))
			}
		}
		if g.More > 0 {
			fmt.Fprintf(&b, "  and %d more\n", g.More)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Nobody has taken this on. Acknowledge it and nobody is told of it any more: %s\n", m.Link)
	return b.String()
}
