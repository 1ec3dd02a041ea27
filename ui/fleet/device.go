package fleet

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// DevicePage is everything about one device.
type DevicePage struct {
	AsOf     string          `json:"as_of"`
	Store    overview.Store  `json:"store"`
	Device   board.DeviceNow `json:"device"`
	Observed board.Observed  `json:"observed"`
	Jobs     []overview.Job  `json:"jobs"`
	LeftOut  []board.LeftOut `json:"left_out"` // by the newest look
	Items    []overview.Item `json:"items"`
	Packages []Package       `json:"packages"`
	Events   []Event         `json:"events"` // the newest first
	Older    time.Time       `json:"older,omitzero"`
}

// Package is one package that was seen on a device.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// PageTitle implements page.Titled.
func (p DevicePage) PageTitle() string { return p.Device.Device + " of store " + p.Store.ID }

// device answers what is known of one device.
func (s *whole) device(q *page.Query) (any, error) {
	id, device := q.PathValue("id"), q.PathValue("device")
	row, ok := q.Overview.Store(id)
	p := DevicePage{AsOf: q.AsOf(), Store: row, Jobs: []overview.Job{}, LeftOut: []board.LeftOut{}, Items: []overview.Item{}, Packages: []Package{}}
	q.View(func(b *board.Board) {
		st := b.Stores[id]
		if st == nil || st.Devices[device] == nil {
			ok = false
			return
		}
		d := st.Devices[device]
		p.Device, p.Observed = d.Now, d.Observed
		p.Device.Device = device
		for _, l := range d.LeftOut {
			l.Device = device
			p.LeftOut = append(p.LeftOut, l)
		}
		for _, j := range slices.SortedFunc(slices.Values(d.Jobs), func(x, y *board.Job) int { return board.CompareIDs(x.Patch, y.Patch) }) {
			p.Jobs = append(p.Jobs, overview.JobOf(row, d, j))
		}
	})
	if !ok {
		return nil, page.Refuse(http.StatusNotFound, "no_device", "Store "+id+" has no device "+device+".")
	}
	for _, i := range q.Overview.Items {
		if i.Store == id && i.Device == device {
			p.Items = append(p.Items, i)
		}
	}
	var err error
	if p.Packages, err = s.packages(q, id, device); err != nil {
		return nil, err
	}
	p.Events, p.Older, err = s.lines(q, board.Query{Store: id, Device: device})
	return p, err
}

// packages reads what was seen on a device; it is too much for the board.
func (s *whole) packages(q *page.Query, store, device string) ([]Package, error) {
	found := []Package{}
	if s.History == nil {
		return found, nil
	}
	facts, err := s.History.Facts(q.Context(), store, board.KindPackages)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		if f.Name != device || f.Body == nil {
			continue
		}
		versions := map[string]string{}
		if json.Unmarshal(f.Body, &versions) != nil {
			continue // a store of another version wrote it in another form
		}
		for _, name := range slices.Sorted(maps.Keys(versions)) {
			found = append(found, Package{name, versions[name]})
		}
	}
	return found, nil
}
