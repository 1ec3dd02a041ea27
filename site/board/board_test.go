package board

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// evening is when the night of the tests opens.
func evening() time.Time { return time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC) }

// night is a night of two devices: one patch is proven, one breaks and is taken back, one is left out.
func night() []run.Event {
	date := window.Date{Year: 2026, Month: 11, Day: 21}
	at := evening()
	tick := func() time.Time { at = at.Add(time.Minute); return at }
	step := func(kind run.Kind, device string, s run.Step, to site.State, outcome run.Outcome, why *site.Reason) run.Event {
		return run.Event{Kind: kind, At: tick(), Night: date, Device: device, Patch: "p-1", Step: s, Attempt: 1, To: to, Outcome: outcome, Reason: why}
	}
	broke := site.Because(site.CodeVerifyFailed, "service pos-app on till-2 did not start within 90 s")
	return []run.Event{
		{Kind: run.VerdictChanged, At: tick(), Verdict: site.Ready, Text: "You can open."},
		{
			Kind: run.NightOpened, At: tick(), Night: date,
			Plan: &plan.Plan{
				Night: date, Opens: evening(), Catalog: 7, Patches: []site.Patch{{ID: "p-1", Title: "One"}},
				Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "p-1"}}}, {Device: "till-2", Jobs: []plan.Job{{Patch: "p-1"}}}},
			},
			Report: plan.Report{{Device: "till-1", Patch: "p-2", State: site.NotDue, Reason: site.Because(site.CodeNotApplicable, "already there", "installed", "2.0")}},
		},
		step(run.StepStarted, "till-1", run.Install, site.Installing, "", nil),
		step(run.StepEnded, "till-1", run.Install, site.Verifying, run.OK, nil),
		step(run.StepEnded, "till-1", run.Verify, site.Done, run.OK, nil),
		step(run.StepStarted, "till-2", run.Install, site.Installing, "", nil),
		step(run.StepEnded, "till-2", run.Install, site.Verifying, run.OK, nil),
		step(run.StepEnded, "till-2", run.Verify, site.Failed, run.Bad, broke),
		step(run.StepEnded, "till-2", run.Prove, site.RolledBack, run.OK, nil),
		{Kind: run.PatchQuarantined, At: tick(), Patch: "p-1", Text: "abc", Reason: broke},
		{Kind: run.HoldSet, At: tick(), Device: "till-2", Hold: &site.Hold{Device: "till-2", Reason: "look", Actor: "kim"}},
		{Kind: run.HoldReleased, At: tick(), Device: "till-2"},
		{Kind: run.NightClosed, At: tick(), Night: date, Text: "1 done, 1 rolled back"},
	}
}

// TestSnapshotsWithinARev: a store also learns what is no event, and says so under the same rev.
func TestSnapshotsWithinARev(t *testing.T) {
	down := Fact{Kind: KindReady, Mark: Mark{1, 9}, At: evening(), Body: json.RawMessage(`{"notes":[{"code":"LINE-1"}]}`)}
	up := Fact{Kind: KindReady, Mark: Mark{1, 9}, At: evening().Add(time.Second), Body: json.RawMessage(`{"notes":[]}`)}
	repeat := up
	repeat.At = evening().Add(time.Hour)
	if !up.Replaces(down) || down.Replaces(up) || repeat.Replaces(up) {
		t.Error("of two snapshots with the same rev, not the one that came later holds, or a repeat counts as another")
	}
	told := Fact{Kind: KindVerdict, Mark: Mark{1, 9}, At: evening().Add(time.Second), Body: json.RawMessage(`{}`)}
	if first := (Fact{Kind: KindVerdict, Mark: Mark{1, 9}, At: evening(), Body: json.RawMessage(`{"verdict":"ready"}`)}); told.Replaces(first) {
		t.Error("what an event told is told anew under its number")
	}
}

// registers is what a database does with facts: it keeps the one of each key that holds.
type registers struct {
	board *Board
	kept  map[Key]Fact
}

func newRegisters() *registers { return &registers{NewBoard("acme"), map[Key]Fact{}} }

