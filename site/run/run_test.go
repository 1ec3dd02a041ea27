package run_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

var update = flag.Bool("update", false, "rewrite the expected nights")

// TestNight plays every scene in testdata. The script of a scene says what happens; what
// is decided then is written down and compared. A line of a script is one of
//
//	at 23:00                     it is that time: what is decided?
//	end DEVICE OUTCOME [k=v...]  the step under way on the device ends: code, reason, pending, boot
//	silent DEVICE, answered DEVICE, hold DEVICE until=..., release DEVICE, unsure, sure, withdraw PATCH,
//	hold-store, lift-store (by headquarters), free PATCH, except PATCH until=... groups=...
//	night                        the night is closed, and planned again from the same facts a day later
//	play [DEVICE/STEP=OUTCOME[:CODE]...] [DEVICE/PATCH/STEP=OUTCOME...] [breaks=PATCH] every step ends well a
//	                             minute after it began, but for those named, and the verifications
//	                             on a device that has the breaking patch, until nothing happens any more
//	retry DEVICE PATCH, rollback DEVICE PATCH, restart DEVICE, terminal DEVICE, leave DEVICE  ann asks for it
//	jobs                         how the jobs stand
func TestNight(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenes: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := newNight(t, string(archive.Files[0].Data))
			for _, line := range strings.Split(strings.TrimSpace(string(archive.Files[1].Data)), "\n") {
				n.line(strings.Fields(line))
			}
			got := n.out.String()
			if *update {
				archive.Files = append(archive.Files[:2], txtar.File{Name: "night", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(archive.Files[2].Data); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// night plays events against the rules, without a device, a journal or a clock.
type night struct {
	t     *testing.T
	scene scenario.Scene
	s     run.State
	now   time.Time
	days  int // nights before this one
	out   strings.Builder
	seq   uint64
	wake  time.Time

	records []run.Record
}

func newNight(t *testing.T, facts string) *night {
	t.Helper()
	scene, err := scenario.Read(facts)
	if err != nil {
		t.Fatal(err)
	}
	n := &night{t: t, scene: scene, now: scene.Facts.Now}
	n.begin()
	return n
}

// begin opens the night of now.
func (n *night) begin() {
	n.t.Helper()
	span, due, _ := run.Due(n.s, n.scene.Calendar, n.now)
	if !due {
		n.t.Fatalf("%s is not in the window", n.now)
	}
	facts := n.scene.Facts
	facts.Now, facts.Dirty, facts.Quarantine = n.now, n.s.Dirty, n.s.Quarantine
	made, report := plan.Make(facts, span, n.scene.Calendar.Reserve)
	n.add(run.Event{Kind: run.NightOpened, Night: made.Night, Plan: &made, Report: report})
	for device, o := range facts.Inventory {
		n.add(run.Event{Kind: run.DeviceObserved, Device: device, Observed: &o})
	}
}

// tomorrow plans the next night and tells what it leaves out.
func (n *night) tomorrow() {
	n.days++
	n.now = n.s.Night.Plan.Opens.AddDate(0, 0, 1)
	n.begin()
	fmt.Fprintf(&n.out, "night of %s\n", n.s.Night.Plan.Night)
	for _, l := range n.s.Night.Report {
		fmt.Fprintf(&n.out, "  not %s %s %s: %s\n", l.Device, l.Patch, l.State, l.Reason)
	}
}

// add stamps, folds and returns an event, as the ledger would.
func (n *night) add(e run.Event) run.Event {
	if e.At.IsZero() {
		e.At = n.now
	}
	e = run.Stamp(n.s, e)
	n.seq++
	r := run.Record{Seq: n.seq, Event: e}
	n.s = run.Fold(n.s, r)
	n.records = append(n.records, r)
	return e
}

func (n *night) print(e run.Event) {
	fmt.Fprintf(&n.out, "%s %s", e.At.Format("15:04:05"), e.Kind)
	for _, part := range []string{e.Device, e.Patch, string(e.Step)} {
		if part != "" {
			n.out.WriteString(" " + part)
		}
	}
	if e.Attempt > 1 {
		fmt.Fprintf(&n.out, " #%d", e.Attempt)
	}
	if e.Outcome != "" {
		fmt.Fprintf(&n.out, " %s", e.Outcome)
	}
	if !e.Deadline.IsZero() {
		fmt.Fprintf(&n.out, " until %s", e.Deadline.Format("15:04:05"))
	}
	if e.To != "" {
		fmt.Fprintf(&n.out, " -> %s", e.To)
	}
	if e.Text != "" {
		fmt.Fprintf(&n.out, " %q", e.Text)
	}
	if e.Reason != nil {
		fmt.Fprintf(&n.out, ": %s", e.Reason)
	}
	n.out.WriteString("\n")
}

// decide asks Next until it has nothing more to say now.
func (n *night) decide() {
	for range 100 {
		events, wake := run.Next(n.s, n.now)
		n.wake = wake
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			n.print(n.add(e))
		}
	}
	n.t.Fatal("the rules never come to rest")
}

func (n *night) line(words []string) {
	if len(words) == 0 {
		return
	}
	var o scenario.Options
	if len(words) > 2 {
		o = scenario.Pairs(words[2:])
	}
	switch words[0] {
	case "at":
		n.clock(words[1])
		n.decide()
	case "end":
		n.end(words[1], run.Outcome(words[2]), o)
		n.decide()
	case "silent", "answered":
		n.reach(words[0], words[1])
	case "look":
		n.look(words[1], o["silent"] != "")
	case "hold":
		until, _ := scenario.At(o["until"])
		n.add(run.Event{Kind: run.HoldSet, Hold: &site.Hold{Device: words[1], Until: until, Reason: "in use", Actor: "ann"}})
	case "retry", "rollback", "restart", "terminal", "leave":
		n.ask(words[0], words[1], words[2:])
	case "release":
		n.add(run.Event{Kind: run.HoldReleased, Device: words[1]})
	case "unsure":
		n.add(run.Event{Kind: run.ClockChanged, Reason: site.Because(site.CodeClockUnsure, "the clock jumped")})
	case "full":
		n.add(run.Event{Kind: run.DiskChanged, Reason: site.Because(site.CodeBoxFull, "the disk is full")})
	case "space":
		n.add(run.Event{Kind: run.DiskChanged})
	case "sure":
		n.add(run.Event{Kind: run.ClockChanged})
	case "free":
		n.add(run.Event{Kind: run.HoldReleased, Patch: words[1]})
	case "except":
		until, _ := scenario.At(o["until"])
		n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Exceptions: []site.Exception{
			{Patch: words[1], Groups: []string{o["groups"]}, Owner: "pos-owner", Reason: "vendor-fix-pending", Expires: until},
		}}})
	case "night":
		n.tomorrow()
	case "withdraw":
		n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Withdrawn: map[string]string{words[1]: "it kills tills"}}})
	case "hold-store":
		n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 8, StoreHeld: &site.StoreHold{Reason: "the power is cut", At: n.now}}})
	case "lift-store":
		n.add(run.Event{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 9}})
	case "play":
		n.play(scenario.Pairs(words[1:]))
	case "jobs":
		n.jobs()
	default:
		n.t.Fatalf("what is %q?", words[0])
	}
}

