package overview

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// Group is the items with the same kind and the same cause: one row, however many stores it has.
type Group struct {
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	Word    string    `json:"word"`
	Urgency Urgency   `json:"urgency"`
	Cause   string    `json:"cause"`
	Patch   string    `json:"patch,omitempty"`
	Title   string    `json:"title"` // the one item's text, or how many stores there are with the same cause
	Items   int       `json:"items"`
	Stores  int       `json:"stores"`
	Acked   int       `json:"acked"`           // how many of the items somebody took on
	Since   time.Time `json:"since,omitzero"`  // of the oldest
	Next    time.Time `json:"next,omitzero"`   // the first escalation that is to come
	Owner   string    `json:"owner,omitempty"` // "" = nobody, or several
	First   *Item     `json:"first,omitempty"` // the oldest; alone where there is one only
}

// GroupID names the group of an item. An item that is shelved is in the same group beside the others.
func (i Item) GroupID() string { return string(i.Kind) + "/" + i.Patch + "/" + i.Cause }

// group gathers items, those that are shelved apart.
func group(items []Item, b *board.Board) (live, shelved []Group) {
	slices.SortFunc(items, func(x, y Item) int {
		return cmp.Or(x.Since.Compare(y.Since), board.CompareIDs(x.Store, y.Store), cmp.Compare(x.ID, y.ID))
	})
	var on, off []Item
	for _, i := range items {
		if i.Shelved != nil {
			off = append(off, i)
		} else {
			on = append(on, i)
		}
	}
	return gather(on), gather(off)
}

func gather(items []Item) []Group {
	at, list := map[string]int{}, []Group{}
	stores := map[string]map[string]bool{}
	for _, i := range items {
		id := i.GroupID()
		n, ok := at[id]
		if !ok {
			n = len(list)
			at[id], stores[id] = n, map[string]bool{}
			list = append(list, Group{ID: id, Kind: i.Kind, Word: i.Kind.Word(), Urgency: i.Urgency, Cause: i.Cause, Patch: i.Patch, Since: i.Since, Owner: i.Owner, First: &i})
		}
		list[n].take(i)
		if i.Store != "" {
			stores[id][i.Store] = true
		}
	}
	for n := range list {
		list[n].Stores = len(stores[list[n].ID])
		list[n].Title = list[n].title()
	}
	order := Kinds()
	slices.SortStableFunc(list, func(x, y Group) int {
		return cmp.Or(urgent(x.Urgency)-urgent(y.Urgency), slices.Index(order, x.Kind)-slices.Index(order, y.Kind), y.Items-x.Items, cmp.Compare(x.ID, y.ID))
	})
	return list
}

func urgent(u Urgency) int {
	if u == Now {
		return 0
	}
	return 1
}

// take counts an item in.
func (g *Group) take(i Item) {
	g.Items++
	if i.Acked != nil {
		g.Acked++
	}
	if i.Urgency == Now {
		g.Urgency = Now
	}
	if g.Owner != i.Owner {
		g.Owner = ""
	}
	g.Next = earlier(g.Next, i.Next)
}

func (g Group) title() string {
	if g.Items == 1 {
		return g.First.Text
	}
	what := g.Cause
	if g.Patch != "" && !strings.Contains(what, g.Patch) {
		what = g.Patch + ": " + what
	}
	if (g.Kind == KindNotReady || g.Kind == KindAlert) && g.First != nil {
		what += ", such as: " + strings.TrimPrefix(g.First.Text, cannotOpen)
	}
	if g.Items == g.Stores {
		return plural(g.Stores, "store") + ", same cause: " + what
	}
	return plural(g.Items, "device") + " in " + plural(g.Stores, "store") + ", same cause: " + what
}
