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
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// ExceptionTold is an entry of the register as it stands now.
type ExceptionTold struct {
	register.Entry
	Status register.Status `json:"status"`
	Force  register.Force  `json:"force"`
	Rows   int             `json:"rows"` // patches on devices that it excepts now
	Age    int             `json:"age_days"`
	Left   int             `json:"days_left"`
	Note   string          `json:"needs,omitempty"` // why it needs someone
}

// ExceptionList is the register.
type ExceptionList struct {
	AsOf     string          `json:"as_of"`
	Counts   []statusCount   `json:"counts"` // they add up to the whole register
	Ages     []statusCount   `json:"ages"`   // of those that hold, since they were opened
	Entries  []ExceptionTold `json:"entries"`
	Status   string          `json:"status,omitempty"` // the one that is asked for
	Patches  []string        `json:"-"`
	Earliest string          `json:"-"`
}

// statusCount is how many entries there are of something.
type statusCount struct {
	ID    string `json:"id"`
	Count int    `json:"count"`
}

// PageTitle implements page.Titled.
func (l ExceptionList) PageTitle() string { return "Exceptions" }

// exceptions answers what the register holds.
func (s *whole) exceptions(q *page.Query) (any, error) {
	now := s.Now()
	entries, _, err := s.compliance.Entries(q.Context())
	if err != nil {
		return nil, err
	}
	o, err := s.compliance.Judged(q.Context(), now)
	if err != nil {
		return nil, err
	}
	l := ExceptionList{AsOf: page.RFC(now), Entries: []ExceptionTold{}, Status: q.Values.Get("status"), Earliest: now.UTC().AddDate(0, 0, 1).Format(time.DateOnly)}
	needs := map[string]string{}
	for _, i := range register.Items(entries, now) {
		needs[i.Entry.ID] = i.Text
	}
	byStatus, byAge := map[string]int{}, map[string]int{}
	rows := map[string]int{}
	q.View(func(b *board.Board) {
		v := comply.Look(b, o)
		for _, p := range v.Patches() {
			l.Patches = append(l.Patches, p.ID)
		}
		for r := range v.Rows(comply.Filter{Standing: comply.Excepted}) {
			rows[keyOf(*r.Exception)]++
		}
		for _, e := range entries {
			status := e.Status(now)
			byStatus[string(status)]++
			if e.Holds(now) {
				byAge[string(comply.AgeOf(e.Created, now))]++
			}
			if l.Status != "" && l.Status != string(status) {
				continue
			}
			t := ExceptionTold{Entry: e, Status: status, Force: register.InForce(b, e.Exception), Age: days(now.Sub(e.Created)), Left: days(e.Expires.Sub(now)), Note: needs[e.ID]}
			if e.Holds(now) {
				t.Rows = rows[keyOf(e.Exception)]
			}
			l.Entries = append(l.Entries, t)
		}
	})
	for _, st := range register.Statuses() {
		l.Counts = append(l.Counts, statusCount{string(st), byStatus[string(st)]})
	}
	for _, a := range comply.Ages()[:6] {
		l.Ages = append(l.Ages, statusCount{string(a), byAge[string(a)]})
	}
	return l, nil
}

