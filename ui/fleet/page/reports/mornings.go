package reports

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/mornings"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

func (s *Pages) morningRoutes() []page.Route {
	all := s.Both("/reports/mornings", "/reports/mornings", "mornings", s.mornings)
	all = append(all, s.Both("/reports/mornings/rows", "/reports/mornings/rows", "morningrows", s.morningRows)...)
	return append(all, s.CSV("mornings", []string{"store", "name", "region", "date", "answer", "opens_at", "ready_since", "lead_minutes", "word", "word_within_two_hours"}, s.morningSheet))
}

const (
	morningsMost  = 400 // days
	shopsAtOnce   = 64  // stores whose days are read at a time
	morningsLimit = time.Minute
	countsMost    = 20 // different ones that are remembered
)

// MorningNames are the filters of mornings.
func MorningNames() []string { return []string{"region", "store", "answer", "mark", "date"} }

// morningFilter is what mornings are narrowed to.
type morningFilter struct {
	page.Picked
	span mornings.Span
}

// MorningsOf reads the filter of a request.
func (s *Pages) MorningsOf(q *page.Query, at time.Time) (morningFilter, error) {
	f := morningFilter{Picked: q.Pick(MorningNames()...)}
	days, err := q.Number("days", 30, 1, morningsMost)
	if err == nil {
		err = errors.Join(page.OneOf(f.Picked, "answer", mornings.Answers()), page.OneOf(f.Picked, "mark", mornings.Marks()))
	}
	f.span = mornings.Last(days, at)
	return f, err
}

func (f morningFilter) row(r mornings.Row) bool {
	return (f.Is("answer") == "" || f.Is("answer") == string(r.Answer)) && (f.Is("mark") == "" || r.Has(mornings.Mark(f.Is("mark")))) && (f.Is("date") == "" || f.Is("date") == r.Date)
}