func (r *registers) hear(t *testing.T, facts []Fact) {
	t.Helper()
	for _, f := range facts {
		if old, known := r.kept[f.Key()]; known && !f.Replaces(old) {
			continue
		}
		r.kept[f.Key()] = f
		if !r.board.Apply("0142", f, evening()) {
			t.Errorf("the board cannot read %+v", f)
		}
	}
}

func TestNight(t *testing.T) {
	r := newRegisters()
	for i, e := range night() {
		r.hear(t, Project(e, Mark{1, uint64(i + 1)}, evening()))
	}
	s := r.board.Stores["0142"]
	one, two := s.Devices["till-1"].Find("p-1"), s.Devices["till-2"].Find("p-1")
	minute := func(n int) Time { return At(evening().Add(time.Duration(n) * time.Minute)) }
	if one.State != site.Done || one.Started != minute(3) || one.Installed != minute(4) || one.Verified != minute(5) || one.Proof != (Mark{1, 5}) {
		t.Errorf("till-1: %+v", one)
	}
	if two.State != site.RolledBack || two.Failed != minute(8) || two.FailedCode != site.CodeVerifyFailed || !two.Verified.IsZero() {
		t.Errorf("till-2: %+v", two)
	}
	if want := "verify · verify_failed · service pos-app on till-# did not start within # s"; two.Signature != want {
		t.Errorf("signature %q, want %q", two.Signature, want)
	}
	if state, code, ok := s.Standing(s.Devices["till-1"], "p-2"); state != site.NotDue || code != site.CodeNotApplicable || !ok {
		t.Errorf("p-2 on till-1 stands %s %s %t", state, code, ok)
	}
	if len(s.Holds) != 0 || s.Quarantines["p-1"].Digest != "abc" || s.Verdict.Verdict != site.Ready {
		t.Errorf("holds %v, quarantines %v, verdict %v", s.Holds, s.Quarantines, s.Verdict)
	}
	if s.Opened["2026-11-21"].Planned != 2 || s.Opened["2026-11-21"].LeftOut != 1 || s.Closed["2026-11-21"].Text != "1 done, 1 rolled back" {
		t.Errorf("the night: %+v, %+v", s.Opened, s.Closed)
	}
	if r.board.Patches["p-1"].Title != "One" {
		t.Errorf("patches: %+v", r.board.Patches)
	}
}

// TestShuffled plays the night of an old stream and of a new one in any order and more than once.
func TestShuffled(t *testing.T) {
	type told struct {
		event run.Event
		mark  Mark
	}
	var all []told
	for stream := int64(1); stream <= 2; stream++ {
		for i, e := range night() {
			all = append(all, told{e, Mark{stream, uint64(i + 1)}})
		}
	}
	ordered := newRegisters()
	for _, m := range all {
		ordered.hear(t, Project(m.event, m.mark, evening()))
	}
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		shuffled := newRegisters()
		again := append(append([]told{}, all...), all[:rnd.IntN(len(all))]...)
		rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		for _, m := range again {
			shuffled.hear(t, Project(m.event, m.mark, evening()))
		}
		if !reflect.DeepEqual(ordered.board, shuffled.board) {
			t.Fatalf("seed %d: the board differs from the one of ordered input", seed)
		}
	}
}

// TestFromTheDatabase has a board that reads its facts from their JSON, as after a restart.
func TestFromTheDatabase(t *testing.T) {
	live, loaded := newRegisters(), newRegisters()
	zone := time.FixedZone("", -6*3600)
	for i, e := range night() {
		e.At, e.Output = e.At.In(zone).Add(123456789), "cannot start \xff <pos-app>"
		facts := Project(e, Mark{1, uint64(i + 1)}, evening().In(zone).Add(987654321))
		live.hear(t, facts)
		for _, f := range facts {
			loaded.hear(t, []Fact{{Kind: f.Kind, Name: f.Name, Patch: f.Patch, Mark: f.Mark, At: f.At, Body: f.Body}})
		}
	}
	if !reflect.DeepEqual(live.board.Stores["0142"].Devices, loaded.board.Stores["0142"].Devices) {
		t.Error("a fact that was just told shows something else than its JSON")
	}
}

