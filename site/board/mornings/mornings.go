// Package mornings says how stores opened: on how many mornings a store was ready when it opened to
// customers, and how long before that. It reads what each store wrote down at its openings.
//
// Every morning has exactly one answer. A morning of which nothing was told counts as not told and
// stays in every denominator: it is never counted as ready.
package mornings

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Answer is how a store opened.
type Answer string

// The answers.
const (
	Ready      Answer = "ready"
	NotReady   Answer = "not_ready"
	CannotTell Answer = "cannot_tell" // its word was that it cannot tell, or that it is at work, or the box did not watch
	NotTold    Answer = "not_told"    // nothing was told of an opening that was to come
)

// Answers are all answers, in the order in which pages show them.
func Answers() []Answer { return []Answer{Ready, NotReady, CannotTell, NotTold} }

// Mark asks for mornings with something beside their answer.
type Mark string

// The marks.
const (
	Early      Mark = "early"       // ready, and since at least 45 minutes before it opened
	TurnedBad  Mark = "turned_bad"  // it opened ready, and its last word within two hours was that it is not
	TurnedGood Mark = "turned_good" // it opened not ready, and its last word within two hours was that it is
)

// Marks are all marks.
func Marks() []Mark { return []Mark{Early, TurnedBad, TurnedGood} }

// earlyBy is how long before its opening a store should be ready.
const earlyBy = 45 * time.Minute

// before is how many days before a span the chain of openings is followed from: a store that is silent
// since then still has its mornings in the span.
const before = 35

// Row is one morning of one store.
type Row struct {
	Store  string        `json:"store"`
	Date   string        `json:"date"`
	Answer Answer        `json:"answer"`
	Opens  time.Time     `json:"opens"`
	Text   string        `json:"text,omitempty"` // the word of the store
	Since  time.Time     `json:"ready_since,omitzero"`
	Lead   site.Duration `json:"lead,omitempty"` // how long it was ready before it opened
	After  site.Verdict  `json:"after,omitempty"`
}

// Has reports whether a morning has a mark.
func (r Row) Has(m Mark) bool {
	switch m {
	case Early:
		return r.Answer == Ready && time.Duration(r.Lead) >= earlyBy
	case TurnedBad:
		return r.Answer == Ready && r.After == site.NotReady
	case TurnedGood:
		return r.Answer == NotReady && r.After.Trades()
	}
	return false
}

// Span is the dates that are looked at, both included.
type Span struct {
	From string `json:"from"`
	To   string `json:"to"`
	Days int    `json:"days"`
}

// Last is the span of so many dates that ends with the date of now in UTC.
func Last(days int, now time.Time) Span {
	to := now.UTC()
	return Span{From: to.AddDate(0, 0, 1-days).Format(time.DateOnly), To: to.Format(time.DateOnly), Days: days}
}

// Reads is the first date whose mornings Of should be given.
func (s Span) Reads() string {
	from, err := time.Parse(time.DateOnly, s.From)
	if err != nil {
		return s.From
	}
	return from.AddDate(0, 0, -before).Format(time.DateOnly)
}

func (s Span) has(date string) bool { return s.From <= date && date <= s.To }

// Of are the mornings of one store in a span: told are its facts of kind KindMorning from Span.Reads on,
// after those of kind KindAfter, each the oldest first. Between two that were told, and after the last
// one, every day from the next opening that the store named on is a morning of which nothing was told.
func Of(store string, told, after []board.Day, s Span, now time.Time) []Row {
	var rows []Row
	later := map[string]site.Verdict{}
	for _, d := range after {
		var a board.After
		if json.Unmarshal(d.Body, &a) == nil {
			later[d.Date] = a.Verdict
		}
	}
	var next time.Time
	for _, d := range told {
		var m board.Morning
		if d.Body == nil || json.Unmarshal(d.Body, &m) != nil {
			continue
		}
		rows = missing(rows, store, next, d.Date, s, now)
		if next = m.Next; s.has(d.Date) {
			rows = append(rows, rowOf(store, d.Date, m, later[d.Date]))
		}
	}
	return missing(rows, store, next, "9999-99-99", s, now)
}

// missing adds the mornings from an opening on that are before a date and over.
func missing(rows []Row, store string, next time.Time, until string, s Span, now time.Time) []Row {
	for t := next; !next.IsZero() && !t.After(now) && t.Format(time.DateOnly) < until; t = t.AddDate(0, 0, 1) {
		if date := t.Format(time.DateOnly); s.has(date) {
			rows = append(rows, Row{Store: store, Date: date, Answer: NotTold, Opens: t})
		}
	}
	return rows
}

