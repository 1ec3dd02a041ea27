package fleet

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/nights"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// eventsShown is how many events a page of a store or a device has.
const eventsShown = 100

// StorePage is everything about one store.
type StorePage struct {
	AsOf        string            `json:"as_of"`
	Store       overview.Store    `json:"store"`
	Ready       board.ReadyNow    `json:"ready"`
	Items       []overview.Item   `json:"items"`
	Patches     []string          `json:"patches"` // the columns of Devices
	Devices     []DeviceRow       `json:"devices"`
	Nights      []board.Night     `json:"nights"` // the newest first
	Alerts      []board.Alert     `json:"alerts"`
	Holds       []site.Hold       `json:"holds"`
	Quarantines []site.Quarantine `json:"quarantines"`
	Catalog     int64             `json:"catalog"` // the generation that it goes by; 0 = not told
	Streams     []StreamState     `json:"streams"` // the present one first
	Events      []Event           `json:"events"`  // the newest first
	Older       time.Time         `json:"older,omitzero"`
	Picture     string            `json:"picture,omitempty"` // the address of the picture of the newest night

	opened bool // the events of the newest night are stored from its opening on
}

// PageTitle implements page.Titled.
func (p StorePage) PageTitle() string { return "Store " + p.Store.ID }

// DeviceRow is one device with one cell for each patch of its store.
type DeviceRow struct {
	Device string      `json:"device"`
	Class  site.Class  `json:"class"`
	Model  string      `json:"model,omitempty"`
	Answer bool        `json:"answers"`
	Seen   time.Time   `json:"seen_at,omitzero"`
	Held   *site.Hold  `json:"held,omitempty"`
	Cells  []PatchCell `json:"cells"`
}

// PatchCell is where one patch stands on one device. An empty state: nothing was told.
type PatchCell struct {
	State site.State `json:"state,omitempty"`
	Code  site.Code  `json:"code,omitempty"`
	At    time.Time  `json:"at,omitzero"`
}

// StreamState is how much of one stream of a store is stored.
type StreamState struct {
	Stream  string       `json:"stream"`
	Stored  uint64       `json:"stored"`  // everything up to here is stored, or was given up
	Highest uint64       `json:"highest"` // the newest that is stored
	Gaps    []board.Span `json:"gaps"`    // asked for
	Lost    []board.Span `json:"lost"`    // given up
	Repeats uint64       `json:"repeats"`
	Last    time.Time    `json:"last,omitzero"`
}

// store answers what is known of one store.
func (s *whole) store(q *page.Query) (any, error) {
	id := q.PathValue("id")
	row, ok := q.Overview.Store(id)
	if !ok {
		return nil, page.Refuse(http.StatusNotFound, "no_store", "There is no store "+id+": it is not in the list of stores and was never heard.")
	}
	p := StorePage{AsOf: q.AsOf(), Store: row, Items: []overview.Item{}}
	for _, i := range q.Overview.Items {
		if i.Store == id {
			p.Items = append(p.Items, i)
		}
	}
	q.View(func(b *board.Board) {
		st := b.Stores[id]
		if st == nil { // it was closed at this moment
			st = &board.Store{}
		}
		p.read(st)
	})
	if s.Night != nil && len(p.Nights) > 0 && p.opened {
		p.Picture = "/stores/" + url.PathEscape(id) + "/nights/" + p.Nights[0].Night.String() + "/picture.svg"
	}
	lines, older, err := s.lines(q, board.Query{Store: id})
	p.Events, p.Older = lines, older
	return p, err
}

// read copies what the page shows.
func (p *StorePage) read(s *board.Store) {
	p.Ready, p.Catalog = s.Ready, s.Catalog.Version
	p.Ready.Fix, p.Ready.Notes = list(p.Ready.Fix), list(p.Ready.Notes)
	p.Nights = sorted(s.Nights, func(a, b board.Night) int { return cmp.Compare(b.Night.String(), a.Night.String()) })
	for i := range p.Nights {
		p.Nights[i].States = counted(p.Nights[i].States)
	}
	if len(p.Nights) > 0 {
		_, p.opened = s.Opened[p.Nights[0].Night.String()]
	}
	p.Alerts = sorted(s.Alerts, func(a, b board.Alert) int { return a.Since.Compare(b.Since) })
	p.Holds = sorted(s.Holds, func(a, b site.Hold) int { return board.CompareIDs(a.Device, b.Device) })
	p.Quarantines = sorted(s.Quarantines, func(a, b site.Quarantine) int { return cmp.Compare(a.Patch, b.Patch) })
	p.Streams = []StreamState{}
	for _, st := range slices.Backward(s.Streams) {
		p.Streams = append(p.Streams, StreamState{st.ID, st.Stored, st.Highest, list(st.Gaps), list(st.Lost), st.Repeats, st.Last})
	}
	p.Patches = columns(s)
	p.Devices = []DeviceRow{}
	for _, d := range sorted(s.Devices, func(a, b *board.Device) int { return board.CompareIDs(a.ID, b.ID) }) {
		if d.Gone {
			continue
		}
		r := DeviceRow{Device: d.ID, Class: d.Now.Class, Model: d.Now.Model, Answer: d.Now.Answers, Seen: d.Now.SeenAt, Held: d.Now.Held, Cells: []PatchCell{}}
		for _, patch := range p.Patches {
			r.Cells = append(r.Cells, standing(s, d, patch))
		}
		p.Devices = append(p.Devices, r)
	}
}

