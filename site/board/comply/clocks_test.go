package comply_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

func TestClocks(t *testing.T) {
	p := patch()
	p.Artifacts = []site.Artifact{{SHA256: "aa"}, {SHA256: "bb"}}
	h := func(n int) time.Time { return ago(time.Duration(100-n) * time.Hour) }
	b := one(func(s *board.Store, d *board.Device) {
		s.Cached["aa"], s.Cached["bb"] = h(4), h(5)
		s.Windows = []board.Window{{Night: "1", Opens: board.At(h(1))}, {Night: "2", Opens: board.At(h(6))}, {Night: "3", Opens: board.At(h(30))}}
		*d.Job("p-1") = board.Job{
			Patch: "p-1", State: site.Done, Started: board.At(h(7)), Installed: board.At(h(8)), Restarted: board.At(h(9)), Verified: board.At(h(10)), Reported: board.At(h(11)),
		}
	})
	times := map[string]comply.Times{"p-1": {Acquired: h(1), Approved: h(2), Published: h(3)}}
	v := comply.Look(b, comply.Options{Catalog: released(p), Times: times, Policy: comply.DefaultPolicy(), Now: noon()})
	for r := range v.Rows(comply.Filter{}) {
		want := comply.Clocks{
			VendorReleased: time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC), Acquired: h(1), Approved: h(2), Published: h(3), Cached: h(5), Eligible: h(6),
			Started: h(7), Installed: h(8), Restarted: h(9), Verified: h(10), Reported: h(11),
		}
		if got := v.Clocks(r); got != want {
			t.Errorf("clocks are %+v, want %+v", got, want)
		}
	}
	b.Stores["0142"].Windows = b.Stores["0142"].Windows[:1]
	for r := range v.Rows(comply.Filter{}) {
		if got := v.Clocks(r); got.Eligible != h(5) {
			t.Errorf("it came while the window was open, and could be begun at %s, want %s", got.Eligible, h(5))
		}
	}
	delete(b.Stores["0142"].Cached, "bb")
	for r := range v.Rows(comply.Filter{}) {
		if got := v.Clocks(r); !got.Cached.IsZero() {
			t.Errorf("half of it is not all of it: %+v", got)
		}
	}
}

// TestSLA: ten devices of a patch that had to be there within a month.
func TestSLA(t *testing.T) {
	p := patch()
	b := board.NewBoard("acme")
	released10 := time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)
	for i := range 10 {
		s := b.Store("s" + string(rune('a'+i)))
		d := s.Device("till-1")
		d.Observed.At = ago(time.Hour)
		*d.Job(p.ID) = board.Job{Patch: p.ID, State: site.Done, Started: board.At(ago(time.Hour)), Verified: board.At(released10.AddDate(0, 0, 4*(i+1)))}
	}
	b.Stores["sa"].Devices["till-1"].Find(p.ID).Verified = 0                                          // observed, nobody knows since when
	*b.Stores["sb"].Devices["till-1"].Find(p.ID) = board.Job{Patch: p.ID, State: site.Queued}         // overdue
	*b.Stores["sc"].Devices["till-1"].Find(p.ID) = board.Job{Patch: p.ID, State: site.Queued}         // excepted
	e := site.Exception{Patch: p.ID, Owner: "ann", Stores: []string{"sc"}, Expires: noon().Add(1000)} // 4 to 10: after 16 to 40 days
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	e.Expires = at.Add(time.Hour)
	v := comply.Look(b, comply.Options{Catalog: released(p), Exceptions: []site.Exception{e}, Policy: comply.DefaultPolicy(), Now: at})
	got := v.Report(comply.Filter{}).SLA
	want := comply.SLA{
		Severity: "critical", Limit: comply.Limit{Months: 1}, Within: 4, Late: 4, Waived: 1, Untimed: 1, Measured: 7,
		Median: site.Duration(28 * 24 * time.Hour), P90: site.Duration(40 * 24 * time.Hour),
	}
	if len(got) != 2 || got[0] != want || got[0].Ratio() != (comply.Ratio{Of: 4, All: 9}) {
		t.Errorf("SLA is %+v, want %+v", got, want)
	}
	want.Severity, want.Limit = comply.AllSeverities, comply.Limit{}
	if got[1] != want {
		t.Errorf("in all %+v, want %+v", got[1], want)
	}
	before := comply.Look(b, comply.Options{Catalog: released(p), Policy: comply.DefaultPolicy(), Now: at.Add(-1)}).Report(comply.Filter{}).SLA[0]
	if before.Open != 2 || before.Waived != 0 {
		t.Errorf("a moment earlier: %+v", before)
	}
}

func TestParity(t *testing.T) {
	b := board.NewBoard("acme")
	add := func(store string, ring site.Ring, device, model, system string, state site.State) {
		s := b.Store(store)
		s.Info.Ring = ring
		d := s.Device(device)
		d.Now = board.DeviceNow{Class: site.LinuxServer, Model: model, System: system}
		j := d.Job("p-1")
		if j.State = state; state == site.Done {
			j.Verified = board.At(ago(time.Hour))
		}
	}
	add("lab", site.RingLab, "a", "m1", "12", site.Done)
	add("lab", site.RingLab, "b", "m2", "12", site.Failed)
	add("0001", site.RingFleet, "a", "m1", "12", site.Queued)
	add("0001", site.RingFleet, "b", "m1", "13", site.Queued)
	add("0001", site.RingFleet, "c", "m1", "13", site.Queued)
	add("0002", site.RingPilot, "a", "m2", "12", site.Queued)
	got := comply.Look(b, comply.Options{Catalog: []site.Approved{{Patch: patch(), Release: &site.Release{Ring: site.RingLab}}}, Now: noon()}).Parity("p-1")
	want := comply.Parity{Patch: "p-1", Lab: 1, Covered: comply.Ratio{Of: 1, All: 4}, Uncovered: []comply.Uncovered{
		{Like: comply.Like{Class: "linux-server", Model: "m1", System: "13"}, Devices: 2, Lacks: "system"},
		{Like: comply.Like{Class: "linux-server", Model: "m2", System: "12"}, Devices: 1, Lacks: "model"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parity is %+v, want %+v", got, want)
	}
}