// TestWhyItBroke has the cause of a failure from the step that broke, and not from taking it back.
func TestWhyItBroke(t *testing.T) {
	r := newRegisters()
	three := 3
	for i, e := range []run.Event{
		{Kind: run.StepEnded, Device: "till-1", Patch: "p", Step: run.Verify, Outcome: run.Bad, ExitCode: &three, Output: "starting\npos-app: port 8080 is taken\n", To: site.Failed},
		{Kind: run.StepEnded, Device: "till-1", Patch: "p", Step: run.Prove, Outcome: run.Bad, To: site.RollbackFailed, Reason: site.Because(site.CodeRollbackFailed, "not proven")},
		{Kind: run.PatchSettled, Device: "till-1", Patch: "p", To: site.Failed, Reason: site.Because(site.CodeNoRollback, "it cannot be taken back")},
	} {
		r.hear(t, Project(e, Mark{1, uint64(i + 1)}, evening()))
	}
	j := r.board.Stores["0142"].Devices["till-1"].Find("p")
	if want := "verify · verify_failed · verification ended with exit code #: pos-app: port # is taken"; j.Signature != want || j.FailedCode != site.CodeVerifyFailed {
		t.Errorf("%s, %q; want %q", j.FailedCode, j.Signature, want)
	}
}

// TestACutPlanTellsNothing: it is not a plan that leaves nothing out.
func TestACutPlanTellsNothing(t *testing.T) {
	for _, kind := range []run.Kind{run.NightOpened, run.NightExtended} {
		if facts := Project(run.Event{Kind: kind}, Mark{1, 1}, evening()); len(facts) > 0 {
			t.Errorf("%s without its plan tells %+v", kind, facts)
		}
	}
}

func TestClearedAlertStaysCleared(t *testing.T) {
	alert := Fact{Kind: KindAlert, Name: "POS-1", Mark: Mark{1, 9}, Body: json.RawMessage(`{"code":"POS-1"}`)}
	cleared := Fact{Kind: KindAlert, Name: "POS-1", Mark: Mark{1, 9}}
	if !cleared.Replaces(alert) || alert.Replaces(cleared) || alert.Replaces(alert) {
		t.Error("a repeat of an alert revives it after it was cleared")
	}
	newer := alert
	newer.Mark.Seq = 10
	if !newer.Replaces(cleared) {
		t.Error("an alert that is raised again does not show")
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	b := NewBoard("acme")
	for _, kind := range []Kind{KindInfo, KindReady, KindNight, KindDevice, KindAlert, KindVerdict, KindCatalog, KindObserved, KindHold, KindJob, KindStarted, KindLeftOut, KindPatch, "unheard"} {
		if b.Apply("0142", Fact{Kind: kind, Name: "x", Body: json.RawMessage(`[1`)}, evening()) {
			t.Errorf("%s: a broken body was taken", kind)
		}
	}
}

func TestCompareIDs(t *testing.T) {
	ordered := []string{"", "0007", "8", "0142", "142", "1000", "till-1", "till-2", "till-10", "till-10a"}
	for i, a := range ordered {
		for j, b := range ordered {
			got := CompareIDs(a, b)
			if a == "142" && b == "0142" || a == "0142" && b == "142" {
				continue // equal numbers of unequal length: any fixed order
			}
			if (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("CompareIDs(%q, %q) = %d", a, b, got)
			}
		}
	}
}

// TestStoreHeld: the board learns from the store that headquarters holds it, and that it does not any more, in
// whatever order that comes.
func TestStoreHeld(t *testing.T) {
	told := func(h *site.StoreHold, seq uint64) []Fact {
		note := &run.CatalogNote{Version: int64(seq), StoreHeld: h}
		return Project(run.Event{Kind: run.CatalogUpdated, At: evening(), Catalog: note}, Mark{1, seq}, evening())
	}
	hold := &site.StoreHold{Reason: "the power is cut", At: evening(), By: "kim"}
	r := newRegisters()
	r.hear(t, told(nil, 1))
	r.hear(t, told(hold, 2))
	if got := r.board.Stores["0142"].Catalog.StoreHeld; got == nil || *got != *hold {
		t.Errorf("held is %+v, want %+v", got, hold)
	}
	r.hear(t, told(nil, 4))
	r.hear(t, told(hold, 3))
	if got := r.board.Stores["0142"].Catalog.StoreHeld; got != nil {
		t.Errorf("lifted, and the board still has %+v", got)
	}
}
