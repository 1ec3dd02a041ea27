package comply_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/window"
)

// TestOldest: every device has one age, and the list is the oldest of those that lack something.
func TestOldest(t *testing.T) {
	old, young, undated := patch(), patch(), patch()
	old.ID, old.VendorReleased = "old", window.DateOf(noon().AddDate(0, 0, -100))
	young.ID, young.VendorReleased = "young", window.DateOf(noon().AddDate(0, 0, -10))
	undated.ID, undated.VendorReleased = "undated", window.Date{}
	b := board.NewBoard("acme")
	for i, wants := range [][]string{{}, {"young"}, {"old", "young"}, {"undated"}, {"undated", "young"}, {"old"}} {
		d := b.Store("s").Device("till-" + strconv.Itoa(i))
		d.Now.Class, d.Now.Groups, d.Observed.At = site.LinuxServer, []string{"lanes"}, ago(time.Hour)
		for _, p := range []string{"old", "young", "undated"} {
			*d.Job(p) = board.Job{Patch: p, State: site.Done, Verified: board.At(ago(time.Hour))}
		}
		for _, p := range wants {
			*d.Job(p) = board.Job{Patch: p, State: site.Queued}
		}
	}
	v := comply.Look(b, comply.Options{Catalog: released(old, released(young)[0], released(undated)[0]), Policy: comply.DefaultPolicy(), Now: noon()})
	list, by := v.Oldest(comply.Filter{}, 3)
	want := map[comply.Age]int{comply.AgeNothing: 1, comply.Age14: 2, comply.AgeOver: 2, comply.AgeNone: 1}
	if len(by) != len(want) {
		t.Errorf("%v", by)
	}
	for age, n := range want {
		if by[age] != n {
			t.Errorf("%d devices lack what is %s days old, want %d", by[age], age, n)
		}
		found := 0
		for range v.Aged(comply.Filter{Lacks: age}) {
			found++
		}
		rows := 0
		for range v.Devices(comply.Filter{Lacks: age}) {
			rows++
		}
		if found != n || rows != n {
			t.Errorf("%s: %d, and %d in the list of devices, want %d", age, found, rows, n)
		}
	}
	if len(list) != 3 || list[0].Device.ID != "till-2" || list[0].Wanting != 2 || list[1].Device.ID != "till-5" || list[2].Device.ID != "till-1" {
		t.Errorf("%+v", list)
	}
	for r := range v.Rows(comply.Filter{Lacks: comply.AgeNothing}) {
		if r.Device.ID != "till-0" {
			t.Errorf("%s lacks nothing", r.Device.ID)
		}
	}
}

// TestRetried: what broke once, or was begun twice, and what of that is proven.
func TestRetried(t *testing.T) {
	b := board.NewBoard("acme")
	for i, j := range []board.Job{
		{State: site.Done, Started: board.At(ago(3)), Verified: board.At(ago(1)), Attempt: 1},
		{State: site.Done, Started: board.At(ago(5)), Failed: board.At(ago(4)), Verified: board.At(ago(1)), Attempt: 1},
		{State: site.Done, Started: board.At(ago(5)), Verified: board.At(ago(1)), Attempt: 2},
		{State: site.RolledBack, Started: board.At(ago(5)), Failed: board.At(ago(4)), Attempt: 1},
		{State: site.Queued},
	} {
		d := b.Store("s").Device("till-" + strconv.Itoa(i))
		d.Now.Class, d.Now.Groups, d.Observed.At = site.LinuxServer, []string{"lanes"}, ago(time.Hour)
		j.Patch = "p-1"
		*d.Job("p-1") = j
	}
	v := comply.Look(b, comply.Options{Catalog: released(patch()), Policy: comply.DefaultPolicy(), Now: noon()})
	if r := v.Report(comply.Filter{}); r.Retried != (comply.Ratio{Of: 2, All: 3}) {
		t.Errorf("%+v", r.Retried)
	}
	for mark, want := range map[comply.Mark]int{comply.MarkRetried: 3, comply.MarkRecovered: 2} {
		if got := rows(v, comply.Filter{Mark: mark}); got != want {
			t.Errorf("%s: %d rows, want %d", mark, got, want)
		}
	}
}
