package reports

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/inventory"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Firsts remembers when headquarters was first told of devices, by store and device. A History that has
// them shows what is new.
type Firsts interface {
	Firsts(ctx context.Context, stores []string) (map[string]map[string]time.Time, error)
}

func (s *Pages) deviceRoutes() []page.Route {
	all := s.Both("/reports/devices", "/reports/devices", "devices", s.devices)
	all = append(all, s.Both("/reports/devices/rows", "/reports/devices/rows", "devicerows", s.deviceRows)...)
	return append(all, s.CSV("devices", []string{"store", "region", "device", "class", "make", "model", "serial", "inventory_id", "location", "function", "owner", "pci_scope", "support_ends", "care", "life", "system", "seen_at", "first_told_at", "as_of"}, s.deviceSheet))
}

// DeviceNames are the filters of devices.
func DeviceNames() []string {
	return []string{"region", "store", "class", "model", "pci_scope", "life", "care", "mark"}
}

func deviceFilter(q *page.Query) (page.Picked, error) {
	p := q.Pick(DeviceNames()...)
	return p, errors.Join(page.OneOf(p, "life", inventory.Lives()), page.OneOf(p, "care", inventory.Cares()), page.OneOf(p, "mark", inventory.Marks()))
}

// device reports whether a filter lets a device through.
func deviceFits(p page.Picked, r inventory.Row) bool {
	for name, is := range map[string]string{
		"region": r.Region, "store": r.Store, "class": cmp.Or(string(r.Class), "none"), "model": cmp.Or(r.Model, "none"), "pci_scope": cmp.Or(string(r.Asset.Scope), "none"), "life": string(r.Life), "care": string(r.Care),
	} {
		if want := p.Is(name); want != "" && want != is {
			return false
		}
	}
	switch {
	case p.Is("care") != "" && r.Life == inventory.Gone:
		return false
	case p.Is("mark") != "":
		return r.Has(inventory.Mark(p.Is("mark")))
	}
	return true
}