func rowOf(store, date string, m board.Morning, after site.Verdict) Row {
	r := Row{Store: store, Date: date, Answer: CannotTell, Opens: m.Opens, Text: m.Text, After: after}
	switch {
	case m.Verdict.Trades():
		r.Answer = Ready
		if !m.Since.IsZero() && !m.Since.After(m.Opens) {
			r.Since, r.Lead = m.Since, site.Duration(m.Opens.Sub(m.Since))
		}
	case m.Verdict == site.NotReady:
		r.Answer = NotReady
	}
	return r
}

// Counts are how many mornings had which answer. Each is counted once.
type Counts struct {
	Ready      int `json:"ready"`
	NotReady   int `json:"not_ready"`
	CannotTell int `json:"cannot_tell"`
	NotTold    int `json:"not_told"`
	Early      int `json:"early"` // of those that were ready
	TurnedBad  int `json:"turned_bad"`
	TurnedGood int `json:"turned_good"`
}

// All is how many mornings there were.
func (c Counts) All() int { return c.Ready + c.NotReady + c.CannotTell + c.NotTold }

// Of is how many had an answer.
func (c Counts) Of(a Answer) int {
	return map[Answer]int{Ready: c.Ready, NotReady: c.NotReady, CannotTell: c.CannotTell, NotTold: c.NotTold}[a]
}

// With is how many had a mark.
func (c Counts) With(m Mark) int {
	return map[Mark]int{Early: c.Early, TurnedBad: c.TurnedBad, TurnedGood: c.TurnedGood}[m]
}

func (c *Counts) add(r Row) {
	switch r.Answer {
	case Ready:
		c.Ready++
	case NotReady:
		c.NotReady++
	case NotTold:
		c.NotTold++
	default:
		c.CannotTell++
	}
	for m, n := range map[Mark]*int{Early: &c.Early, TurnedBad: &c.TurnedBad, TurnedGood: &c.TurnedGood} {
		if r.Has(m) {
			*n++
		}
	}
}

// Line is the mornings of one store, or of one region.
type Line struct {
	Name   string `json:"name"`
	Title  string `json:"title,omitempty"`
	Region string `json:"region,omitempty"`
	Counts
	// Median and P10 are how long before their openings stores were ready, of the mornings on which they
	// were and the time is known: half of them, and nine of ten, were ready at least so long before.
	Median site.Duration `json:"lead_median"`
	P10    site.Duration `json:"lead_p10"`
	Timed  int           `json:"timed"`

	leads []time.Duration
}

func (l *Line) add(r Row) {
	l.Counts.add(r)
	if r.Answer == Ready && !r.Since.IsZero() {
		l.leads = append(l.leads, time.Duration(r.Lead))
	}
}

func (l *Line) done() Line {
	slices.Sort(l.leads)
	if l.Timed = len(l.leads); l.Timed > 0 {
		l.Median, l.P10 = site.Duration(l.leads[(l.Timed-1)/2]), site.Duration(l.leads[(l.Timed-1)/10])
	}
	l.leads = nil
	return *l
}

// Shop is a store of the inventory.
type Shop struct {
	ID, Name, Region string
}

// Report is all mornings of a span.
type Report struct {
	Span
	All     Line   `json:"all"`
	Regions []Line `json:"regions"`
	Stores  []Line `json:"stores"` // in the order of the inventory
	// Untold are the stores that never told of an opening: nothing of them is in any other number.
	Untold int `json:"untold"`
}

// Tally counts mornings, store by store.
type Tally struct {
	report  Report
	all     Line
	regions map[string]*Line
}

// NewTally begins to count the mornings of a span.
func NewTally(s Span) *Tally {
	return &Tally{report: Report{Span: s, Stores: []Line{}, Regions: []Line{}}, regions: map[string]*Line{}}
}

// Add counts the mornings of a store.
func (t *Tally) Add(shop Shop, rows []Row) {
	if len(rows) == 0 {
		t.report.Untold++
		return
	}
	region := shop.Region
	if region == "" {
		region = "none"
	}
	if t.regions[region] == nil {
		t.regions[region] = &Line{Name: region}
	}
	line := Line{Name: shop.ID, Title: shop.Name, Region: region}
	for _, r := range rows {
		line.add(r)
		t.all.add(r)
		t.regions[region].add(r)
	}
	t.report.Stores = append(t.report.Stores, line.done())
}

// Report ends the counting.
func (t *Tally) Report() Report {
	t.report.All = t.all.done()
	for _, l := range t.regions {
		t.report.Regions = append(t.report.Regions, l.done())
	}
	slices.SortFunc(t.report.Regions, func(x, y Line) int { return board.CompareIDs(x.Name, y.Name) })
	return t.report
}
