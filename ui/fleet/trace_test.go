package fleet

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// TestTrace follows a patch from the change to the proof, and says what of that is not known.
func TestTrace(t *testing.T) {
	w := newWorld(chain(4), morning())
	at := func(h int) time.Time { return morning().Add(time.Duration(h-20) * time.Hour) }
	lab := w.board.Store("0900")
	lab.Info.Ring = site.RingLab
	*lab.Device("till-1").Job("p-1") = board.Job{Patch: "p-1", State: site.Done, Verified: board.At(at(1))}
	d := w.board.Store("0001").Device("till-1")
	d.Now.Class, d.Observed.At, w.board.Store("0001").Info.Ring = site.LinuxServer, at(19), site.RingFleet
	*d.Job("p-1") = board.Job{
		Patch: "p-1", State: site.Done, Night: window.Date{Year: 2026, Month: 11, Day: 21}, Started: board.At(at(10)), Installed: board.At(at(11)), Verified: board.At(at(12)), Reported: board.At(at(13)), Proof: board.Mark{Stream: 1, Seq: 8},
	}
	for i, kind := range []run.Kind{run.StepStarted, run.StepEnded} {
		e := boardtest.Event("0001", uint64(7+i), run.Event{Kind: kind, At: at(12), Device: "till-1", Patch: "p-1", Step: run.Verify, Attempt: 1, To: site.Done})
		e.No, e.Hash = 1, "0123456789abcdef"
		w.events = append(w.events, e)
	}
	p := site.Patch{
		ID: "p-1", Title: "One", Owner: "pos", Severity: site.Critical, VendorReleased: window.Date{Year: 2026, Month: 11, Day: 1}, Verify: []site.Verify{{Service: "pos-app"}},
		Approval: site.Approval{Change: "CHG-1", Reason: "it crashes", SecurityImpact: "none", Tested: "two tills", Backout: "downgrade"},
	}
	o := w.options()
	o.Comply = func() comply.Options {
		return comply.Options{Policy: comply.DefaultPolicy(), Catalog: []site.Approved{{Patch: p, Release: &site.Release{Ring: site.RingFleet}}}, Times: map[string]comply.Times{"p-1": {Acquired: at(0), Approved: at(2), Published: at(3)}}}
	}
	asked := false
	o.Signed = func(_ context.Context, patch string, version int64) (*Signatures, error) {
		asked = patch == "p-1"
		return &Signatures{Catalog: 7, Issued: at(3), Manifest: "feed", Approval: p.Approval, Release: &site.Release{Ring: site.RingFleet}, Roles: []RoleSigned{{"pos", []string{"k1", "k2"}, 2}, {"fleet", nil, 1}}}, nil
	}
	h := New(o)
	const path = "/stores/0001/devices/till-1/patches/p-1"
	want(t, h, path, "CHG-1", "it crashes", "2 of 2 needed: keys k1, k2", "0 of 1 needed", "version 7", "First, on 0900/till-1", "service pos-app runs", "event 8 of journal", "the proof", "not known", "Released to ring")
	var told TracePage
	if err := json.Unmarshal([]byte(want(t, h, "/api/v1"+path)), &told); err != nil {
		t.Fatal(err)
	}
	missing := map[string][]string{}
	for _, s := range told.Steps {
		if len(s.Missing) > 0 {
			missing[s.Name] = s.Missing
		}
	}
	if told.Standing != comply.Installed || told.Missing != 2 || len(missing["On the way to the store"]) != 1 || len(missing["Attempts"]) != 1 || !asked || len(told.Events) != 2 || !told.Events[1].Proof || told.Events[0].Proof {
		t.Errorf("%d missing: %v; %+v", told.Missing, missing, told.Events)
	}
	want(t, New(w.options()), path, "headquarters does not keep the signed catalog that the store went by", "not asked for now")
	want(t, h, "/stores/0001/devices/till-1", `href="`+path+`"`)
	want(t, h, "/compliance/rows?store=0001&patch=p-1", `href="`+path+`"`)
	for address, text := range map[string]string{
		"/stores/none/devices/till-1/patches/p-1": "There is no store none",
		"/stores/0001/devices/none/patches/p-1":   "Nothing is known of p-1 on none of store 0001.",
		"/stores/0001/devices/till-1/patches/p-9": "Nothing is known of p-9 on till-1 of store 0001.",
	} {
		if status, body := get(t, h, address); status != 404 {
			t.Errorf("GET %s: %d, want %q in\n%s", address, status, text, body)
		}
	}
}
