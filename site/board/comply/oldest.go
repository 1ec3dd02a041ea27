package comply

import (
	"iter"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// AgeNothing is the age of what a device lacks where it lacks nothing.
const AgeNothing Age = "nothing"

// Lacks are the ages of what devices lack, in the order in which pages show them. Every device has one.
func Lacks() []Age { return append([]Age{AgeNothing}, Ages()...) }

// Aged is one device with the oldest patch that it should have and has not. What is not known counts
// as not there, and what is excepted as there.
type Aged struct {
	Store    *board.Store
	Device   *board.Device
	Looked   time.Time
	Age      Age
	Patch    *site.Patch // nil: it lacks nothing, or nothing with a date
	Released time.Time   // of that patch
	Wanting  int         // patches that it lacks
}

// oldestOf finds the oldest patch that a device lacks. Of one that was not looked at lately nobody knows
// that it lacks nothing.
func (v *View) oldestOf(looked time.Time, rows []Row) (oldest *Row, age Age, wants int) {
	if age = AgeNothing; !v.fresh(looked) {
		age = AgeNone
	}
	for i := range rows {
		r := &rows[i]
		if !wanting(r.Standing) {
			continue
		}
		wants++
		if age == AgeNothing {
			age = AgeNone
		}
		if !r.Released.IsZero() && (oldest == nil || r.Released.Before(oldest.Released)) {
			oldest, age = r, AgeOf(r.Released, v.now)
		}
	}
	return oldest, age, wants
}

// Aged are the devices that a filter lets through, by store and device.
func (v *View) Aged(f Filter) iter.Seq[Aged] {
	return func(yield func(Aged) bool) {
		v.visit(f, func(s *board.Store, d *board.Device, at time.Time, rows []Row) bool {
			oldest, age, wants := v.oldestOf(at, rows)
			if !is(string(f.Lacks), string(age)) || f.Device != "" && v.verdict(at, rows) != f.Device {
				return true
			}
			a := Aged{Store: s, Device: d, Looked: at, Age: age, Wanting: wants}
			if oldest != nil {
				a.Patch, a.Released = oldest.Patch, oldest.Released
			}
			return yield(a)
		})
	}
}

// Oldest are the devices that lack the oldest patches, the oldest first and n at most, and how many
// devices lack what of which age: these add up to every device that the filter lets through.
func (v *View) Oldest(f Filter, n int) (list []Aged, by map[Age]int) {
	by = map[Age]int{}
	for a := range v.Aged(f) {
		by[a.Age]++
		if a.Patch == nil || n == 0 || len(list) == n && !a.Released.Before(list[n-1].Released) {
			continue
		}
		at, _ := slices.BinarySearchFunc(list, a, func(x, y Aged) int {
			if c := x.Released.Compare(y.Released); c != 0 {
				return c
			}
			return -1 // behind those of the same day
		})
		list = slices.Insert(list, at, a)
		list = list[:min(len(list), n)]
	}
	return list, by
}

// lack reports whether a filter lets a device through by what it lacks.
func (v *View) lack(f Filter, looked time.Time, rows []Row) bool {
	if f.Lacks == "" {
		return true
	}
	_, age, _ := v.oldestOf(looked, rows)
	return age == f.Lacks
}
