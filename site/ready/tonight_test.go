package ready_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

func TestTonightIsToldBeforeItBegins(t *testing.T) {
	in := input()
	in.Now = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	for id, r := range in.Results {
		r.At = in.Now
		in.Results[id] = r
	}
	in.Tonight = &ready.Plan{Devices: 6, From: in.Now.Add(5 * time.Hour), To: in.Now.Add(11 * time.Hour), Ends: in.Now.Add(9*time.Hour + 40*time.Minute)}
	r := ready.Judge(in)
	if want := "6 devices are updated between 23:00 and 05:00. Done by about 03:40. Leave everything switched on, as it is."; r.Tonight == nil || r.Tonight.Text != want {
		t.Errorf("told %+v, want %q", r.Tonight, want)
	}
	if r.Verdict != site.Ready || len(r.Notes) > 0 {
		t.Errorf("the notice makes it %s with %+v", r.Verdict, r.Notes)
	}
	if doc := r.Document(); doc.Tonight != r.Tonight {
		t.Errorf("the document tells %+v", doc.Tonight)
	}
	in.Tonight.Devices, in.Tonight.Ends = 1, time.Time{}
	if got := ready.Judge(in).Tonight.Text; got != "1 device is updated between 23:00 and 05:00. Leave everything switched on, as it is." {
		t.Errorf("one device without an estimate: %q", got)
	}
	in.Tonight.Devices = 0
	if got := ready.Judge(in).Tonight; got != nil {
		t.Errorf("nothing planned: %+v", got)
	}
	in.Tonight.Devices, in.Now = 1, in.Tonight.From
	if got := ready.Judge(in).Tonight; got != nil {
		t.Errorf("when the window opens: %+v", got)
	}
}

func TestDoNotTouch(t *testing.T) {
	in := input()
	in.Busy = []ready.Busy{{Device: "till-2", Until: now}, {Device: "till-3", Until: now.Add(19 * time.Minute)}}
	want := []ready.Untouchable{
		{Device: "till-2", Text: "Do not switch till-2 off until this page changes."},
		{Device: "till-3", Until: now.Add(19 * time.Minute), Text: "Do not switch till-3 off before 08:00."},
	}
	got := ready.Judge(in).DoNotTouch
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
