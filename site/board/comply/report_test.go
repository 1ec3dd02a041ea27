package comply_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

// rows counts the rows behind a number.
func rows(v *comply.View, f comply.Filter) int {
	n := 0
	for range v.Rows(f) {
		n++
	}
	return n
}

func devices(v *comply.View, f comply.Filter) int {
	n := 0
	for range v.Devices(f) {
		n++
	}
	return n
}

// with adds one value of an axis to a filter.
func with(f comply.Filter, a comply.Axis, name string) comply.Filter {
	place := map[comply.Axis]*string{
		comply.ByRing: &f.Ring, comply.ByRegion: &f.Region, comply.ByClass: &f.Class, comply.ByModel: &f.Model, comply.ByStore: &f.Store,
		comply.BySeverity: &f.Severity, comply.ByPatch: &f.Patch, comply.ByOwner: &f.Owner, comply.ByAge: (*string)(&f.Age),
	}
	*place[a] = name
	return f
}

// TestEverythingAddsUp: every number is the length of the list behind it, and the lines of each axis
// add up to the whole, whatever is asked about.
func TestEverythingAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := look(fleet(rapid.Uint64().Draw(t, "seed"), 6, 5))
		f := rapid.SampledFrom([]comply.Filter{
			{}, {Region: "north"}, {Ring: comply.None}, {Severity: "high"}, {Owner: comply.None}, {Age: comply.AgeNone}, {Store: "0001"}, {Class: "handheld", Patch: "pos-2"},
		}).Draw(t, "filter")
		r := v.Report(f)
		if got := rows(v, f); got != r.Patches.Rows() {
			t.Fatalf("%d rows, counted %d", got, r.Patches.Rows())
		}
		for _, s := range comply.Standings() {
			f := f
			f.Standing = s
			if got := rows(v, f); got != r.Patches.Of(s) {
				t.Errorf("%s: %d rows, counted %d", s, got, r.Patches.Of(s))
			}
		}
		checkDevices(t, v, f, r.Devices)
		for _, a := range comply.Axes() {
			var sum comply.Counts
			seen := 0
			for _, l := range r.By[a] {
				narrow := with(f, a, l.Name)
				if got := v.Report(narrow).Patches; got != l.Patches {
					t.Errorf("%s %s: %+v, counted %+v", a, l.Name, got, l.Patches)
				}
				if got := rows(v, narrow); got != l.Patches.Rows() {
					t.Errorf("%s %s: %d rows, counted %+v", a, l.Name, got, l.Patches)
				}
				if l.Devices != nil {
					checkDevices(t, v, narrow, *l.Devices)
					seen += l.Devices.Ratio().All
				}
				sum = add(sum, l.Patches)
			}
			if sum != r.Patches || a.OfDevices() && seen != r.Devices.Ratio().All {
				t.Errorf("by %s: %+v and %d devices, want %+v and %d", a, sum, seen, r.Patches, r.Devices.Ratio().All)
			}
		}
		checkMarks(t, v, f, r)
	})
}

func checkDevices(t *rapid.T, v *comply.View, f comply.Filter, c comply.DeviceCounts) {
	for _, s := range comply.DeviceStandings() {
		f := f
		f.Device = s
		if got := devices(v, f); got != c.Of(s) {
			t.Errorf("%s: %d devices, counted %d", s, got, c.Of(s))
		}
	}
	fresh, stale := f, f
	fresh.Look, stale.Look = comply.LookFresh, comply.LookStale
	if got := devices(v, fresh); got != c.Fresh || got+devices(v, stale) != c.Ratio().All {
		t.Errorf("%d fresh and %d stale, counted %d of %d", got, devices(v, stale), c.Fresh, c.Ratio().All)
	}
}

// checkMarks opens the list behind every number that is beside the standings.
func checkMarks(t *rapid.T, v *comply.View, f comply.Filter, r comply.Report) {
	marked := func(m comply.Mark) int {
		f := f
		f.Mark = m
		return rows(v, f)
	}
	overdue := 0
	for _, l := range r.Overdue {
		overdue += l.Rows
		f := f
		if f.Owner == "" || f.Owner == l.Owner {
			f.Owner, f.Late = l.Owner, l.Late
			if got := rows(v, f); got != l.Rows {
				t.Errorf("%+v: %d rows", l, got)
			}
		}
	}
	all := r.SLA[len(r.SLA)-1]
	for m, want := range map[comply.Mark]int{
		comply.MarkOverdue: overdue, comply.MarkWithin: all.Within, comply.MarkLate: all.Late, comply.MarkWaived: all.Waived, comply.MarkOpen: all.Open,
		comply.MarkUntimed: all.Untimed, comply.MarkTimed: all.Measured, comply.MarkAgain: r.Again, comply.MarkTried: r.FirstPass.All,
		comply.MarkFirstPass: r.FirstPass.Of, comply.MarkBack: r.RolledOff.Of, comply.MarkApplies: r.Patches.Ratio().All,
	} {
		if got := marked(m); got != want {
			t.Errorf("%s: %d rows, counted %d", m, got, want)
		}
	}
}

func add(x, y comply.Counts) comply.Counts {
	return comply.Counts{
		Installed: x.Installed + y.Installed, PendingReboot: x.PendingReboot + y.PendingReboot, Missing: x.Missing + y.Missing, Failed: x.Failed + y.Failed,
		Excepted: x.Excepted + y.Excepted, Unknown: x.Unknown + y.Unknown, InGrace: x.InGrace + y.InGrace, NotApplicable: x.NotApplicable + y.NotApplicable,
	}
}

// TestSameBytes: the same board and time give the same report, byte for byte.
func TestSameBytes(t *testing.T) {
	b := fleet(3, 12, 6)
	first, err := json.Marshal(look(b).Report(comply.Filter{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, _ := json.Marshal(look(b).Report(comply.Filter{})); string(again) != string(first) {
			t.Fatalf("%s\n%s", first, again)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, c := range []struct {
		r    comply.Ratio
		want string
	}{{comply.Ratio{}, "–"}, {comply.Ratio{Of: 1, All: 3}, "33.3 %"}, {comply.Ratio{Of: 9999, All: 10000}, "99.9 %"}, {comply.Ratio{Of: 4, All: 4}, "100.0 %"}, {comply.Ratio{All: 2}, "0.0 %"}} {
		if got := c.r.String(); got != c.want {
			t.Errorf("%+v is %q, want %q", c.r, got, c.want)
		}
	}
}

// TestSilentStores: a store of which nothing is known is no part of a ratio, but is told.
func TestSilentStores(t *testing.T) {
	b := board.NewBoard("acme")
	b.Store("0001").Expected = &board.Expected{ID: "0001"}
	b.Store("0002").Device("pinpad-1").Now.Class = site.Observe
	r := look(b).Report(comply.Filter{})
	if r.Stores != 2 || r.Silent != 2 || r.Devices.Ratio().All != 0 || r.Devices.Ratio().String() != "–" {
		t.Errorf("%+v", r)
	}
}

// BenchmarkReport counts 72,000 devices with seven patches each.
func BenchmarkReport(b *testing.B) {
	v := look(fleet(1, 2000, 36))
	n := 0
	for b.Loop() {
		n = v.Report(comply.Filter{}).Patches.Rows()
	}
	b.ReportMetric(float64(n), "rows")
}
