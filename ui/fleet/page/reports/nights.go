package reports

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/mornings"
	"github.com/nightfill/nightfill/site/board/nights"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

func (s *Pages) nightRoutes() []page.Route {
	all := s.Both("/reports/nights", "/reports/nights", "nights", s.nights)
	all = append(all, s.Both("/reports/nights/rows", "/reports/nights/rows", "nightrows", s.nightRows)...)
	return append(all,
		s.CSV("nights", []string{
			"store", "name", "region", "night", "window_opens", "window_closes", "ended_at", "planned", "done", "broke", "left", "no_answer", "open", "used_minutes", "window_minutes", "over", "text",
		}, s.nightSheet),
		s.CSV("night", []string{
			"store", "name", "region", "night", "device", "class", "patch", "title", "planned", "state", "reason_code", "reason", "next", "before", "after", "attempts", "took_s", "verified_at",
		}, s.shiftSheet),
		page.At("GET /export/night.html", s.Answers(s.shiftReport)))
}

// NightNames are the filters of nights.
func NightNames() []string { return []string{"region", "store", "date", "mark"} }

// NightFilter reads the filter of a request and the dates that it means.
func (s *Pages) NightFilter(q *page.Query, at time.Time) (page.Picked, mornings.Span, error) {
	p := q.Pick(NightNames()...)
	days, err := q.Number("days", 30, 1, morningsMost)
	span := mornings.Last(days, at)
	if date := p.Is("date"); date != "" && err == nil {
		if _, bad := window.ParseDate(date); bad != nil {
			err = page.Refuse(http.StatusBadRequest, "bad_date", "date must be a date such as "+span.To+", not \""+date+"\".")
		}
		span = mornings.Span{From: date, To: date, Days: 1}
	}
	return p, span, errors.Join(err, page.OneOf(p, "mark", nights.Marks()))
}

// eachNight calls do for every night that a filter lets through, by store and date.
func (s *Pages) eachNight(q *page.Query, p page.Picked, span mornings.Span, at time.Time, do func(r nights.Row) error) error {
	return s.EachWindow(q, p, span, at, s.Tally, do)
}

