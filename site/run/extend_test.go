package run_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

// TestExtend: a night whose jobs are settled takes up what a later plan has more of, on old
// devices and on one that did not answer before, and nothing twice.
func TestExtend(t *testing.T) {
	before := "device srv-1\ndevice srv-2 silent\npatch one kind=script\n"
	n := newNight(t, before)
	if !run.Extendable(n.s, n.now) {
		t.Error("a night in which nothing was begun cannot be extended")
	}
	n.decide()
	if run.Extendable(n.s, n.now) {
		t.Error("a night can be extended while a step is under way")
	}
	n.play(scenario.Pairs([]string{"srv-1/verify=failed"}))
	if n.s.Night.Open() || !run.Extendable(n.s, n.now) {
		t.Fatalf("the night stands at %+v", n.s.Night)
	}
	scene, err := scenario.Read("device srv-1\ndevice srv-2\npatch one kind=script\npatch two kind=script severity=critical\n")
	if err != nil {
		t.Fatal(err)
	}
	scene.Facts.Now = n.now
	span, _ := scene.Calendar.Contains(n.now)
	made, report := plan.Make(scene.Facts, span, scene.Calendar.Reserve)
	more := run.Extension(n.s, made)
	n.add(run.Event{Kind: run.NightExtended, Night: more.Night, Plan: &more, Report: report})
	n.play(nil)
	got := map[string]site.State{}
	for j := range n.s.Night.Jobs() {
		if _, twice := got[j.Device+" "+j.Patch]; twice {
			t.Errorf("%s is there twice for %s", j.Patch, j.Device)
		}
		got[j.Device+" "+j.Patch] = j.State
	}
	want := map[string]site.State{"srv-1 one": site.RolledBack, "srv-1 two": site.Done, "srv-2 one": site.Done, "srv-2 two": site.Done}
	if a, b := asText(t, got), asText(t, want); a != b {
		t.Errorf("got %s, want %s", a, b)
	}
	if n.s.Night.Open() || len(run.Extension(n.s, made).Lanes) != 0 {
		t.Error("there is still something new")
	}
	n.clock("04:15")
	if run.Extendable(n.s, n.now) {
		t.Error("a night can be extended at its cut-off")
	}
}

// TestExtendAfterHold: what was held goes on when the hold ends inside the window, with names of
// its steps that were not used before.
func TestExtendAfterHold(t *testing.T) {
	scene := "device srv-1\npatch one kind=script gate=wait\n"
	n := newNight(t, scene)
	n.decide()
	n.end("srv-1", run.OK, nil)
	n.decide()
	gate := n.open("srv-1").Intent.Work
	n.line([]string{"hold", "srv-1", "until=04:00"})
	n.end("srv-1", run.Bad, nil)
	n.decide()
	if j, _ := n.s.Job("srv-1", "one"); j.State != site.Held || n.s.Night.Open() {
		t.Fatalf("the job is %s", j.State)
	}
	n.line([]string{"release", "srv-1"})
	facts, err := scenario.Read(scene)
	if err != nil {
		t.Fatal(err)
	}
	span, _ := facts.Calendar.Contains(n.now)
	made, report := plan.Make(facts.Facts, span, facts.Calendar.Reserve)
	more := run.Extension(n.s, made)
	n.add(run.Event{Kind: run.NightExtended, Night: more.Night, Plan: &more, Report: report})
	n.decide()
	n.end("srv-1", run.OK, nil)
	n.decide()
	if again := n.open("srv-1").Intent; again.Step != run.Gate || again.Work == gate {
		t.Errorf("the gate is asked under %s again", again.Work)
	}
	n.play(nil)
	if j, _ := n.s.Job("srv-1", "one"); j.State != site.Done || n.s.Night.Total() != 1 {
		t.Errorf("the jobs are %+v", slices.Collect(n.s.Night.Jobs()))
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