func (n *night) clock(at string) {
	now, err := scenario.At(at)
	if err != nil {
		n.t.Fatal(err)
	}
	n.now = now.AddDate(0, 0, n.days)
}

func (n *night) open(device string) run.Job {
	for _, j := range run.Recover(n.s) {
		if j.Device == device {
			return j
		}
	}
	n.t.Fatalf("nothing is under way on %s", device)
	return run.Job{}
}

func (n *night) end(device string, outcome run.Outcome, o scenario.Options) {
	j := n.open(device)
	e := run.Event{
		Kind: run.StepEnded, Device: j.Device, Patch: j.Patch, Step: j.Intent.Step, Attempt: j.Intent.Attempt,
		Work: j.Intent.Work, Outcome: outcome, Took: site.Duration(n.now.Sub(j.Intent.At)), Reason: run.Explain(j.Intent.Step, outcome, 1, o["says"]),
	}
	if j.Intent.Step == run.Gate {
		p, _ := n.s.Night.Plan.Patch(j.Patch)
		e.Reason = run.Closed(p, outcome, 1, o["says"])
	}
	if o["reason"] != "" {
		e.Reason = site.Because(site.Code(o["reason"]), "the device said so")
	}
	if o["pending"] != "" {
		e.Observed = &site.Observation{Device: device, At: n.now, RebootPending: true}
	}
	n.print(n.add(e))
}

