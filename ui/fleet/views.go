package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/board/savedview"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance"
)

// viewRoutes is every address of the views that people keep.
func (s *whole) viewRoutes() []page.Route {
	return append(s.Post("/views", s.viewForm()), page.At("GET /api/v1/views", s.Data(s.views)))
}

// viewNames are the parameters that a view of a list keeps; nil: no view is kept of the page.
func viewNames(page string) []string {
	more := []string{"q", "sort", "size"}
	switch page {
	case "/stores", "/failures":
		return append(address.StoreNames(), more...)
	case "/patches":
		return append(more, "severity")
	case "/attention":
		return append(more, "group", "kind", "store", "device", "patch", "urgency", "shelved")
	case "/compliance/rows":
		return append(append(more, "view"), compliance.RowNames()...)
	}
	return nil
}

// viewOf is a page and the part of its filters that a view keeps; false: none is kept of it.
func viewOf(page string, values url.Values) (savedview.View, bool) {
	names := viewNames(page)
	query := url.Values{}
	for name, list := range values {
		list = slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == "" })
		if slices.Contains(names, name) && len(list) > 0 {
			query[name] = list
		}
	}
	return savedview.View{Page: page, Query: query.Encode()}, names != nil
}

const viewsLimit = 10 * time.Second // after which the views are read again

// viewCache remembers the views for a moment: five pages list them.
type viewCache struct {
	turn chan struct{} // one changes them at a time

	mu   sync.Mutex // held for memory only
	all  []savedview.View
	read time.Time
}

func newViewCache() *viewCache { return &viewCache{turn: make(chan struct{}, 1)} }

func (k *viewCache) find(now time.Time) ([]savedview.View, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := now.Sub(k.read)
	return k.all, !k.read.IsZero() && age >= 0 && age < viewsLimit
}

func (k *viewCache) put(all []savedview.View, read time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all, k.read = all, read
}

// ViewTold is one view as somebody sees it.
type ViewTold struct {
	savedview.View
	Address   string `json:"address"` // opens it
	Here      bool   `json:"-"`       // it is what is shown
	MayChange bool   `json:"may_change"`
}

// ViewList is the views that somebody sees.
type ViewList struct {
	Views []ViewTold `json:"views"`

	Page, Query string `json:"-"` // what would be kept
	Nobody      bool   `json:"-"` // people do not log in: every view is for everybody
}

// keeper is who asks, as the views know people.
func (s *whole) keeper(r *http.Request) savedview.Person {
	name, role := s.Who(r)
	return savedview.Person{Name: name, Manager: page.CanChange(role)}
}

// nobody reports whether people do not log in: a view of nobody in particular is for everybody.
func (s *whole) nobody(p savedview.Person) bool { return s.Logout == "" || p.Name == "" }

// views answers which views the one who asks sees.
func (s *whole) views(q *page.Query) (any, error) {
	l := ViewList{Views: []ViewTold{}}
	if s.Register == nil {
		return l, nil
	}
	all, err := s.allViews(q.Context())
	if err != nil {
		return nil, err
	}
	by, of := s.keeper(q.Request), q.Values.Get("of")
	for _, v := range all {
		if v.Seen(by.Name) && (of == "" || of == v.Page) {
			l.Views = append(l.Views, ViewTold{View: v, Address: v.Address(), MayChange: v.MayChange(by)})
		}
	}
	return l, nil
}

// allViews reads every view, or remembers what it read a moment ago.
func (s *whole) allViews(ctx context.Context) ([]savedview.View, error) {
	if all, fresh := s.viewCache.find(s.Now()); fresh {
		return all, nil
	}
	notes, err := s.Register.Notes(ctx, savedview.NoteKind)
	if err != nil {
		return nil, err
	}
	all, _ := savedview.Read(notes)
	s.viewCache.put(all, s.Now())
	return all, nil
}

// viewsHere are the views of a page, with what would be kept of it; nil: there is no menu.
func (s *whole) viewsHere(q *page.Query) any {
	here, ok := viewOf(q.URL.Path, q.Values)
	if !ok || s.Register == nil {
		return nil
	}
	all, err := s.allViews(q.Context())
	if err != nil {
		s.Log.Error("cannot read the views that people keep", "err", err)
		return nil
	}
	by := s.keeper(q.Request)
	l := &ViewList{Page: here.Page, Query: here.Query, Nobody: s.nobody(by)}
	for _, v := range all {
		if v.Page == here.Page && v.Seen(by.Name) {
			l.Views = append(l.Views, ViewTold{View: v, Address: v.Address(), Here: v.Query == here.Query, MayChange: v.MayChange(by)})
		}
	}
	return l
}

