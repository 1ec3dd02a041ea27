package run_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// story is a night in which anything may happen at any time.
type story struct {
	t       *rapid.T
	facts   policy.Facts
	s       run.State
	now     time.Time
	wake    time.Time
	records []run.Record
}

// begin draws a store and opens its night.
func begin(t *rapid.T) *story {
	facts := drawFacts(t)
	calendar := window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute}
	night := &story{t: t, facts: facts, now: facts.Now}
	span, due, _ := run.Due(run.State{}, calendar, facts.Now)
	if !due {
		t.Fatalf("%s is not in the window", facts.Now)
	}
	made, report := plan.Make(facts, span, calendar.Reserve)
	night.add(run.Event{Kind: run.NightOpened, Night: made.Night, Plan: &made, Report: report})
	for _, d := range facts.Store.Devices {
		o := run.Relevant(facts.Inventory[d.ID], made.Patches)
		night.add(run.Event{Kind: run.DeviceObserved, Device: d.ID, Observed: &o})
	}
	return night
}

var groupNames = []string{"a", "b"}

func drawFacts(t *rapid.T) policy.Facts {
	f := policy.Facts{
		Store: site.Store{ID: "0142", Ring: site.RingFleet}, Inventory: site.Inventory{}, Cached: map[string]bool{"": true},
		Now: time.Date(2026, 11, 21, 23, rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC),
	}
	for _, name := range groupNames {
		g := site.Group{ID: name, MinUp: rapid.IntRange(0, 2).Draw(t, "min_up"), Canary: rapid.Bool().Draw(t, "canary")}
		g.MaxDown.Count = rapid.IntRange(0, 2).Draw(t, "max_down")
		f.Store.Groups = append(f.Store.Groups, g)
	}
	f.Store.Mode = rapid.SampledFrom([]site.Mode{site.OneByOne, site.Bundle}).Draw(t, "mode")
	if rapid.Bool().Draw(t, "before") {
		f.Store.Groups[0].Before = []string{"b"}
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "devices") {
		d := site.Device{ID: fmt.Sprintf("d%d", i), Class: site.LinuxServer, HostKey: "k"}
		for _, name := range groupNames {
			if rapid.Bool().Draw(t, "member") {
				d.Groups = append(d.Groups, name)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "pair") == 0 {
			d.Role = rapid.SampledFrom([]site.Role{site.Primary, site.Secondary}).Draw(t, "role")
		}
		f.Store.Devices = append(f.Store.Devices, d)
		f.Inventory[d.ID] = site.Observation{Device: d.ID, At: f.Now, BootID: "b0", Packages: map[string]string{"app": "1"}}
		if rapid.IntRange(0, 9).Draw(t, "silent") == 0 {
			f.Inventory[d.ID] = site.Observation{Device: d.ID, At: f.Now, Error: site.Because(site.CodeNoAnswer, "no answer")}
		}
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "patches") {
		f.Catalog.Patches = append(f.Catalog.Patches, site.Approved{Patch: drawPatch(t, i), Release: &site.Release{Ring: site.RingFleet}})
	}
	return f
}

func drawPatch(t *rapid.T, i int) site.Patch {
	long := func(name string) site.Duration {
		return site.Duration(rapid.IntRange(0, 40).Draw(t, name)) * site.Duration(time.Minute)
	}
	p := site.Patch{
		ID: fmt.Sprintf("p%d", i), Install: site.Install{Kind: site.InstallScript},
		Severity: rapid.SampledFrom([]site.Severity{site.Critical, site.High, site.Low}).Draw(t, "severity"),
		Reboot:   rapid.SampledFrom([]site.Reboot{site.RebootNever, site.RebootMay, site.RebootAlways}).Draw(t, "reboot"),
		Rollback: site.Rollback{Class: rapid.SampledFrom([]site.RollbackClass{site.RollbackNone, site.RollbackScript}).Draw(t, "rollback")},
		Duration: site.Durations{Install: long("install"), Reboot: long("restart"), Verify: long("verify"), Rollback: long("revert")},
	}
	if rapid.Bool().Draw(t, "artifact") {
		p.Artifacts = []site.Artifact{{Name: p.ID, Size: 1 << 20}}
	}
	if rapid.Bool().Draw(t, "gate") {
		p.Gates = []site.Gate{{Command: []string{"true"}, Wait: rapid.Bool().Draw(t, "wait")}}
	}
	if i > 0 && rapid.Bool().Draw(t, "requires") {
		p.Requires = []string{"p0"}
	}
	return p
}

// add stamps and folds an event, as the ledger does.
func (n *story) add(e run.Event) {
	e.At = n.now
	e = run.Stamp(n.s, e)
	r := run.Record{Seq: uint64(len(n.records) + 1), Event: e}
	before, known := n.s.Job(e.Device, e.Patch)
	n.s = run.Fold(n.s, r)
	n.records = append(n.records, r)
	after, _ := n.s.Job(e.Device, e.Patch)
	if known && !after.Settled && (after.State == site.NoAnswer) != (after.LastState != "") {
		n.t.Fatalf("after %s %s of %s is %q and was %q before it fell silent", e.Kind, e.Patch, e.Device, after.State, after.LastState)
	}
	stamped := run.Event{}
	if before.State != after.State {
		stamped = run.Event{From: before.State, To: after.State}
	}
	if e.Kind == run.PatchSettled {
		stamped.To = after.State
	}
	if known && (e.From != stamped.From || e.To != stamped.To) {
		n.t.Fatalf("%s of %s %s is stamped %q -> %q and goes from %q to %q", e.Kind, e.Device, e.Patch, e.From, e.To, before.State, after.State)
	}
}

// decide asks what to do until there is nothing more, and checks every decision.
func (n *story) decide() {
	for range 100 {
		events, wake := run.Next(n.s, n.now)
		n.wake = wake
		if !wake.IsZero() && !wake.After(n.now) {
			n.t.Fatalf("at %s it is to be asked again at %s", n.now, wake)
		}
		if len(events) == 0 {
			return
		}
		stamped := run.Stamped(n.s, events)
		for i, e := range events {
			n.permitted(e)
			n.add(e)
			if last := n.records[len(n.records)-1].Event; last.To != stamped[i].To || last.From != stamped[i].From {
				n.t.Fatalf("%s is stamped %q by itself and %q among others", e.Kind, last.To, stamped[i].To)
			}
		}
	}
	n.t.Fatal("the rules never come to rest")
}

// permitted checks a decision against the state that it is made in.
func (n *story) permitted(e run.Event) {
	if e.Kind == run.PatchSettled && e.To == site.Done {
		n.proven(e)
	}
	job, _ := n.s.Job(e.Device, e.Patch)
	if e.Kind == run.PatchDelayed && (job.Begun() || !e.Again.After(n.now) || e.Again.After(n.s.Night.Plan.Cutoff)) {
		n.t.Fatalf("%s of %s is put off at %s until %s in %+v", e.Patch, e.Device, n.now, e.Again, job)
	}
	if e.Kind != run.StepStarted {
		return
	}
	if job.Again.After(n.now) {
		n.t.Fatalf("%s of %s is begun on %s, and was put off until %s", e.Step, e.Patch, e.Device, job.Again)
	}
	for _, other := range n.s.Night.JobsOf(e.Device) {
		if other.Patch != e.Patch && other.Begun() && !other.Settled && (other.Bundle == 0 || other.Bundle != job.Bundle) {
			n.t.Fatalf("%s of %s is begun on %s while %s is not finished there", e.Step, e.Patch, e.Device, other.Patch)
		}
	}
	for _, j := range run.Recover(n.s) {
		if j.Device == e.Device {
			n.t.Fatalf("%s is begun on %s while %s is under way", e.Step, e.Device, j.Intent.Step)
		}
	}
	if job.Settled || e.Attempt != job.Attempts[e.Step]+1 || !e.Deadline.After(n.now) {
		n.t.Fatalf("%s #%d is begun until %s in %+v", e.Step, e.Attempt, e.Deadline, job)
	}
	if p, _ := n.s.Night.Plan.Patch(e.Patch); e.Deadline.Sub(n.now) <= run.Least(p, e.Step) {
		n.t.Fatalf("%s of %s has only until %s at %s", e.Step, e.Patch, e.Deadline, n.now)
	}
	if e.Step == run.Install && !job.Begun() {
		n.mayBegin(e)
		n.innocent(e)
	}
	if e.Step == run.Revert && (!job.Begun() || job.Ends[run.Revert].Outcome == run.OK) {
		n.t.Fatalf("%s of %s is taken back, which was %s", e.Patch, e.Device, job.Ends[run.Revert].Outcome)
	}
	if e.Step == run.Install && job.Installs >= 2 {
		n.t.Fatalf("%s is installed on %s for the third time", e.Patch, e.Device)
	}
}

// proven checks that nothing has changed on a device since the proof of a job that is done with its bundle.
func (n *story) proven(e run.Event) {
	for _, r := range slices.Backward(n.records) {
		was := r.Event
		if was.Kind != run.StepEnded || was.Device != e.Device {
			continue
		}
		switch was.Step {
		case run.Verify:
			if was.Patch == e.Patch && was.Outcome == run.OK {
				return
			}
		case run.Install, run.Reboot, run.Revert, run.Reboot2:
			n.t.Fatalf("%s of %s is done, and %s of %s ended after its proof", e.Patch, e.Device, was.Step, was.Patch)
		}
	}
	n.t.Fatalf("%s of %s is done without a proof", e.Patch, e.Device)
}

// happen lets one thing happen.
func (n *story) happen() {
	t := n.t
	open := run.Recover(n.s)
	switch rapid.IntRange(0, 13).Draw(t, "what") {
	case 0:
		n.now = n.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
	case 1:
		device := rapid.SampledFrom([]string{"d0", "d1", site.AllDevices}).Draw(t, "held")
		n.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: device, Until: n.now.Add(time.Hour), Actor: "ann", Reason: "in use"}})
	case 2:
		n.add(run.Event{Kind: run.HoldReleased, Device: rapid.SampledFrom([]string{"d0", "d1", site.AllDevices}).Draw(t, "released")})
	case 3:
		n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{
			Withdrawn: map[string]string{rapid.SampledFrom([]string{"p0", "p3"}).Draw(t, "withdrawn"): "bad"},
			Held:      map[string]string{rapid.SampledFrom([]string{"p1", "p9"}).Draw(t, "held by headquarters"): "bad"},
			StoreHeld: rapid.SampledFrom([]*site.StoreHold{nil, nil, {Reason: "the power is cut", At: n.now}}).Draw(t, "store held by headquarters"),
		}})
	case 4:
		n.add(run.Event{Kind: run.ClockChanged, Reason: rapid.SampledFrom([]*site.Reason{nil, site.Because(site.CodeClockUnsure, "it jumped")}).Draw(t, "clock")})
	case 5:
		if n.wake.After(n.now) {
			n.now = n.wake
		}
	default:
		if len(open) > 0 {
			n.goes(open[rapid.IntRange(0, len(open)-1).Draw(t, "which")], false)
		}
	}
}