// list copies a list; none is an empty one, as the API promises lists.
func list[T any](of []T) []T { return append([]T{}, of...) }

// sorted lists the values of a map in an order.
func sorted[K comparable, V any](of map[K]V, order func(a, b V) int) []V {
	return list(slices.SortedFunc(maps.Values(of), order))
}

// counted is how many jobs of a night have each state; where none was told, there are none.
func counted(states map[site.State]int) map[site.State]int {
	if states == nil {
		return map[site.State]int{}
	}
	return states
}

// columns are the patches that some device of the store has to do with.
func columns(s *board.Store) []string {
	found := map[string]bool{}
	for _, d := range s.Devices {
		for _, j := range d.Jobs {
			found[j.Patch] = true
		}
		for _, l := range d.LeftOut {
			found[l.Patch] = found[l.Patch] || l.Patch != ""
		}
	}
	delete(found, "")
	return list(slices.SortedFunc(maps.Keys(found), board.CompareIDs))
}

// standing is where a patch stands on a device. What is proven stays so although the next night has
// nothing to do there.
func standing(s *board.Store, d *board.Device, patch string) PatchCell {
	state, code, ok := s.Standing(d, patch)
	if !ok {
		return PatchCell{}
	}
	c := PatchCell{State: state, Code: code}
	if j := d.Find(patch); j != nil {
		c.At = j.At.Time()
		if j.State == site.Done && state == site.NotDue {
			c.State, c.Code = site.Done, ""
		}
	}
	return c
}

// NightPage is one night of a store.
type NightPage struct {
	AsOf    string         `json:"as_of"`
	Store   overview.Store `json:"store"`
	Night   board.Night    `json:"night"`
	Picture string         `json:"picture,omitempty"` // its address
	Jobs    []overview.Job `json:"jobs"`              // that were last looked at in this night
	Events  []Event        `json:"events"`
	Older   time.Time      `json:"older,omitzero"`
}

// PageTitle implements page.Titled.
func (p NightPage) PageTitle() string {
	return "Store " + p.Store.ID + ", night of " + p.Night.Night.String()
}

// night answers how one night of a store went.
func (s *whole) night(q *page.Query) (any, error) {
	id, date := q.PathValue("id"), q.PathValue("date")
	row, ok := q.Overview.Store(id)
	p := NightPage{AsOf: q.AsOf(), Store: row, Jobs: []overview.Job{}}
	opened, known, err := false, false, error(nil)
	q.View(func(b *board.Board) {
		st := b.Stores[id]
		if st == nil {
			return
		}
		p.Night, known = st.Nights[date]
		_, opened = st.Opened[date]
		jobs, _ := q.Overview.Jobs(b, overview.Filter{Store: []string{id}}, 0, 10*page.Most)
		for _, j := range jobs {
			if j.Night == date {
				p.Jobs = append(p.Jobs, j)
			}
		}
	})
	if !known {
		if p.Night, opened, known, err = s.pastNight(q, id, date); err != nil {
			return nil, err
		}
	}
	if !ok || !known {
		return nil, page.Refuse(http.StatusNotFound, "no_night", "Store "+id+" told of no night of "+date+".")
	}
	p.Night.States = counted(p.Night.States)
	if s.Night != nil && opened {
		p.Picture = "/stores/" + url.PathEscape(id) + "/nights/" + url.PathEscape(date) + "/picture.svg"
	}
	lines, older, err := s.lines(q, board.Query{Store: id, Night: date})
	p.Events, p.Older = lines, older
	return p, err
}

// pastNight reads a night that is not on the board: it is over for long, or the store's own count never came.
func (s *whole) pastNight(q *page.Query, store, date string) (n board.Night, opened, known bool, err error) {
	if s.History == nil {
		return n, false, false, nil
	}
	facts, err := s.History.Facts(q.Context(), store, board.KindNight, board.KindNightOpened, board.KindNightClosed)
	of := map[board.Kind][]board.Day{}
	for _, f := range facts {
		if f.Name == date && f.Body != nil {
			of[f.Kind] = append(of[f.Kind], board.Day{Date: date, Fact: f})
		}
	}
	opened = len(of[board.KindNightOpened]) > 0
	for _, d := range of[board.KindNight] {
		if json.Unmarshal(d.Body, &n) == nil {
			return n, opened, true, nil
		}
	}
	rows := nights.All(nil, of[board.KindNightOpened], of[board.KindNightClosed], s.Now())
	if err != nil || len(rows) == 0 {
		return n, opened, false, err
	}
	err = s.reports.Tally(q.Context(), store, rows)
	return rows[0].Night(), opened, true, err
}

// picture serves the drawing of a night. Its style stays with it, wherever it is opened.
func (s *whole) picture(w http.ResponseWriter, r *http.Request) {
	var svg []byte
	var err error
	if s.Night != nil {
		svg, err = s.Night(r.Context(), r.PathValue("id"), r.PathValue("date"))
	}
	switch {
	case err != nil:
		s.Fail(w, r, err)
	case svg == nil:
		s.Fail(w, r, page.Refuse(http.StatusNotFound, "no_night", "There is no picture of that night."))
	default:
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		s.Send(w, r, http.StatusOK, "image/svg+xml", svg)
	}
}
