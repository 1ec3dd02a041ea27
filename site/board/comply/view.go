package comply

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Options are what is judged, and by what.
type Options struct {
	// Catalog is what headquarters approved. Empty: the patches that the stores told of, each asked for
	// in the stores whose own catalog has it.
	Catalog []site.Approved
	Issued  time.Time // of Catalog; zero: not known
	// Exceptions are those of the register, beside those of the catalog. Ended ones mean nothing.
	Exceptions []site.Exception
	// Times are what headquarters knows of each patch, by id.
	Times map[string]Times
	// Stores are the ids of those that are looked at, in this order; nil: every store, in the order of ids.
	Stores []string
	Policy Policy
	Now    time.Time
}

// Times are what headquarters did with a patch, and when. Zero: not known.
type Times struct {
	Acquired  time.Time `json:"acquired,omitzero"`
	Approved  time.Time `json:"approved,omitzero"`
	Published time.Time `json:"published,omitzero"`
}

// View looks at a board. It must not be used longer than the board is read.
type View struct {
	board   *board.Board
	patches []*patch // by id
	times   map[string]Times
	policy  Policy
	now     time.Time
	catalog bool
	only    []string // nil: every store
}

// patch is an approved patch with what is the same on every device.
type patch struct {
	site       *site.Patch
	release    *site.Release // nil: everywhere
	released   time.Time
	due        time.Time
	graceEnds  time.Time
	age        Age
	exceptions []site.Exception
	by         []*patch // those that make it unnecessary
}

// Look makes a View.
func Look(b *board.Board, o Options) *View {
	v := &View{board: b, times: o.Times, policy: o.Policy, now: o.Now, catalog: len(o.Catalog) > 0, only: o.Stores}
	if v.catalog {
		for i := range o.Catalog {
			if a := &o.Catalog[i]; approved(a, o.Now) {
				v.add(&a.Patch, a.Release, a.Exceptions)
			}
		}
	} else {
		for _, p := range b.Patches {
			v.add(&p, nil, nil)
		}
	}
	slices.SortFunc(v.patches, func(x, y *patch) int { return board.CompareIDs(x.site.ID, y.site.ID) })
	for _, p := range v.patches {
		for _, e := range o.Exceptions {
			if e.Patch == p.site.ID {
				p.exceptions = append(p.exceptions, e)
			}
		}
		for _, other := range v.patches {
			if other != p && slices.Contains(other.site.Supersedes, p.site.ID) {
				p.by = append(p.by, other)
			}
		}
	}
	return v
}

// approved reports whether a patch may be put on somewhere at now.
func approved(a *site.Approved, now time.Time) bool {
	from, until := a.Patch.Approval.NotBefore, a.Patch.Approval.NotAfter
	return a.Release != nil && a.Withdrawn == nil && a.Held == nil && (from == nil || !now.Before(*from)) && (until == nil || now.Before(*until))
}

func (v *View) add(p *site.Patch, release *site.Release, exceptions []site.Exception) {
	released := midnight(p.VendorReleased)
	made := &patch{
		site: p, release: release, released: released, due: v.policy.Limits[p.Severity].Due(p.VendorReleased),
		age: AgeOf(released, v.now), exceptions: slices.Clone(exceptions),
	}
	if !released.IsZero() {
		made.graceEnds = released.Add(v.policy.Grace)
	}
	v.patches = append(v.patches, made)
}

// takes reports whether a patch is released to a store.
func (p *patch) takes(s *board.Store) bool {
	if !named(p.site.Stores, s.ID) {
		return false
	}
	if p.release == nil {
		return inCatalogOf(s, p.site.ID)
	}
	return named(p.release.Stores, s.ID) && (s.Info.Ring == "" || s.Info.Ring.Takes(p.release.Ring))
}

// inCatalogOf reports whether a store's own catalog has a patch and lets it be begun. One that never
// told of its catalog may have any.
func inCatalogOf(s *board.Store, patch string) bool {
	if s.Catalog.Version == 0 {
		return true
	}
	_, withdrawn := s.Catalog.Withdrawn[patch]
	_, held := s.Catalog.Held[patch]
	return slices.Contains(s.Catalog.Patches, patch) && !withdrawn && !held
}