// EachWindow is eachNight with count called for the nights of each store, to count what the store's own word does not.
func (s *Pages) EachWindow(q *page.Query, p page.Picked, span mornings.Span, at time.Time, count func(ctx context.Context, store string, rows []nights.Row) error, do func(r nights.Row) error) error {
	if s.Days == nil {
		return historyless()
	}
	for shops := range slices.Chunk(p.Stores(), shopsAtOnce) {
		facts := map[board.Kind]map[string][]board.Day{}
		for _, kind := range []board.Kind{board.KindNight, board.KindNightOpened, board.KindNightClosed} {
			ask := board.DayQuery{Kind: kind, From: span.From, To: span.To}
			for _, x := range shops {
				ask.Stores = append(ask.Stores, x.ID)
			}
			of := map[string][]board.Day{}
			facts[kind] = of
			if err := s.Days.EachDays(q.Context(), ask, func(store string, list []board.Day) error { of[store] = list; return nil }); err != nil {
				return err
			}
		}
		for _, x := range shops {
			rows := nights.All(facts[board.KindNight][x.ID], facts[board.KindNightOpened][x.ID], facts[board.KindNightClosed][x.ID], at)
			if err := count(q.Context(), x.ID, rows); err != nil {
				return err
			}
			for _, r := range rows {
				r.Store, r.Name, r.Region = x.ID, x.Name, x.Region
				if p.Is("mark") != "" && !r.Has(nights.Mark(p.Is("mark"))) {
					continue
				}
				if err := do(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Tally counts from the events the nights of a store of which its own count never came.
func (s *Pages) Tally(ctx context.Context, store string, rows []nights.Row) error {
	t := nights.NewTally(rows)
	ask, some := t.Query(store)
	if !some || s.Records == nil {
		return nil
	}
	err := s.Records.EachEvent(ctx, ask, func(e board.Event) error {
		if !t.Add(e) {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	t.Done()
	return nil
}

// errEnough ends a walk over events.
var errEnough = errors.New("enough")

// NightList is the nights of all stores, by date.
type NightList struct {
	AsOf   string        `json:"as_of"`
	Nights []nights.Line `json:"nights"` // the newest first

	page.Picked
}

// PageTitle implements page.Titled.
func (l NightList) PageTitle() string { return "Nights" }

// nights answers how the nights went, by date.
func (s *Pages) nights(q *page.Query) (any, error) {
	at := s.Now().UTC()
	p, span, err := s.NightFilter(q, at)
	if err != nil {
		return nil, err
	}
	p = p.First(2)
	shops, lines := len(p.Stores()), map[string]*nights.Line{}
	err = s.eachNight(q, p, span, at, func(r nights.Row) error {
		if lines[r.Date] == nil {
			l := nights.NewLine(r.Date, shops)
			lines[r.Date] = &l
		}
		lines[r.Date].Add(r)
		return nil
	})
	l := NightList{AsOf: page.RFC(at), Nights: []nights.Line{}, Picked: p}
	for _, date := range slices.Backward(slices.Sorted(maps.Keys(lines))) {
		l.Nights = append(l.Nights, *lines[date])
	}
	return l, err
}

// Used writes how much of the windows was used.
func (l NightList) Used(n nights.Line) string {
	share, known := n.Share()
	if !known {
		return "\u2013"
	}
	return strconv.Itoa(share) + " %"
}

// Mark is how many stores of a date have a mark.
func (l NightList) Mark(n nights.Line, mark string) int { return n.Marks[nights.Mark(mark)] }

// RowsAt is the address of the nights behind a number.
func (l NightList) RowsAt(pairs ...string) string { return l.Link("/reports/nights/rows", pairs...) }

// NightRows is the nights of stores that a filter means.
type NightRows struct {
	AsOf string `json:"as_of"`
	page.Page
	Nights []nights.Row `json:"nights"`

	page.Picked
}

// PageTitle implements page.Titled.
func (l NightRows) PageTitle() string { return "Nights, store by store" }

// Turn is the address of a page before or after this one.
func (l NightRows) Turn(by int) string { return l.PageAt(l.Page, by) }

// Over reports whether a night ran over its window.
func (l NightRows) Over(r nights.Row) bool { return r.Has(nights.Over) }

// nightRows answers which nights a filter means.
func (s *Pages) nightRows(q *page.Query) (any, error) {
	at := s.Now().UTC()
	p, span, err := s.NightFilter(q, at)
	if err != nil {
		return nil, err
	}
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	l := NightRows{AsOf: page.RFC(at), Nights: []nights.Row{}, Picked: p}
	n := 0
	err = s.eachNight(q, p, span, at, func(r nights.Row) error {
		if n++; n > skip && n <= skip+size {
			l.Nights = append(l.Nights, r)
		}
		return nil
	})
	l.Page = page.Of(n, skip, size)
	return l, err
}

// nightSheet writes the nights that a filter means.
func (s *Pages) nightSheet(q *page.Query, at time.Time, put func(...string) error) error {
	p, span, err := s.NightFilter(q, at)
	if err != nil {
		return err
	}
	minutes := func(d site.Duration) string { return strconv.Itoa(int(time.Duration(d).Minutes())) }
	return s.eachNight(q, p, span, at, func(r nights.Row) error {
		cells := []string{r.Store, r.Name, r.Region, r.Date, page.Stamped(r.Opens), page.Stamped(r.Closes), page.Stamped(r.Closed)}
		for _, n := range []int{r.Planned, r.Done, r.Broke, r.Left, r.NoAnswer, r.Open} {
			cells = append(cells, strconv.Itoa(n))
		}
		return put(append(cells, minutes(r.Used), minutes(r.Window), strconv.FormatBool(r.Has(nights.Over)), r.Text)...)
	})
}

// Shift is one patch on one device in a night, or a device of which nothing was due.
type Shift struct {
	Device, Class, Patch, Title string
	State                       site.State
	Code, Reason                string
	Before, After               string // versions
	Attempts                    int    // how often its installation was begun
	Took                        time.Duration
	Verified                    time.Time
}

// Planned reports whether it was to be put on in that night.
func (x Shift) Planned() bool { return x.Patch != "" && x.State != site.NotDue }

// Next is what is to be done about it, and by whom; "": nothing.
func (x Shift) Next() string {
	switch x.State {
	case site.RollbackFailed:
		return "A person must look at the device and release it: nothing is begun on it until then."
	case site.Failed:
		return "Look at its cause among the failures; retry it, or withdraw the patch."
	case site.RolledBack:
		return "The device works as before. It is tried again in the next night unless the patch is held."
	case site.NoAnswer:
		return "Somebody in the store sees whether it is switched on and connected."
	case site.Held:
		return "Release it when it may be touched again."
	case site.Skipped:
		return "It is planned again for the next night."
	}
	return ""
}

// eachShift calls do for each store that told of a night of a date, with what became of everything in it.
func (s *Pages) eachShift(ctx context.Context, q *page.Query, at time.Time, do func(r nights.Row, list []Shift) error) error {
	p, span, err := s.NightFilter(q, at)
	switch {
	case err != nil:
		return err
	case p.Is("date") == "":
		return page.Refuse(http.StatusBadRequest, "bad_date", "The report of a night needs its date, such as date="+span.To+".")
	case s.Shift == nil:
		return historyless()
	}
	var rows []nights.Row
	if err := s.eachNight(q, p, span, at, func(r nights.Row) error { rows = append(rows, r); return nil }); err != nil {
		return err
	}
	for _, r := range rows {
		list, err := s.Shift(ctx, r.Store, r.Date)
		if err != nil {
			return err
		}
		if err := do(r, list); err != nil {
			return err
		}
	}
	return nil
}

// shiftSheet writes the report of a night.
func (s *Pages) shiftSheet(q *page.Query, at time.Time, put func(...string) error) error {
	return s.eachShift(q.Context(), q, at, func(r nights.Row, list []Shift) error {
		for _, x := range list {
			err := put(r.Store, r.Name, r.Region, r.Date, x.Device, x.Class, x.Patch, x.Title, strconv.FormatBool(x.Planned()), string(x.State), x.Code, strings.TrimSpace(x.Reason), x.Next(),
				x.Before, x.After, strconv.Itoa(x.Attempts), strconv.Itoa(int(x.Took.Seconds())), page.Stamped(x.Verified))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
