package run

import (
	"maps"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Fold returns the state after the records. The state it is given stays as it was.
// Records of a kind that this version does not know change nothing.
func Fold(s State, records ...Record) State {
	s = s.clone()
	for _, r := range records {
		s.apply(r.Event)
		s.touch(r)
		s.Seq = r.Seq
	}
	return s
}

// Foresee returns the state as it will be when the events are on disk.
func Foresee(s State, events ...Event) State {
	if len(events) == 0 {
		return s
	}
	s = s.clone()
	for _, e := range events {
		s.apply(e)
	}
	return s
}

// Stamp fills From and To of an event of a job: the state of the patch on the device
// before and after it; and gives the end of a failed rollback the reason that the job then has, so
// that the journal tells what every page does. Other events are returned as they are.
func Stamp(s State, e Event) Event {
	before, ok := s.Job(e.Device, e.Patch)
	if !ok {
		return e
	}
	after := before.advance(e)
	if after.State != before.State {
		e.From, e.To = before.State, after.State
	}
	if e.Kind == StepEnded && e.Step == Prove && after.State == site.RollbackFailed {
		e.Reason = after.Reason
	}
	return e
}

func (s *State) apply(e Event) {
	s.At = e.At
	if s.Unsure == nil && e.Kind != ClockChanged && e.Kind != StoreRenamed && e.At.After(s.TrustedAt) {
		s.TrustedAt = e.At
	}
	switch e.Kind {
	case DaemonStarted:
		s.Started = e.At
	case CatalogUpdated:
		s.Catalog, s.Refused = *e.Catalog, nil
		s.forget()
	case CatalogRefused:
		s.Refused = e.Reason
	case ArtifactCached:
		set(&s.Cached, &s.own.cached, e.Text, true)
	case DeviceEnrolled:
		set(&s.HostKeys, &s.own.hostKeys, e.Device, e.Text)
	case ClockChanged:
		s.Unsure = e.Reason
		s.forgetGates()
	case ClockConfirmed:
		s.confirm(e)
	case DiskChanged:
		s.Full = e.Reason
	case HoldSet:
		set(&s.Holds, &s.own.holds, e.Hold.Device, *e.Hold)
		s.skip(e)
	case HoldReleased:
		s.release(e)
	case PatchQuarantined:
		set(&s.Quarantine, &s.own.quarantine, e.Patch, site.Quarantine{Patch: e.Patch, Digest: e.Text, Since: e.At, Reason: e.Reason})
	case TerminalOpened, RestartAsked:
		s.takeOver(e)
	case TerminalClosed, RestartEnded:
		drop(&s.Hands, &s.own.hands, e.Device)
	case PatchRetried, PatchTakenBack:
		s.reopen(e)
	case CheckEnded:
		s.checked(*e.Check)
	case VerdictChanged:
		s.verdict(e)
	case StoreOpened:
		s.Opened = e.Opens
	case StoreRenamed, OldTopicsCleared:
		s.leave(e)
	case AlarmRaised, AlarmTold, AlarmSent, AlarmAcked, AlarmCleared:
		s.alarm(e)
	case RepairBegun, RepairEnded:
		s.repaired(e)
	case NightOpened:
		s.open(e)
	case NightExtended:
		s.extend(e)
	case NightClosed:
		if s.Night != nil {
			s.Night.Closed, s.Night.Note = e.At, e.Text
		}
	case BundleSplit:
		s.Night.split(e)
	case NightCompared:
		s.compared(e)
	case DeviceObserved, DeviceSilent, DeviceAnswered, StepStarted, StepClaimed, StepEnded, PatchSettled, PatchDelayed:
		s.step(e)
	}
}

// release ends a hold or a quarantine; releasing a device also says that a person has looked at it.
func (s *State) release(e Event) {
	if e.Patch != "" {
		s.unquarantine(e.Patch)
		return
	}
	s.skip(e)
	drop(&s.Holds, &s.own.holds, e.Device)
	drop(&s.Dirty, &s.own.dirty, e.Device)
}

func (s *State) open(e Event) {
	s.Night = NewNight(*e.Plan, e.At, queued(*e.Plan, e.At))
	s.spend(e.Plan.Night)
	for _, f := range e.Plan.Forgets {
		for _, part := range f.Parts {
			s.Learned = s.Learned.Forget(f.Model, f.Patch, part)
		}
	}
	s.Night.Report, s.Night.Passes, s.Night.Before = e.Report, 1, Before{Checks: s.known(), Down: down(e)}
}

// queued are the jobs of a plan before anything is done.
func queued(p plan.Plan, at time.Time) []Job {
	var jobs []Job
	for _, lane := range p.Lanes {
		for _, job := range lane.Jobs {
			jobs = append(jobs, Job{Device: lane.Device, Patch: job.Patch, Bundle: job.Bundle, State: site.Queued, Since: at})
		}
	}
	return jobs
}

func (s *State) step(e Event) {
	takesBack := e.Kind == StepStarted && e.Step == Revert // it tells what was there once
	if e.Observed != nil && !takesBack {
		set(&s.Observed, &s.own.observed, e.Device, *e.Observed)
	}
	s.attended(e)
	at, ok := s.Night.find(e.Device, e.Patch)
	if !ok {
		return
	}
	was := *s.Night.job(at)
	s.learn(was.Intent, e)
	job := was.advance(e)
	s.Night.put(at, job)
	s.Night.shareEnd(e, at.lane, job.Bundle)
	s.blame(was, job)
	if job.State == site.RollbackFailed || job.State == site.Failed && job.Settled && job.Begun() {
		set(&s.Dirty, &s.own.dirty, job.Device, job.Reason)
	}
}

// attended takes over what an event tells of whether its device is at work: a look at the store, or
// a step that shows that the device answers.
func (s *State) attended(e Event) {
	look := e.Patch == ""
	switch {
	case e.Kind == DeviceSilent && look:
		s.Night.attend(e.Device, true)
	case e.Kind == DeviceAnswered && look, e.Kind == StepEnded && e.heard():
		s.Night.attend(e.Device, false)
	}
}

// advance is the one table of what an event makes of a job.
func (j Job) advance(e Event) Job {
	was := j.State
	switch e.Kind {
	case StepStarted:
		j = j.started(e)
	case StepClaimed:
		j.Claimed = true
	case PatchDelayed:
		j.State, j.Reason, j.Again, j.Delays = site.Waiting, e.Reason, e.Again, j.Delays+1
	case PatchRetried:
		j = j.retried(e)
	case PatchTakenBack:
		j = j.takenBack(e)
	case DeviceSilent:
		j = j.silent(e)
	case DeviceAnswered:
		j = j.answered()
	case StepEnded:
		j = j.ended(e)
	case PatchSettled:
		j.State, j.Reason, j.Settled, j.Intent = e.To, e.Reason, true, nil
	}
	if j.State != was {
		j.Since = e.At
	}
	return j
}

func (j Job) silent(e Event) Job {
	if j.LastState == "" {
		j.LastState, j.LastReason = j.State, j.Reason
	}
	j.State, j.Reason = site.NoAnswer, e.Reason
	return j
}

func (j Job) answered() Job {
	if j.LastState != "" {
		j.State, j.Reason = j.LastState, j.LastReason
		j.LastState, j.LastReason = "", nil
	}
	return j
}

// during is the state of a patch while a step of it runs.
func during(step Step) site.State {
	switch step {
	case Stage:
		return site.Fetching
	case Gate:
		return site.Waiting
	case Install:
		return site.Installing
	case Reboot:
		return site.Restarting
	case Verify:
		return site.Verifying
	}
	return site.Failed // revert, restart after it, proof of it
}

func (j Job) started(e Event) Job {
	intent := e
	j.Intent, j.Claimed = &intent, false
	j.Attempts = maps.Clone(j.Attempts)
	if j.Attempts == nil {
		j.Attempts = map[Step]int{}
	}
	j.Attempts[e.Step] = e.Attempt
	j.State = during(e.Step)
	switch e.Step {
	case Stage:
		j.Restaged = j.Restaged || j.Last != nil && j.Last.Step == Install
	case Install:
		if j.Installs == 0 {
			j.Before, j.Reason = e.Observed, nil
		}
	case Revert:
		j.Back = true
		if j.Reason == nil {
			j.Reason = e.Reason
		}
		if e.Observed != nil && j.Bundle > 0 {
			j.Before = e.Observed
		}
	}
	return j
}

func (j Job) ended(e Event) Job {
	j = j.answered()
	last := e
	if j.Intent != nil {
		last.Deadline = j.Intent.Deadline // by when an answer was wanted
	}
	j.Last, j.Intent, j.Claimed, j.Again = &last, nil, false, time.Time{}
	j.Ends = maps.Clone(j.Ends)
	if j.Ends == nil {
		j.Ends = map[Step]Event{}
	}
	j.Ends[e.Step] = last
	j.State = during(e.Step)
	if e.Outcome != OK && e.Reason != nil && !j.explained(e.Step) {
		j.Reason = e.Reason
	}
	switch e.Step {
	case Stage:
		if e.Outcome == OK {
			j.State, j.Reason = site.Staged, nil
		}
	case Install:
		j = j.installed(e)
	case Revert:
		j.Restarted = false
	case Verify:
		j = j.verified(e)
	case Prove:
		j = j.proven(e)
	}
	return j
}

// verified is the end of a proof. In a bundle it is not the end of the job: the others have to be
// proven as well.
func (j Job) verified(e Event) Job {
	switch {
	case e.Outcome != OK:
	case j.Bundle > 0:
		j.Proven, j.Reason = true, nil
	default:
		j.State, j.Settled, j.Reason = site.Done, true, nil
	}
	return j
}

// explained reports whether the job's reason already names the root cause, so that what
// follows from it does not hide it.
func (j Job) explained(step Step) bool {
	if j.Reason == nil {
		return false
	}
	installer := j.Ends[Install].Outcome
	return j.Back || step == Verify && (installer == Bad || installer == TimedOut)
}

func (j Job) installed(e Event) Job {
	if e.Outcome == Refused || e.Outcome == Unreached {
		if j.Installs == 0 {
			j.State = site.Staged
		}
		return j
	}
	j.Installs++
	j.Restarted = false
	j.Unsettled = e.Outcome == Interrupted
	j.Restart = e.Observed != nil && e.Observed.RebootPending
	return j
}

// proven is the end of a rollback. The reason stays what made the rollback necessary;
// when the rollback itself failed, that is the reason.
func (j Job) proven(e Event) Job {
	switch {
	case e.Outcome == OK:
		j.State, j.Settled = site.RolledBack, j.Bundle == 0
	case e.To == site.RollbackFailed && e.Reason != nil: // stamped
		j.State, j.Settled, j.Reason = site.RollbackFailed, true, e.Reason
	case e.Outcome == Bad || e.Outcome == TimedOut:
		text := "taken back, but what was there before could not be proven"
		if e.Reason != nil {
			text += ": " + e.Reason.Text
		}
		facts := []string{}
		if j.Reason != nil {
			facts = []string{"first", j.Reason.Text}
		}
		j.State, j.Settled, j.Reason = site.RollbackFailed, true, site.Because(site.CodeRollbackFailed, text, facts...)
	}
	return j
}

// Stamped stamps the events in turn, each as it finds the state after those before it.
func Stamped(s State, events []Event) []Event {
	s = State{Night: s.Night}.clone() // of all else no stamp tells
	stamped := make([]Event, len(events))
	for i, e := range events {
		stamped[i] = Stamp(s, e)
		s.apply(e)
	}
	return stamped
}

// Relevant cuts an observation to what the patches name, so that a journal holds facts
// and not package lists.
func Relevant(o site.Observation, patches []site.Patch) site.Observation {
	packages, recorded := map[string]string{}, map[string]string{}
	for _, p := range patches {
		if version, ok := o.Packages[p.Applies.Package]; ok {
			packages[p.Applies.Package] = version
		}
		if digest, ok := o.Recorded[p.ID]; ok {
			recorded[p.ID] = digest
		}
	}
	o.Packages, o.Recorded = packages, recorded
	return o
}