// extend adds to the night what a later look finds: another patch, and devices that answer now.
func (n *story) extend() {
	if !run.Extendable(n.s, n.now) {
		return
	}
	for _, d := range n.facts.Store.Devices {
		n.facts.Inventory[d.ID] = site.Observation{Device: d.ID, At: n.now, BootID: "b0"}
	}
	if len(n.facts.Catalog.Patches) < 6 {
		p := drawPatch(n.t, len(n.facts.Catalog.Patches))
		n.facts.Catalog.Patches = append(n.facts.Catalog.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
	}
	n.facts.Now, n.facts.Holds, n.facts.Dirty, n.facts.Learned = n.now, n.s.Holds, n.s.Dirty, n.s.Learned
	span := window.Span{Night: n.s.Night.Plan.Night, Open: n.s.Night.Plan.Opens, Close: n.s.Night.Plan.Closes}
	made, report := plan.Make(n.facts, span, span.Close.Sub(n.s.Night.Plan.Cutoff))
	if more := run.Extension(n.s, made); len(more.Lanes) > 0 {
		n.add(run.Event{Kind: run.NightExtended, Night: more.Night, Plan: &more, Report: report})
	}
}

// goes lets a step under way go on, or end.
func (n *story) goes(j run.Job, ends bool) {
	e := run.Event{Device: j.Device, Patch: j.Patch, Step: j.Intent.Step, Attempt: j.Intent.Attempt, Work: j.Intent.Work}
	n.now = n.now.Add(time.Duration(rapid.IntRange(0, 600).Draw(n.t, "seconds")) * time.Second)
	switch how := rapid.IntRange(0, 7).Draw(n.t, "how"); {
	case how == 0 && !ends:
		e.Kind = run.StepClaimed
	case how == 1 && !ends:
		e.Kind, e.Reason = run.DeviceSilent, site.Because(site.CodeNoAnswer, "no answer")
	case how == 2 && !ends:
		e.Kind = run.DeviceAnswered
	default:
		e.Kind, e.Took = run.StepEnded, site.Duration(n.now.Sub(j.Intent.At))
		e.Outcome = rapid.SampledFrom([]run.Outcome{run.OK, run.OK, run.OK, run.OK, run.Bad, run.TimedOut, run.Interrupted, run.Refused, run.Unreached}).Draw(n.t, "outcome")
		e.Reason = run.Explain(e.Step, e.Outcome, 1, "it says so")
		if e.Outcome == run.Refused {
			code := rapid.SampledFrom([]site.Code{site.CodeBusy, site.CodeDiskFull, site.CodeStageFailed, site.CodeNoRights}).Draw(n.t, "refused for")
			e.Reason = site.Because(code, "it says so")
		}
		if rapid.Bool().Draw(n.t, "seen") {
			e.Observed = &site.Observation{Device: j.Device, At: n.now, BootID: "b1", RebootPending: rapid.Bool().Draw(n.t, "pending")}
		}
	}
	n.add(e)
}

// finish lets every step end and time pass until the night is closed.
func (n *story) finish() {
	for range 2000 {
		if !n.s.Night.Open() {
			return
		}
		n.decide()
		open := run.Recover(n.s)
		switch {
		case len(open) > 0:
			n.goes(open[0], true)
		case n.wake.After(n.now):
			n.now = n.wake
		default:
			n.now = n.now.Add(30 * time.Second) // as often as the box looks at the latest
		}
	}
	n.t.Fatal("the night never ends")
}

// Whatever happens in a night, the rules hold, and it ends with each job in an explicit state.
func TestAnyNight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := begin(t)
		for range 3 {
			for range rapid.IntRange(0, 30).Draw(t, "happenings") {
				n.decide()
				n.happen()
			}
			n.finish()
			n.extend()
		}
		n.finish()
		for j := range n.s.Night.Jobs() {
			if !j.Settled || j.Intent != nil || j.State != site.Done && j.State != site.RolledBack && j.Reason == nil {
				t.Fatalf("%s of %s ends as %s for %v", j.Patch, j.Device, j.State, j.Reason)
			}
			if j.State == site.Done && j.Ends[run.Verify].Outcome != run.OK || j.State == site.RolledBack && j.Ends[run.Prove].Outcome != run.OK && j.Suspect == nil {
				t.Fatalf("%s of %s is %s without a proof", j.Patch, j.Device, j.State)
			}
			if (j.State == site.Skipped || j.State == site.Held) && j.Begun() {
				t.Fatalf("%s of %s was begun and is %s", j.Patch, j.Device, j.State)
			}
		}
		if events, wake := run.Next(n.s, n.now.Add(time.Hour)); len(events) > 0 || !wake.IsZero() || len(run.Recover(n.s)) > 0 {
			t.Fatalf("after its end the night goes on with %v", events)
		}
		n.replayed()
	})
}
