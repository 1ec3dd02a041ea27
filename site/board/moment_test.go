package board

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
	"unsafe"
)

func TestTime(t *testing.T) {
	chicago := time.FixedZone("CST", -6*3600)
	for _, c := range []struct{ given, want time.Time }{
		{time.Time{}, time.Time{}},
		{evening(), evening()},
		{evening().Add(1), evening().Add(1)},
		{evening().In(chicago), evening()},
		{time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(1677, 9, 21, 0, 12, 43, 145224192, time.UTC)},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 4, 11, 23, 47, 16, 854775807, time.UTC)},
	} {
		if got := At(c.given).Time(); got != c.want {
			t.Errorf("%s is kept as %s, not as %s", c.given, got, c.want)
		}
		if At(c.given).IsZero() != c.given.IsZero() {
			t.Errorf("%s: whether it is a moment was lost", c.given)
		}
	}
	ordered := []Time{0, At(time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)), At(evening()), At(evening().Add(1))}
	for i, x := range ordered {
		for k, y := range ordered {
			if x.After(y) != (i > k) || x.Before(y) != (i < k) {
				t.Errorf("%s and %s: after %t, before %t", x.Time(), y.Time(), x.After(y), x.Before(y))
			}
		}
	}
}

func TestJobsOfADevice(t *testing.T) {
	d := &Device{}
	first := d.Job("p-2")
	for _, patch := range []string{"p-10", "p-3", "p-1", "p-2"} {
		d.Job(patch)
	}
	var order []string
	for _, j := range d.Jobs {
		order = append(order, j.Patch)
	}
	if want := []string{"p-1", "p-10", "p-2", "p-3"}; !slices.Equal(order, want) {
		t.Errorf("the jobs are of %v, want %v", order, want)
	}
	if d.Find("p-2") != first || d.Find("p-4") != nil || (&Device{}).Find("p-1") != nil {
		t.Error("a job is not found, or one that was never planned is")
	}
}

// TestLeftOutAlike has devices that are left out alike share what is kept of that.
func TestLeftOutAlike(t *testing.T) {
	const body = `[{"device":"till-1","patch":"p-1","state":"not_due","code":"other_ring"},{"device":"till-1","patch":"p-2","state":"held"},
		{"device":"till-2","patch":"p-1","state":"not_due","code":"other_ring"},{"device":"till-2","patch":"p-2","state":"held"},
		{"device":"till-3","patch":"p-1","state":"held"},{"patch":"","state":"not_due","code":"clock_unsure"}]`
	b := NewBoard("acme")
	if !b.Apply("0142", Fact{Kind: KindLeftOut, Body: json.RawMessage(body)}, evening()) {
		t.Fatal("the board cannot read it")
	}
	s := b.Stores["0142"]
	one, two, three := s.Devices["till-1"].LeftOut, s.Devices["till-2"].LeftOut, s.Devices["till-3"].LeftOut
	if len(one) != 2 || &one[0] != &two[0] || one[0] != (LeftOut{Patch: "p-1", State: "not_due", Code: "other_ring"}) {
		t.Errorf("till-1 has %+v, till-2 has %+v", one, two)
	}
	if len(three) != 1 || three[0].State != "held" || s.LeftOut == nil || s.LeftOut.Code != "clock_unsure" {
		t.Errorf("till-3 has %+v, the store %+v", three, s.LeftOut)
	}
}

// TestSizes keeps what the board has a hundred thousand of from growing by accident: with 2,000 stores, 36 devices
// in each and three patches on each device, 16 more bytes of a Job are 3.5 MB.
func TestSizes(t *testing.T) {
	if job, device := unsafe.Sizeof(Job{}), unsafe.Sizeof(Device{}); job > 224 || device > 440 {
		t.Errorf("a Job has %d bytes and a Device %d; 224 and 440 are enough", job, device)
	}
}
