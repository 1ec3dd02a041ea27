package compliance

import (
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// RowList is the rows, or the devices, that a filter means.
type RowList struct {
	AsOf string `json:"as_of"`
	page.Page
	Rows    []RowTold    `json:"rows,omitzero"`    // where the list is of rows
	Devices []DeviceTold `json:"devices,omitzero"` // where it is of devices

	List
}

// PageTitle implements page.Titled.
func (l RowList) PageTitle() string { return "Compliance, one by one" }

// ByDevice reports whether the list is of devices.
func (l RowList) ByDevice() bool { return l.query.Values.Get("view") == "devices" }

// Turn is the address of a page before or after this one.
func (l RowList) Turn(by int) string {
	return l.with(l.query.URL.Path, "view", l.query.Values.Get("view"), "size", l.query.Values.Get("size"), "page", strconv.Itoa(l.Page.Page+by))
}

// RowTold is one patch on one device.
type RowTold struct {
	Store    string          `json:"store"`
	Device   string          `json:"device"`
	Patch    string          `json:"patch"`
	Severity site.Severity   `json:"severity"`
	Owner    string          `json:"owner"`
	Standing comply.Standing `json:"standing"`
	State    site.State      `json:"state,omitempty"`
	Code     site.Code       `json:"reason,omitempty"`
	Version  string          `json:"version,omitempty"`
	Due      time.Time       `json:"due,omitzero"`
	Overdue  bool            `json:"overdue,omitempty"`
	Looked   time.Time       `json:"looked_at,omitzero"`
	Again    bool            `json:"again,omitempty"`
	Excepted string          `json:"excepted_by,omitempty"`
	Until    time.Time       `json:"excepted_until,omitzero"`
	Clocks   comply.Clocks   `json:"clocks"`
	Loc      *time.Location  `json:"-"`
}

func (s *Pages) rowOf(v *comply.View, r comply.Row) RowTold {
	t := RowTold{
		Store: r.Store.ID, Device: r.Device.ID, Patch: r.Patch.ID, Severity: r.Patch.Severity, Owner: r.Patch.Owner, Standing: r.Standing, State: r.State, Code: r.Code,
		Version: r.Version, Due: r.Due, Overdue: r.Overdue, Looked: r.Looked, Again: r.Again, Clocks: v.Clocks(r), Loc: s.Zone(r.Store.Info.Timezone),
	}
	if r.Exception != nil {
		t.Excepted, t.Until = r.Exception.Owner, r.Exception.Expires
	}
	return t
}

// DeviceTold is one device.
type DeviceTold struct {
	Store    string                `json:"store"`
	Device   string                `json:"device"`
	Class    site.Class            `json:"class"`
	Model    string                `json:"model,omitempty"`
	Standing comply.DeviceStanding `json:"standing"`
	Looked   time.Time             `json:"looked_at,omitzero"`
	Patches  comply.Counts         `json:"patches"`
	Loc      *time.Location        `json:"-"`
}

// rows answers which rows, or devices, a filter means.
func (s *Pages) rows(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	f, err := complyFilter(q)
	if err != nil {
		return nil, err
	}
	o, err := s.Judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	l := RowList{AsOf: page.RFC(o.Now), List: List{query: q, filter: f}}
	n := 0
	q.View(func(b *board.Board) {
		v := comply.Look(b, o)
		if l.ByDevice() {
			l.Devices = []DeviceTold{}
			for d := range v.Devices(f) {
				if n++; n > skip && n <= skip+size {
					l.Devices = append(l.Devices, DeviceTold{
						d.Store.ID, d.Device.ID, d.Device.Now.Class, d.Device.Now.Model, d.Standing, d.Looked, d.Counts, s.Zone(d.Store.Info.Timezone),
					})
				}
			}
			return
		}
		l.Rows = []RowTold{}
		for r := range v.Rows(f) {
			if n++; n > skip && n <= skip+size {
				l.Rows = append(l.Rows, s.rowOf(v, r))
			}
		}
	})
	l.Page = page.Of(n, skip, size)
	return l, nil
}