// viewForm changes a view: verb keep, rename, share, unshare or remove.
func (s *whole) viewForm() page.Form {
	return page.Form{Body: page.FormBody, Limit: page.RegisterLimit, Anybody: true, Read: func(c *page.Change) (page.Task, error) {
		return page.Task{Verb: "view." + c.Field("verb"), Do: s.keepView}, nil
	}}
}

// keepView keeps the view that a form means.
func (s *whole) keepView(c *page.Change) (page.Reply, error) {
	v, err := s.changeView(c.Context(), c.Fields, s.keeper(c.Request))
	c.Deed.Subject, c.Deed.Text = cmp.Or(v.Name, c.Field("name"), c.Field("id")), v.Address()
	next := v.Address()
	if back, err := url.Parse(c.Field("back")); err == nil && back.Host == "" && back.Scheme == "" && viewNames(back.Path) != nil {
		next = back.RequestURI()
	}
	return page.Reply{Data: v, Next: next}, err
}

// changeView does what a form says and keeps it. One does at a time: a name is used once.
func (s *whole) changeView(ctx context.Context, form url.Values, by savedview.Person) (savedview.View, error) {
	select {
	case s.viewCache.turn <- struct{}{}:
		defer func() { <-s.viewCache.turn }()
	case <-ctx.Done():
		return savedview.View{}, ctx.Err()
	}
	defer s.viewCache.put(nil, time.Time{})
	notes, err := s.Register.Notes(ctx, savedview.NoteKind)
	if err != nil {
		return savedview.View{}, err
	}
	all, versions := savedview.Read(notes)
	v, err := s.nextView(all, form, by)
	switch {
	case errors.Is(err, savedview.ErrNotManager):
		return v, page.Refuse(http.StatusForbidden, "not_allowed", page.Upper(err.Error())+".")
	case err != nil:
		return v, asViewRefused(err)
	}
	n, err := v.Note(versions[v.ID], by.Name)
	if err != nil {
		return v, err
	}
	if form.Get("verb") == "remove" {
		n.Body, n.At = nil, s.Now()
	}
	return v, page.Keep(ctx, s.Register, n)
}

// nextView is the view that a form means, as it stands then.
func (s *whole) nextView(all []savedview.View, form url.Values, by savedview.Person) (savedview.View, error) {
	now, verb := s.Now(), form.Get("verb")
	if verb == "keep" {
		values, err := url.ParseQuery(form.Get("query"))
		v, ok := viewOf(form.Get("page"), values)
		if !ok || err != nil {
			return savedview.View{}, page.Refuse(http.StatusBadRequest, "bad_page", "A view is kept of /stores, /patches, /failures, /attention and /compliance/rows, with their filters.")
		}
		v.ID, v.Name = strings.ToLower(rand.Text()[:12]), form.Get("name")
		v.Shared = form.Get("shared") == "1" || by.Manager && s.nobody(by)
		return savedview.New(all, v, by, now)
	}
	i := slices.IndexFunc(all, func(v savedview.View) bool { return v.ID == form.Get("id") && v.Seen(by.Name) })
	if i < 0 {
		return savedview.View{}, page.Refuse(http.StatusNotFound, "no_view", "There is no such view any more.")
	}
	v := all[i]
	switch verb {
	case "rename":
		return v.Rename(all, form.Get("name"), by, now)
	case "share", "unshare":
		return v.Share(all, verb == "share", by, now)
	case "remove":
		if !v.MayChange(by) {
			return v, savedview.ErrNotManager
		}
		return v, nil
	}
	return v, page.Refuse(http.StatusBadRequest, "bad_verb", "verb must be keep, rename, share, unshare or remove, not \""+verb+"\".")
}

// asViewRefused makes what a person can help an answer of its own.
func asViewRefused(err error) error {
	var known *page.Refusal
	if errors.As(err, &known) {
		return err
	}
	return page.Refuse(http.StatusBadRequest, "bad_view", page.Upper(err.Error())+".")
}
