package run_test

import (
	"encoding/json"
	"slices"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/run"
)

func text(t *rapid.T, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// replayed checks that the journal alone tells everything: folded in one go, from JSON, and
// from any place in the middle on.
func (n *story) replayed() {
	want := text(n.t, n.s)
	if got := text(n.t, run.Fold(run.State{}, n.records...)); got != want {
		n.t.Fatalf("folded in one go\n%s\nand one by one\n%s", got, want)
	}
	var records []run.Record
	if err := json.Unmarshal([]byte(text(n.t, n.records)), &records); err != nil {
		n.t.Fatal(err)
	}
	if text(n.t, records) != text(n.t, n.records) {
		n.t.Fatal("records change on their way through JSON")
	}
	at := rapid.IntRange(0, len(records)).Draw(n.t, "cut")
	before := run.Fold(run.State{}, records[:at]...)
	kept := text(n.t, before)
	var saved run.State
	if err := json.Unmarshal([]byte(kept), &saved); err != nil {
		n.t.Fatal(err)
	}
	if got := text(n.t, run.Fold(saved, records[at:]...)); got != want {
		n.t.Fatalf("from record %d on\n%s\nwant\n%s", at, got, want)
	}
	_ = run.Fold(before, records[at:]...)
	if text(n.t, before) != kept {
		n.t.Fatal("a fold changed the state that it began with")
	}
	for _, j := range run.Recover(before) {
		last := slices.IndexFunc(records[:at], func(r run.Record) bool { return r.Event.Kind == run.StepStarted && r.Event.Work == j.Intent.Work })
		ended := slices.ContainsFunc(records[:at], func(r run.Record) bool { return r.Event.Kind == run.StepEnded && r.Event.Work == j.Intent.Work })
		if last < 0 || ended || j.Settled || !before.Night.Open() {
			n.t.Fatalf("%s is to be carried on with, and was begun by record %d, ended %v", j.Intent.Work, last, ended)
		}
	}
}