// eachMorning calls do for every store that a filter lets through, in the order of the grid, with all its mornings.
func (s *Pages) eachMorning(ctx context.Context, q *page.Query, f morningFilter, at time.Time, do func(x overview.Store, rows []mornings.Row) error) error {
	if s.Days == nil {
		return historyless()
	}
	for some := range slices.Chunk(f.Stores(), shopsAtOnce) {
		ask := board.DayQuery{Kind: board.KindAfter, From: f.span.From, To: f.span.To}
		for _, x := range some {
			ask.Stores = append(ask.Stores, x.ID)
		}
		after := map[string][]board.Day{}
		err := s.Days.EachDays(ctx, ask, func(store string, list []board.Day) error {
			after[store] = list
			return nil
		})
		if err != nil {
			return err
		}
		i := 0
		ask.Kind, ask.From = board.KindMorning, f.span.Reads()
		err = s.Days.EachDays(ctx, ask, func(store string, list []board.Day) error {
			i++
			return do(some[i-1], mornings.Of(store, list, after[store], f.span, at))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// morningCache keeps the newest count of mornings for a moment.
type morningCache struct {
	turn chan struct{} // one is counted at a time

	mu     sync.Mutex // held for memory only
	newest map[[3]string]mornings.Report
	at     time.Time // when newest was empty
}

func (c *morningCache) find(key [3]string, now time.Time) (mornings.Report, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.at); age < 0 || age >= morningsLimit || len(c.newest) > countsMost {
		c.at, c.newest = now, map[[3]string]mornings.Report{}
	}
	r, ok := c.newest[key]
	return r, ok
}

func (c *morningCache) put(key [3]string, r mornings.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest != nil {
		c.newest[key] = r
	}
}

// CountMornings counts the mornings of a filter, or finds what was counted a moment ago.
func (s *Pages) CountMornings(q *page.Query, f morningFilter, at time.Time) (mornings.Report, error) {
	key := [3]string{strconv.Itoa(f.span.Days), f.Is("region"), f.Is("store")}
	select {
	case s.morningCache.turn <- struct{}{}:
		defer func() { <-s.morningCache.turn }()
	case <-q.Context().Done():
		return mornings.Report{}, q.Context().Err()
	}
	if r, ok := s.morningCache.find(key, s.Now()); ok {
		return r, nil
	}
	tally := mornings.NewTally(f.span)
	err := s.eachMorning(q.Context(), q, f, at, func(x overview.Store, rows []mornings.Row) error {
		tally.Add(mornings.Shop{ID: x.ID, Name: x.Name, Region: x.Region}, rows)
		return nil
	})
	if err != nil {
		return mornings.Report{}, err
	}
	r := tally.Report()
	s.morningCache.put(key, r)
	return r, nil
}

// MorningPage is how stores opened, counted.
type MorningPage struct {
	AsOf string `json:"as_of"`
	mornings.Report

	morningFilter
}

// PageTitle implements page.Titled.
func (p MorningPage) PageTitle() string { return "How stores opened" }

// mornings answers on how many mornings stores opened ready.
func (s *Pages) mornings(q *page.Query) (any, error) {
	at := s.Now().UTC()
	f, err := s.MorningsOf(q, at)
	if err != nil {
		return nil, err
	}
	f.Picked = f.First(2)
	r, err := s.CountMornings(q, f, at)
	if err != nil {
		return nil, err
	}
	r.Stores = slices.Clone(r.Stores)
	slices.SortStableFunc(r.Stores, func(x, y mornings.Line) int { return (y.All() - y.Ready) - (x.All() - x.Ready) })
	return MorningPage{AsOf: page.RFC(at), Report: r, morningFilter: f}, nil
}

// Answers are all answers.
func (p MorningPage) Answers() []mornings.Answer { return mornings.Answers() }

// Worst are the stores that were least often ready, as many as a page shows.
func (p MorningPage) Worst() []mornings.Line {
	return p.Report.Stores[:min(len(p.Report.Stores), page.Size)]
}

// Lines is a table of the page.
func (p MorningPage) Lines(by string, lines []mornings.Line) MorningTable {
	return MorningTable{p, by, lines}
}

// MorningTable is the mornings by store or by region.
type MorningTable struct {
	Of    MorningPage
	By    string // store or region
	Lines []mornings.Line
}

// Here is the address of the page for one line alone.
func (t MorningTable) Here(name string) string { return t.Of.Link("/reports/mornings", t.By, name) }

// Rows is the address of the mornings behind a number of a line.
func (t MorningTable) Rows(name string, pairs ...string) string {
	return t.Of.RowsAt(append(pairs, t.By, name)...)
}

// RowsAt is the address of the mornings behind a number.
func (p MorningPage) RowsAt(pairs ...string) string {
	return p.Link("/reports/mornings/rows", pairs...)
}

// Share is a part of a whole in per cent.
func (p MorningPage) Share(part, whole int) string {
	return comply.Ratio{Of: part, All: whole}.String()
}

// Lead writes how long before an opening.
func (p MorningPage) Lead(l mornings.Line, d site.Duration) string {
	if l.Timed == 0 {
		return "\u2013"
	}
	return page.Lasts(time.Duration(d))
}

// MorningRows is the mornings that a filter means, by store and date.
type MorningRows struct {
	AsOf string `json:"as_of"`
	page.Page
	mornings.Span
	Mornings []mornings.Row `json:"mornings"`

	page.Picked
}

// PageTitle implements page.Titled.
func (l MorningRows) PageTitle() string { return "Mornings, one by one" }

// Turn is the address of a page before or after this one.
func (l MorningRows) Turn(by int) string { return l.PageAt(l.Page, by) }

// morningRows answers which mornings a filter means.
func (s *Pages) morningRows(q *page.Query) (any, error) {
	at := s.Now().UTC()
	f, err := s.MorningsOf(q, at)
	if err != nil {
		return nil, err
	}
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	l := MorningRows{AsOf: page.RFC(at), Span: f.span, Mornings: []mornings.Row{}, Picked: f.Picked}
	n := 0
	err = s.eachMorning(q.Context(), q, f, at, func(_ overview.Store, rows []mornings.Row) error {
		for _, r := range rows {
			if !f.row(r) {
				continue
			}
			if n++; n > skip && n <= skip+size {
				l.Mornings = append(l.Mornings, r)
			}
		}
		return nil
	})
	l.Page = page.Of(n, skip, size)
	return l, err
}

// morningSheet writes the mornings that a filter means.
func (s *Pages) morningSheet(q *page.Query, at time.Time, put func(...string) error) error {
	f, err := s.MorningsOf(q, at)
	if err != nil {
		return err
	}
	return s.eachMorning(q.Context(), q, f, at, func(x overview.Store, rows []mornings.Row) error {
		for _, r := range rows {
			if !f.row(r) {
				continue
			}
			lead := ""
			if !r.Since.IsZero() {
				lead = strconv.Itoa(int(time.Duration(r.Lead).Minutes()))
			}
			if err := put(x.ID, x.Name, x.Region, r.Date, string(r.Answer), page.Stamped(r.Opens), page.Stamped(r.Since), lead, r.Text, string(r.After)); err != nil {
				return err
			}
		}
		return nil
	})
}