// aims reports whether a patch is made for a device.
func (p *patch) aims(s *board.Store, d *board.Device) bool {
	now := &d.Now
	return (len(p.site.Classes) == 0 || slices.Contains(p.site.Classes, now.Class)) && named(p.site.Devices, d.ID) &&
		(len(p.site.Groups) == 0 || slices.ContainsFunc(now.Groups, func(g string) bool { return slices.Contains(p.site.Groups, g) }))
}

// named reports whether an optional list of ids, empty meaning all, contains id.
func named(list []string, id string) bool { return len(list) == 0 || slices.Contains(list, id) }

// Patches are the approved patches, by id.
func (v *View) Patches() []*site.Patch {
	all := make([]*site.Patch, len(v.patches))
	for i, p := range v.patches {
		all[i] = p.site
	}
	return all
}

// devices are the devices of a store that patches can be asked of, in the order of their ids.
func devices(s *board.Store) []*board.Device {
	all := make([]*board.Device, 0, len(s.Devices))
	for _, d := range s.Devices {
		if !d.Gone && d.Now.Class != site.Observe {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(x, y *board.Device) int {
		if c := board.CompareIDs(x.ID, y.ID); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	return all
}

// stores are the stores that are looked at.
func (v *View) stores() []*board.Store {
	if v.only == nil {
		return v.board.Sorted()
	}
	var all []*board.Store
	for _, id := range v.only {
		if s, ok := v.board.Stores[id]; ok {
			all = append(all, s)
		}
	}
	return all
}

// visit walks over the devices that a filter lets through, store by store, each in the order of ids,
// with the rows of each that the filter lets through. The rows are only good until visit goes on.
func (v *View) visit(f Filter, see func(s *board.Store, d *board.Device, looked time.Time, rows []Row) bool) {
	var rows []Row
	patches := slices.DeleteFunc(slices.Clone(v.patches), func(p *patch) bool { return !f.patch(p) })
	for _, s := range v.stores() {
		if !f.store(s) {
			continue
		}
		offered := slices.DeleteFunc(slices.Clone(patches), func(p *patch) bool { return !p.takes(s) })
		for _, d := range devices(s) {
			if !f.device(d) {
				continue
			}
			at := Looked(d)
			if f.Look != "" && (f.Look == LookFresh) != v.fresh(at) {
				continue
			}
			rows = rows[:0]
			for _, p := range offered {
				if p.aims(s, d) {
					rows = append(rows, v.judge(s, d, p, at))
				}
			}
			if !see(s, d, at, rows) {
				return
			}
		}
	}
}

// Rows are the rows that a filter lets through, by store, device and patch.
func (v *View) Rows(f Filter) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		v.visit(f, func(_ *board.Store, _ *board.Device, at time.Time, rows []Row) bool {
			if f.Device != "" && v.verdict(at, rows) != f.Device || !v.lack(f, at, rows) {
				return true
			}
			for _, r := range rows {
				if f.row(&r, v.now) && !yield(r) {
					return false
				}
			}
			return true
		})
	}
}

// DeviceRow is one device with how its patches stand.
type DeviceRow struct {
	Store    *board.Store
	Device   *board.Device
	Looked   time.Time
	Standing DeviceStanding
	Counts   Counts
}

// Devices are the devices that a filter lets through, by store and device.
func (v *View) Devices(f Filter) iter.Seq[DeviceRow] {
	return func(yield func(DeviceRow) bool) {
		v.visit(f, func(s *board.Store, d *board.Device, at time.Time, rows []Row) bool {
			row := DeviceRow{Store: s, Device: d, Looked: at, Standing: v.verdict(at, rows)}
			for i := range rows {
				row.Counts.add(rows[i].Standing)
			}
			return f.Device != "" && row.Standing != f.Device || !v.lack(f, at, rows) || yield(row)
		})
	}
}

// Stores are the ids of the stores that a filter lets through, in their order, with the newest look at
// any of their devices that told something: as of when what is said of them holds.
func (v *View) Stores(f Filter) (ids []string, asOf map[string]time.Time) {
	asOf = map[string]time.Time{}
	for _, s := range v.stores() {
		if !f.store(s) {
			continue
		}
		ids = append(ids, s.ID)
		for d := range maps.Values(s.Devices) {
			if at := Looked(d); at.After(asOf[s.ID]) {
				asOf[s.ID] = at
			}
		}
	}
	return ids, asOf
}
