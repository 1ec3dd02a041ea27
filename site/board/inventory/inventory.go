// Package inventory says which devices the stores told of, what they are, and which of them nobody has
// seen lately: the list that an auditor compares with what stands in the store. Nightfill knows the
// devices that store files name; what is on the network and in no file it does not know.
package inventory

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

// Life is where a device stands in its life, as far as it is told. Every device has exactly one.
type Life string

// The lives.
const (
	InService Life = "in_service" // seen within a week
	Missing   Life = "missing"    // seen once, and not within a week
	NeverSeen Life = "never_seen" // the store file names it, and nobody ever saw it
	Gone      Life = "gone"       // the store took it out of its file
)

// Lives are all lives, in the order in which pages show them.
func Lives() []Life { return []Life{InService, Missing, NeverSeen, Gone} }

const (
	missingAfter = 7 * 24 * time.Hour
	newWithin    = 30 * 24 * time.Hour
)

// Care is whether Nightfill may change a device.
type Care string

// The kinds of care.
const (
	Managed     Care = "managed"
	ObserveOnly Care = "observe_only"
)

// Cares are all kinds of care.
func Cares() []Care { return []Care{Managed, ObserveOnly} }

// Mark asks for devices with something beside their life and care.
type Mark string

// The marks.
const (
	New        Mark = "new"         // first told within 30 days
	POI        Mark = "poi"         // a point of interaction: it reads cards
	NoSerial   Mark = "no_serial"   // a point of interaction of which no serial number is told
	NoScope    Mark = "no_scope"    // nobody says how it stands to card data
	OutOfCare  Mark = "unsupported" // its maker supports it no longer
	Unassigned Mark = "no_owner"    // nobody is named who answers for it
)

// Marks are all marks, in the order in which pages show them.
func Marks() []Mark { return []Mark{New, POI, NoSerial, NoScope, OutOfCare, Unassigned} }

// Row is one device.
type Row struct {
	Store  string     `json:"store"`
	Region string     `json:"region"`
	Device string     `json:"device"`
	Class  site.Class `json:"class"`
	Model  string     `json:"model,omitempty"`
	Asset  site.Asset `json:"asset"`
	Care   Care       `json:"care"`
	Life   Life       `json:"life"`
	System string     `json:"system,omitempty"`
	Seen   time.Time  `json:"seen_at,omitzero"`
	First  time.Time  `json:"first_told,omitzero"` // to headquarters; zero: not known
	now    time.Time
}

// Has reports whether a device has a mark. One that is gone has none.
func (r Row) Has(m Mark) bool {
	if r.Life == Gone {
		return false
	}
	poi := r.Asset.Scope == site.ScopePOI
	switch m {
	case New:
		return !r.First.IsZero() && r.now.Sub(r.First) <= newWithin
	case POI:
		return poi
	case NoSerial:
		return poi && r.Asset.Serial == ""
	case NoScope:
		return r.Asset.Scope == ""
	case OutOfCare:
		d := r.Asset.Support
		return !d.IsZero() && !r.now.Before(time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC))
	case Unassigned:
		return r.Asset.Owner == ""
	}
	return false
}

// First finds when headquarters was first told of a device; nil, or a zero answer: that is not known.
type First func(store, device string) time.Time

// Rows are the devices of one store, by their ids.
func Rows(s *board.Store, first First, now time.Time) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		region := "none"
		if s.Expected != nil && s.Expected.Region != "" {
			region = s.Expected.Region
		}
		var all []*board.Device
		for _, d := range s.Devices {
			all = append(all, d)
		}
		slices.SortFunc(all, func(x, y *board.Device) int {
			if c := board.CompareIDs(x.ID, y.ID); c != 0 {
				return c
			}
			return strings.Compare(x.ID, y.ID)
		})
		for _, d := range all {
			r := rowOf(s, d, now)
			if r.Region = region; first != nil {
				r.First = first(s.ID, d.ID)
			}
			if !yield(r) {
				return
			}
		}
	}
}

func rowOf(s *board.Store, d *board.Device, now time.Time) Row {
	r := Row{Store: s.ID, Device: d.ID, Class: d.Now.Class, Model: d.Now.Model, System: d.Now.System, Care: Managed, Life: InService, Seen: comply.Looked(d), now: now}
	if d.Now.Asset != nil {
		r.Asset = *d.Now.Asset
	}
	if d.Now.Class == site.Observe {
		r.Care = ObserveOnly
	}
	switch {
	case d.Gone:
		r.Life = Gone
	case r.Seen.IsZero():
		r.Life = NeverSeen
	case now.Sub(r.Seen) > missingAfter:
		r.Life = Missing
	}
	return r
}

// Counts are how many devices there are of what. Lives add up to all; cares add up to those that are not gone.
type Counts struct {
	All   int          `json:"all"` // also those that are gone
	Lives map[Life]int `json:"lives"`
	Cares map[Care]int `json:"cares"`
	Marks map[Mark]int `json:"marks"`
}

// NewCounts counts from nothing.
func NewCounts() Counts {
	return Counts{Lives: map[Life]int{}, Cares: map[Care]int{}, Marks: map[Mark]int{}}
}

// Add counts a device.
func (c *Counts) Add(r Row) {
	c.All++
	c.Lives[r.Life]++
	if r.Life != Gone {
		c.Cares[r.Care]++
	}
	for _, m := range Marks() {
		if r.Has(m) {
			c.Marks[m]++
		}
	}
}
