package view_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// TestEvidence gathers attempts and silences, and gives an outcome to every device: one that the
// store file lost, and one of which the night says nothing at all, too.
func TestEvidence(t *testing.T) {
	at := func(m int) time.Time { return time.Date(2026, 11, 21, 23, m, 0, 0, time.UTC) }
	date := window.Date{Year: 2026, Month: 11, Day: 21}
	made := plan.Plan{Night: date, Opens: at(0), Cutoff: at(50), Closes: at(59), Patches: []site.Patch{{ID: "p"}},
		Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "p"}}}, {Device: "lost", Jobs: []plan.Job{{Patch: "p"}}}}}
	left := plan.Report{
		{Device: "till-2", Patch: "p", State: site.NotDue, Reason: site.Because(site.CodeOtherClass, "made for another class")},
		{Device: "till-3", Patch: "p", State: site.NotDue, Reason: site.Because(site.CodeOtherClass, "made for another class")},
		{Device: "till-3", Patch: "q", State: site.Skipped, Reason: site.Because(site.CodeNoTime, "no time")},
		{Device: "till-4", State: site.Held, Reason: site.Because(site.CodeHeld, "held")},
	}
	step := func(kind run.Kind, s run.Step, attempt, minute int, outcome run.Outcome) run.Event {
		return run.Event{Kind: kind, At: at(minute), Night: date, Device: "till-1", Patch: "p", Step: s, Attempt: attempt, Outcome: outcome}
	}
	events := []run.Event{
		{Kind: run.NightOpened, At: at(0), Night: date, Plan: &made, Report: left},
		step(run.StepStarted, run.Stage, 1, 1, ""), step(run.StepEnded, run.Stage, 1, 2, run.Unreached),
		step(run.StepStarted, run.Stage, 2, 3, ""), step(run.DeviceSilent, "", 0, 4, ""), step(run.DeviceSilent, "", 0, 5, ""), step(run.DeviceAnswered, "", 0, 6, ""),
		step(run.DeviceSilent, "", 0, 7, ""), step(run.StepEnded, run.Stage, 2, 8, run.OK),
		step(run.StepStarted, run.Install, 1, 9, ""),
		{Kind: run.CheckEnded, At: at(10), Check: &site.CheckResult{Check: "POS-1"}},
	}
	var records []run.Record
	for i, e := range events {
		records = append(records, run.Record{Seq: uint64(i + 1), Event: e})
	}
	s := run.Fold(run.State{}, records...)
	store := site.Store{ID: "0142", Name: "East", Devices: []site.Device{{ID: "till-1"}, {ID: "till-2"}, {ID: "till-3"}, {ID: "till-4"}, {ID: "new", Class: site.Observe}}}
	n := view.WithEvidence(store, s, records, at(12))
	if n.Store != "0142" || n.Name != "East" || !n.AsOf.Equal(at(12)) {
		t.Errorf("got %s %s as of %s", n.Store, n.Name, n.AsOf)
	}
	want := []view.Attempt{
		{Step: run.Stage, Attempt: 1, Began: at(1), Ended: at(2), Outcome: run.Unreached},
		{Step: run.Stage, Attempt: 2, Began: at(3), Ended: at(8), Outcome: run.OK},
		{Step: run.Install, Attempt: 1, Began: at(9)},
	}
	job := n.Jobs[0]
	if len(job.Attempts) != len(want) {
		t.Fatalf("got %+v", job.Attempts)
	}
	for i, w := range want {
		if job.Attempts[i] != w {
			t.Errorf("attempt %d is %+v, want %+v", i, job.Attempts[i], w)
		}
	}
	if len(job.Silent) != 2 || job.Silent[0] != (view.Silence{From: at(4), To: at(6)}) || job.Silent[1] != (view.Silence{From: at(7), To: at(8)}) {
		t.Errorf("it was silent %+v", job.Silent)
	}
	outcomes := map[string]site.State{"till-1": site.Installing, "till-2": site.NotDue, "till-3": site.Skipped, "till-4": site.Held, "new": site.NotDue, "lost": site.Queued}
	if len(n.Devices) != len(outcomes) {
		t.Errorf("%d devices", len(n.Devices))
	}
	for _, d := range n.Devices {
		if d.State != outcomes[d.Device] {
			t.Errorf("%s is %s, want %s", d.Device, d.State, outcomes[d.Device])
		}
	}
	s = run.Fold(s, run.Record{Seq: 99, Event: run.Event{Kind: run.NightClosed, At: at(20), Night: date}})
	if n = view.WithEvidence(store, s, records, at(40)); !n.AsOf.Equal(at(20)) {
		t.Errorf("a closed night is as of %s", n.AsOf)
	}
	if view.WithEvidence(store, run.State{}, nil, at(0)) != nil {
		t.Error("there is a night before the first")
	}
}

// TestWholeStoreLeftOut: what is said of the store is said of each device.
func TestWholeStoreLeftOut(t *testing.T) {
	why := site.Because(site.CodeNoCatalog, "the store never had a catalog")
	s := run.Fold(run.State{}, run.Record{Seq: 1, Event: run.Event{Kind: run.NightOpened, Plan: &plan.Plan{}, Report: plan.Report{{State: site.Skipped, Reason: why}}}})
	n := view.WithEvidence(site.Store{Devices: []site.Device{{ID: "a"}, {ID: "b"}}}, s, nil, time.Time{})
	for _, d := range n.Devices {
		if d.State != site.Skipped || d.Reason != why {
			t.Errorf("%s is %s for %v", d.Device, d.State, d.Reason)
		}
	}
	if len(n.Devices) != 2 {
		t.Errorf("%d devices", len(n.Devices))
	}
}
