package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// AttentionList is what needs a person: groups of items with the same cause, and the items that a
// filter means.
type AttentionList struct {
	AsOf      string           `json:"as_of"`
	page.Page                  // of the items
	Kinds     []overview.Count `json:"kinds"`  // they add up to all items that are not shelved
	Groups    []overview.Group `json:"groups"` // the most urgent first
	Items     []overview.Item  `json:"items"`  // of this page

	Shelf    int    `json:"shelved"` // items that are shelved
	Shelved  bool   `json:"shows_shelved"`
	Filtered bool   `json:"-"` // a filter is set: the items are listed
	Group    string `json:"-"`

	query *page.Query
}

// PageTitle implements page.Titled.
func (l AttentionList) PageTitle() string { return "Needs someone" }

// Turn is the address of a page before or after this one.
func (l AttentionList) Turn(by int) string {
	v := url.Values{}
	for name, values := range l.query.Values {
		v[name] = values
	}
	v.Set("page", strconv.Itoa(l.Page.Page+by))
	return l.query.URL.Path + "?" + v.Encode()
}

// Loc is the zone of a store.
func (l AttentionList) Loc(store string) *time.Location {
	row, _ := l.query.Overview.Store(store)
	return row.Loc
}

// Back is the address of the list, to which a form returns.
func (l AttentionList) Back() string { return l.query.URL.RequestURI() }

// attention answers what needs a person.
func (s *whole) attention(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	ask := q.Values
	l := AttentionList{AsOf: q.AsOf(), Groups: q.Overview.Groups, Shelved: ask.Get("shelved") == "1", query: q, Group: ask.Get("group")}
	kinds := map[overview.Kind]int{}
	found := []overview.Item{}
	for _, i := range q.Overview.Items {
		if i.Shelved == nil {
			kinds[i.Kind]++
		} else {
			l.Shelf++
		}
		if (i.Shelved != nil) == l.Shelved && fits(ask, i) {
			found = append(found, i)
		}
	}
	for _, k := range overview.Kinds() {
		l.Kinds = append(l.Kinds, overview.Count{ID: string(k), Word: k.Word(), Count: kinds[k]})
	}
	for _, name := range []string{"group", "kind", "store", "device", "patch", "urgency", "q"} {
		l.Filtered = l.Filtered || ask.Get(name) != ""
	}
	if l.Shelved {
		l.Groups, l.Filtered = q.Overview.Shelved, true
	}
	l.Groups = append([]overview.Group{}, l.Groups...)
	l.Page, l.Items = page.Of(len(found), skip, size), page.Part(found, skip, size)
	return l, nil
}

// fits reports whether an item is meant.
func fits(ask url.Values, i overview.Item) bool {
	for name, is := range map[string]string{"group": i.GroupID(), "kind": string(i.Kind), "store": i.Store, "device": i.Device, "patch": i.Patch, "urgency": string(i.Urgency)} {
		if wanted := ask.Get(name); wanted != "" && wanted != is {
			return false
		}
	}
	return strings.Contains(strings.ToLower(i.Store+" "+i.StoreName+" "+i.Device+" "+i.Text), strings.ToLower(ask.Get("q")))
}

// sayForm says something about items: verb, item (several) or group, note, hours or until.
func (s *whole) sayForm() page.Form {
	return page.Form{Body: page.ActBody, Limit: page.RegisterLimit, Read: func(c *page.Change) (page.Task, error) {
		return page.Task{Verb: "attention." + c.Field("verb"), Subject: cmp.Or(c.Field("group"), strings.Join(c.Fields["item"], " ")), Text: c.Field("note"), Do: s.say}, nil
	}}
}

// Said is what came of a form about items.
type Said struct {
	Verb  string `json:"verb"`
	Items int    `json:"items"` // to which it was said
}

// say keeps what is said of the items that a form names.
func (s *whole) say(c *page.Change) (page.Reply, error) {
	wanted, group := map[string]bool{}, c.Field("group")
	for _, id := range c.Fields["item"] {
		wanted[id] = true
	}
	m := remark{verb: c.Field("verb"), note: c.Field("note"), hours: c.Field("hours"), until: c.Field("until")}
	count, err := s.keep(c.Context(), m, c.Name, func(i overview.Item) bool { return wanted[i.ID] || group != "" && group == i.GroupID() })
	if err != nil && count > 0 {
		c.Deed.Outcome, c.Deed.Text = "failed", fmt.Sprintf("said of %d of them, and then: %v", count, err)
	}
	return page.Reply{Data: Said{Verb: m.verb, Items: count}, Next: ownPath(c.Field("back"))}, err
}

// ownPath lets a form return to pages of headquarters only.
func ownPath(to string) string {
	if u, err := url.Parse(to); err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/attention") && !strings.HasPrefix(u.Path, "/stores/") {
		return "/attention"
	}
	return to
}

// remark is what a person says about items, as it was sent.
type remark struct{ verb, note, hours, until string }

// keep says the same of every item that is meant.
func (s *whole) keep(ctx context.Context, m remark, name string, means func(overview.Item) bool) (int, error) {
	said, err := m.by(name, s.Now())
	if err != nil {
		return 0, err
	}
	s.overviews.Stale()
	v, err := s.overviews.Get(ctx)
	if err != nil {
		return 0, err
	}
	count := 0
	defer s.overviews.Stale()
	for _, i := range v.Items {
		if !means(i) {
			continue
		}
		known, version := s.overviews.Note(i.ID)
		now, err := known.Say(m.verb, said)
		if err != nil {
			return count, page.Refuse(http.StatusBadRequest, "bad_form", page.Upper(err.Error())+".")
		}
		if err := s.write(ctx, i.ID, version, now, name); err != nil {
			return count, err
		}
		count++
	}
	if count == 0 {
		return 0, page.Refuse(http.StatusNotFound, "no_item", "That needs nobody any more. Look at the list again.")
	}
	return count, nil
}

// by is a remark of somebody at a time, as it is kept.
func (m remark) by(name string, now time.Time) (overview.Said, error) {
	said := overview.Said{By: cmp.Or(name, "somebody"), At: now, Note: strings.TrimSpace(m.note)}
	if len(said.Note) > 2000 {
		return said, page.Refuse(http.StatusBadRequest, "bad_note", "The note is too long: 2,000 characters at most.")
	}
	if m.until != "" {
		until, err := time.Parse(time.RFC3339, m.until)
		if err != nil {
			return said, page.Refuse(http.StatusBadRequest, "bad_until", "until must be a time such as 2026-11-22T05:00:00Z, not \""+m.until+"\".")
		}
		said.Until = until
	} else if m.hours != "" {
		hours, err := strconv.Atoi(m.hours)
		if err != nil || hours < 1 || hours > 31*24 {
			return said, badHours(m.hours)
		}
		said.Until = said.At.Add(time.Duration(hours) * time.Hour)
	}
	return said, nil
}

func badHours(text string) error {
	return page.Refuse(http.StatusBadRequest, "bad_hours", "hours must be a whole number from 1 to 744, not \""+text+"\".")
}

func (s *whole) write(ctx context.Context, id string, version int64, a overview.Attention, name string) error {
	n := board.Note{Kind: overview.NoteKind, ID: id, Version: version, By: name, At: s.Now()}
	if a != (overview.Attention{}) {
		body, err := json.Marshal(a)
		if err != nil {
			return err
		}
		n.Body = body
	}
	return page.Keep(ctx, s.Register, n)
}