func (n *night) reach(kind, device string) {
	j := n.open(device)
	e := run.Event{Kind: run.DeviceAnswered, Device: device, Patch: j.Patch}
	if kind == "silent" {
		e.Kind, e.Reason = run.DeviceSilent, site.Because(site.CodeNoAnswer, device+" does not answer")
	}
	n.print(n.add(e))
	n.decide()
}

// look looks at one device for which nothing is under way.
func (n *night) look(device string, silent bool) {
	o := site.Observation{Device: device, At: n.now}
	if silent {
		o.Error = site.Because(site.CodeNoAnswer, device+" does not answer")
	}
	for _, e := range run.Attendance(n.s, site.Inventory{device: o}, n.now) {
		n.print(n.add(e))
	}
	n.decide()
}

// play lets every step under way end after a minute, and time pass where none is, until
// the night is closed.
func (n *night) play(faults scenario.Options) {
	n.decide()
	for range 500 {
		if !n.s.Night.Open() {
			return
		}
		open := run.Recover(n.s)
		if len(open) == 0 {
			if n.wake.IsZero() {
				return
			}
			n.now = n.wake
			n.decide()
			continue
		}
		n.now = n.now.Add(time.Minute)
		for _, j := range open {
			outcome, why, _ := strings.Cut(string(n.outcome(j, faults)), ":")
			n.end(j.Device, run.Outcome(outcome), scenario.Options{"reason": why})
		}
		n.decide()
	}
	n.t.Fatal("the night never ends")
}

// outcome is how the step under way ends when the faults are those.
func (n *night) outcome(j run.Job, faults scenario.Options) run.Outcome {
	bad, planned := n.s.Job(j.Device, faults["breaks"])
	if planned && bad.Begun() && bad.State != site.RolledBack && j.Intent.Step == run.Verify {
		return run.Bad
	}
	return cmp.Or(
		run.Outcome(faults[fmt.Sprintf("%s/%s/%s", j.Device, j.Patch, j.Intent.Step)]),
		run.Outcome(faults[fmt.Sprintf("%s/%s", j.Device, j.Intent.Step)]), run.OK)
}

func (n *night) jobs() {
	whether := run.Whethers(n.s)
	for j := range n.s.Night.Jobs() {
		if one, of := run.Whether(n.s, j).String(), whether(j).String(); one != of {
			n.t.Errorf("%s on %s: asked alone it is %q, with others %q", j.Patch, j.Device, one, of)
		}
		fmt.Fprintf(&n.out, "  %s %s %s since %s", j.Device, j.Patch, j.State, j.Since.Format("15:04:05"))
		if why := run.Whether(n.s, j); why != nil {
			fmt.Fprintf(&n.out, ": %s", why)
		}
		n.out.WriteString("\n")
	}
}

// ask lets a person ask for something, and writes down why it is refused.
func (n *night) ask(verb, device string, patch []string) {
	e := run.Event{Device: device, Actor: "ann", Text: "to be sure"}
	var refused *site.Reason
	switch verb {
	case "retry":
		e.Kind, e.Patch = run.PatchRetried, patch[0]
		refused = run.MayRetry(n.s, device, e.Patch, n.now)
	case "rollback":
		e.Kind, e.Patch = run.PatchTakenBack, patch[0]
		refused = run.MayRollBack(n.s, device, e.Patch)
	case "restart":
		e.Kind, refused = run.RestartAsked, run.MayRestart(n.s, device, n.now)
	case "terminal":
		e.Kind, refused = run.TerminalOpened, run.MayTakeOver(n.s, device)
	case "leave":
		e.Kind = run.TerminalClosed
	}
	if refused != nil {
		fmt.Fprintf(&n.out, "%s %s %s refused: %s\n", n.now.Format("15:04:05"), verb, device, refused)
		return
	}
	n.print(n.add(e))
	n.decide()
}