func keyOf(e site.Exception) string {
	return e.Patch + " " + e.Scope() + " " + e.Expires.String() + e.Owner
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// exceptionForm changes the register of exceptions: verb open, renew, review or close.
func (s *whole) exceptionForm() page.Form {
	return page.Form{Body: page.ActBody, Limit: page.RegisterLimit, Read: func(c *page.Change) (page.Task, error) {
		return page.Task{Verb: "exception." + c.Field("verb"), Subject: cmp.Or(c.Field("id"), c.Field("patch")), Text: c.Field("reason"), Do: s.except}, nil
	}}
}

// except keeps the entry that a form means.
func (s *whole) except(c *page.Change) (page.Reply, error) {
	e, err := s.changeEntry(c.Context(), c.Fields, c.By())
	if err != nil {
		return page.Reply{}, err
	}
	c.Deed.Subject = e.ID + " " + e.Patch
	return page.Reply{Data: e, Next: "/exceptions#" + url.PathEscape(e.ID)}, nil
}

// changeEntry does what a form says and keeps it.
func (s *whole) changeEntry(ctx context.Context, form url.Values, by string) (register.Entry, error) {
	entries, versions, err := s.compliance.Entries(ctx)
	if err != nil {
		return register.Entry{}, err
	}
	e, err := s.nextEntry(entries, form, by)
	if err != nil {
		return e, err
	}
	n, err := e.Note(versions[e.ID], by, s.Now())
	if err != nil {
		return e, err
	}
	defer s.overviews.Stale()
	return e, page.Keep(ctx, s.Register, n)
}

// nextEntry is the entry that a form means, as it stands then.
func (s *whole) nextEntry(entries []register.Entry, form url.Values, by string) (register.Entry, error) {
	now := s.Now()
	until, err := when(form, "expires")
	if err != nil {
		return register.Entry{}, err
	}
	verb := form.Get("verb")
	var e register.Entry
	if verb == "open" {
		if e, err = s.opened(form, until); err == nil {
			e, err = register.New(strings.ToLower(rand.Text()[:10]), e, by, now)
		}
		return e, asRefused(err)
	}
	i := slices.IndexFunc(entries, func(e register.Entry) bool { return e.ID == form.Get("id") })
	if i < 0 {
		return e, page.Refuse(http.StatusNotFound, "no_exception", "There is no exception "+form.Get("id")+" in the register.")
	}
	e = entries[i]
	switch verb {
	case "renew":
		e, err = e.Renew(until, form.Get("reason"), by, now)
	case "review":
		e, err = e.Review(form.Get("reason"), by, now)
	case "close":
		e, err = e.Close(form.Get("reason"), by, now)
	default:
		return e, page.Refuse(http.StatusBadRequest, "bad_verb", "verb must be open, renew, review or close, not \""+verb+"\".")
	}
	return e, asRefused(err)
}

// opened reads a new entry.
func (s *whole) opened(form url.Values, until time.Time) (register.Entry, error) {
	list := func(name string) []string {
		return strings.FieldsFunc(strings.Join(form[name], ","), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == ';' })
	}
	e := register.Entry{
		Exception: site.Exception{
			Patch: form.Get("patch"), Devices: list("devices"), Groups: list("groups"), Stores: list("stores"), Owner: form.Get("owner"),
			Reason: form.Get("reason"), Risk: form.Get("risk"), Controls: form.Get("controls"), Expires: until,
		},
		Worksheet: register.Worksheet{
			Constraints: form.Get("constraints"), Objective: form.Get("objective"), Risk: form.Get("identified_risk"),
			Definition: form.Get("definition"), Validation: form.Get("validation"), Maintenance: form.Get("maintenance"),
		},
		Change: form.Get("change"),
	}
	for _, text := range list("reviews") {
		at, err := moment("reviews", text)
		if err != nil {
			return e, err
		}
		e.Reviews = append(e.Reviews, at)
	}
	return e, nil
}

// asRefused makes what a person can help an answer of its own.
func asRefused(err error) error {
	var known *page.Refusal
	if err == nil || errors.As(err, &known) {
		return err
	}
	return page.Refuse(http.StatusBadRequest, "bad_exception", page.Upper(strings.TrimSuffix(err.Error(), "."))+".")
}

// when reads a moment of a form: a date is its first moment, in UTC.
func when(form url.Values, name string) (time.Time, error) {
	if form.Get(name) == "" {
		return time.Time{}, nil
	}
	return moment(name, form.Get(name))
}

func moment(name, text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, page.Refuse(http.StatusBadRequest, "bad_"+name, name+" must be a date like 2026-12-15 or a time like 2026-12-15T05:00:00Z, not \""+text+"\".")
}