// eachDevice calls do for every device that a filter lets through, in the order of the grid and then of ids.
// The board is looked at a few stores at a time.
func (s *Pages) eachDevice(q *page.Query, p page.Picked, at time.Time, do func(r inventory.Row) error) error {
	for some := range slices.Chunk(p.Stores(), shopsAtOnce) {
		var ids []string
		for _, x := range some {
			ids = append(ids, x.ID)
		}
		known := map[string]map[string]time.Time{}
		if s.Firsts != nil {
			var err error
			if known, err = s.Firsts.Firsts(q.Context(), ids); err != nil {
				return err
			}
		}
		var rows []inventory.Row
		q.View(func(b *board.Board) {
			for _, id := range ids {
				if b.Stores[id] == nil {
					continue
				}
				for r := range inventory.Rows(b.Stores[id], func(store, device string) time.Time { return known[store][device] }, at) {
					if deviceFits(p, r) {
						rows = append(rows, r)
					}
				}
			}
		})
		for _, r := range rows {
			if err := do(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeviceCountPage is the devices of the stores, counted.
type DeviceCountPage struct {
	AsOf string `json:"as_of"`
	inventory.Counts
	Classes []DeviceLine `json:"classes"`
	Scopes  []DeviceLine `json:"scopes"`

	page.Picked
}

// DeviceLine is the devices of one class, or of one scope.
type DeviceLine struct {
	Name string `json:"name"`
	inventory.Counts
}

// PageTitle implements page.Titled.
func (p DeviceCountPage) PageTitle() string { return "Devices" }

// There is how many devices are there: all but those that are gone.
func (l DeviceLine) There() int { return l.All - l.Lives[inventory.Gone] }

// There is how many devices are there: all but those that are gone.
func (p DeviceCountPage) There() int { return p.All - p.Lives[inventory.Gone] }

// devices answers which devices the stores told of, counted.
func (s *Pages) devices(q *page.Query) (any, error) {
	p := DeviceCountPage{AsOf: q.AsOf(), Counts: inventory.NewCounts(), Picked: q.Pick("region", "store")}
	classes, scopes := map[string]*DeviceLine{}, map[string]*DeviceLine{}
	err := s.eachDevice(q, p.Picked, q.Moment(), func(r inventory.Row) error {
		p.Add(r)
		for _, l := range []struct {
			of   map[string]*DeviceLine
			name string
		}{{classes, cmp.Or(string(r.Class), "none")}, {scopes, cmp.Or(string(r.Asset.Scope), "none")}} {
			if l.of[l.name] == nil {
				l.of[l.name] = &DeviceLine{l.name, inventory.NewCounts()}
			}
			l.of[l.name].Add(r)
		}
		return nil
	})
	p.Classes, p.Scopes = deviceLines(classes), deviceLines(scopes)
	return p, err
}

func deviceLines(of map[string]*DeviceLine) []DeviceLine {
	all := []DeviceLine{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, *of[name])
	}
	return all
}

// RowsAt is the address of the devices behind a number.
func (p DeviceCountPage) RowsAt(pairs ...string) string {
	return p.Link("/reports/devices/rows", pairs...)
}

// Told are the counts of lives, of cares or of marks as the page shows them.
func (p DeviceCountPage) Told(kind string) []overview.Count {
	var all []overview.Count
	switch kind {
	case "life":
		for _, v := range inventory.Lives() {
			all = append(all, overview.Count{ID: string(v), Word: page.Plain(v), Count: p.Lives[v]})
		}
	case "care":
		for _, v := range inventory.Cares() {
			all = append(all, overview.Count{ID: string(v), Word: page.Plain(v), Count: p.Cares[v]})
		}
	default:
		for _, v := range inventory.Marks() {
			all = append(all, overview.Count{ID: string(v), Word: markWord(v), Count: p.Marks[v]})
		}
	}
	return all
}

func markWord(m inventory.Mark) string {
	return map[inventory.Mark]string{
		inventory.New: "first told within 30 days", inventory.POI: "points of interaction (read cards)", inventory.NoSerial: "of these without a serial number", inventory.NoScope: "PCI scope not told",
		inventory.OutOfCare: "no longer supported by the maker", inventory.Unassigned: "owner not told",
	}[m]
}

// DeviceRows is the devices that a filter means.
type DeviceRows struct {
	AsOf string `json:"as_of"`
	page.Page
	Devices []inventory.Row `json:"devices"`

	page.Picked
}

// PageTitle implements page.Titled.
func (l DeviceRows) PageTitle() string { return "Devices, one by one" }

// Turn is the address of a page before or after this one.
func (l DeviceRows) Turn(by int) string { return l.PageAt(l.Page, by) }

// deviceRows answers which devices a filter means.
func (s *Pages) deviceRows(q *page.Query) (any, error) {
	p, err := deviceFilter(q)
	if err != nil {
		return nil, err
	}
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	l := DeviceRows{AsOf: q.AsOf(), Devices: []inventory.Row{}, Picked: p}
	n := 0
	err = s.eachDevice(q, p, q.Moment(), func(r inventory.Row) error {
		if n++; n > skip && n <= skip+size {
			l.Devices = append(l.Devices, r)
		}
		return nil
	})
	l.Page = page.Of(n, skip, size)
	return l, err
}

// deviceSheet writes the devices that a filter means.
func (s *Pages) deviceSheet(q *page.Query, at time.Time, put func(...string) error) error {
	p, err := deviceFilter(q)
	if err != nil {
		return err
	}
	return s.eachDevice(q, p, at, func(r inventory.Row) error {
		a, ends := r.Asset, ""
		if !a.Support.IsZero() {
			ends = a.Support.String()
		}
		return put(r.Store, strings.TrimPrefix(r.Region, "none"), r.Device, string(r.Class), a.Make, r.Model, a.Serial, a.ID, a.Location, a.Function, a.Owner, string(a.Scope), ends,
			string(r.Care), string(r.Life), r.System, page.Stamped(r.Seen), page.Stamped(r.First), page.Stamped(at))
	})
}

// Live is how many devices have a life.
func (l DeviceLine) Live(life string) int { return l.Lives[inventory.Life(life)] }
