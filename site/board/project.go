package board

import (
	"encoding/json"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// outputKept is how much of what a failing step printed is kept with the fact that it broke, in bytes.
const outputKept = 500

// Project returns the facts that an event tells. reported is when headquarters received it.
func Project(e run.Event, mark Mark, reported time.Time) []Fact {
	p := projection{event: e, mark: mark, reported: reported}
	switch e.Kind {
	case run.NightOpened, run.NightExtended:
		p.plan()
	case run.NightClosed:
		p.add(KindNightClosed, e.Night.String(), "", NightClosed{At: e.At, Text: e.Text})
	case run.StepStarted:
		p.job()
		if e.Step == run.Install {
			p.step(KindStarted)
		}
	case run.StepEnded:
		p.job()
		p.ended()
	case run.PatchSettled, run.PatchDelayed, run.PatchRetried, run.PatchTakenBack:
		p.job()
		p.ended()
	case run.DeviceObserved:
		p.observed()
	case run.VerdictChanged:
		p.add(KindVerdict, "", "", VerdictTold{Verdict: e.Verdict, Text: e.Text})
		if !e.Opens.IsZero() {
			p.add(KindAfter, dateOf(e.Opens), "", After{At: e.At, Verdict: e.Verdict, Text: e.Text})
		}
	case run.StoreOpened:
		if !e.Opens.IsZero() {
			p.add(KindMorning, dateOf(e.Opens), "", Morning{Opens: e.Opens, Next: e.Next, Verdict: e.Verdict, Text: e.Text, Since: e.Since})
		}
	case run.CatalogUpdated:
		if e.Catalog != nil {
			p.add(KindCatalog, "", "", e.Catalog)
		}
	case run.ArtifactCached:
		p.add(KindCached, e.Text, "", struct{}{})
	case run.HoldSet:
		if e.Hold != nil {
			p.add(KindHold, e.Hold.Device, "", e.Hold)
		}
	case run.HoldReleased:
		p.released()
	case run.PatchQuarantined:
		p.add(KindQuarantine, "", e.Patch, site.Quarantine{Patch: e.Patch, Digest: e.Text, Since: e.At, Reason: e.Reason})
	}
	return p.facts
}

// projection gathers the facts of one event.
type projection struct {
	event    run.Event
	mark     Mark
	reported time.Time
	facts    []Fact
}

// add notes a fact. A nil body clears the register.
func (p *projection) add(kind Kind, name, patch string, body any) {
	f := Fact{Kind: kind, Name: name, Patch: patch, Mark: p.mark, At: p.event.At}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return // a value that came as JSON and cannot be written as JSON tells nothing
		}
		f.Body = raw
		switch body.(type) {
		case JobTold, Step: // most facts are these
			f.told = body
		}
	}
	p.facts = append(p.facts, f)
}

// plan notes what a night is to do, and what it leaves out and why. An event without a plan was cut on its way, and
// tells neither.
func (p *projection) plan() {
	e := p.event
	if e.Plan == nil {
		return
	}
	planned := 0
	for _, lane := range e.Plan.Lanes {
		for _, j := range lane.Jobs {
			planned++
			p.add(KindJob, lane.Device, j.Patch, JobTold{State: site.Queued, Night: e.Night})
		}
	}
	for _, patch := range e.Plan.Patches {
		p.patch(patch, e.Plan.Catalog)
	}
	left := make([]LeftOut, 0, len(e.Report))
	for _, l := range e.Report {
		left = append(left, leftOut(l))
	}
	p.add(KindLeftOut, "", "", left)
	if e.Kind == run.NightOpened {
		p.add(KindNightOpened, e.Night.String(), "", NightOpened{
			At: e.At, Opens: e.Plan.Opens, Cutoff: e.Plan.Cutoff, Closes: e.Plan.Closes, Catalog: e.Plan.Catalog, Planned: planned, LeftOut: len(e.Report),
		})
	}
}

// patch notes a patch of the fleet as the plan held it.
func (p *projection) patch(patch site.Patch, catalog int64) {
	p.add(KindPatch, "", patch.ID, patch)
	p.facts[len(p.facts)-1].Mark = Mark{Seq: uint64(max(catalog, 0))}
}

func leftOut(l plan.LeftOut) LeftOut {
	v := LeftOut{Device: l.Device, Patch: l.Patch, State: l.State}
	if l.Reason != nil {
		v.Code, v.Installed = l.Reason.Code, l.Reason.Facts["installed"]
	}
	return v
}

// job notes where the job of the event stands now.
func (p *projection) job() {
	e := p.event
	if e.To != "" && e.Device != "" && e.Patch != "" {
		p.add(KindJob, e.Device, e.Patch, JobTold{State: e.To, Night: e.Night, Step: e.Step, Attempt: e.Attempt, Reason: e.Reason})
	}
}

// ended notes what the end of a step, or a decision, brought about.
func (p *projection) ended() {
	e := p.event
	ok := e.Outcome == run.OK
	switch {
	case ok && e.Step == run.Install:
		p.step(KindInstalled)
	case ok && e.Step == run.Reboot:
		p.step(KindRestarted)
	case p.broke():
		p.step(KindFailed)
	}
	switch e.To {
	case site.Done:
		p.step(KindVerified)
	case site.RolledBack:
		p.step(KindRolledBack)
	}
}

// broke reports whether the event says why the patch is not on the device. How taking it back went is
// another matter, and never hides the cause.
func (p *projection) broke() bool {
	e := p.event
	switch e.Step {
	case run.Stage, run.Install, run.Reboot, run.Verify:
		return e.Outcome != run.OK && e.Outcome != ""
	case "":
		return e.To == site.NoAnswer || e.To == site.Failed && e.Reason != nil && e.Reason.Code != site.CodeNoRollback
	}
	return false
}

// step notes that a stage was reached.
func (p *projection) step(kind Kind) {
	e := p.event
	s := Step{At: e.At, Night: e.Night, Attempt: e.Attempt, Took: e.Took, Reported: p.reported, Seq: p.mark.Seq, Step: e.Step}
	if kind == KindFailed {
		s.Reason, s.Output = e.Reason, tail(e.Output, outputKept)
		if s.Reason == nil && e.Step != "" {
			code := 0
			if e.ExitCode != nil {
				code = *e.ExitCode
			}
			s.Reason = run.Explain(e.Step, e.Outcome, code, e.Output)
		}
	}
	if e.Device != "" && e.Patch != "" {
		p.add(kind, e.Device, e.Patch, s)
	}
}

// observed notes a look at a device; the packages apart, because they are many.
func (p *projection) observed() {
	o := p.event.Observed
	if o == nil {
		return
	}
	p.add(KindObserved, p.event.Device, "", Observed{
		At: o.At, Error: o.Error, BootID: o.BootID, System: o.System, DiskFree: o.DiskFree, RebootPending: o.RebootPending, Broken: o.Broken,
	})
	if o.Packages != nil {
		p.add(KindPackages, p.event.Device, "", o.Packages)
	}
}

// released notes that a hold or a quarantine is over.
func (p *projection) released() {
	if p.event.Patch != "" {
		p.add(KindQuarantine, "", p.event.Patch, nil)
		return
	}
	p.add(KindHold, p.event.Device, "", nil)
}

// tail returns the last n bytes of s at most, as valid text.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := s[len(s)-n:]
	for len(cut) > 0 && cut[0]&0xC0 == 0x80 {
		cut = cut[1:]
	}
	return cut
}

// dateOf is the date of an opening: it is written in the zone of its store.
func dateOf(t time.Time) string { return t.Format(time.DateOnly) }
