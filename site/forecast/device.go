package forecast

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

const (
	asking     = 2 * time.Second  // what a question to a device takes
	unheard    = 30 * time.Second // until a device that does not take a call is given up, and until it counts as silent
	notesLimit = 30 * time.Second // what the rules give a step on top of twice its estimate
)

// step is one step that was begun, as its device will carry it out.
type step struct {
	*player
	intent run.Event
	job    run.Job
	patch  site.Patch
	pace   site.Durations // what the patch is expected to take here
	known  bool           // the job is one of the plan
	ended  run.Event
	takes  time.Duration
}

// act foresees what will be heard of a step that is about to be begun, and returns what its device says at once.
func (p *player) act(e run.Event) (said []run.Event) {
	s := step{player: p, intent: e}
	s.job, _ = p.s.Job(e.Device, e.Patch)
	s.patch, _ = p.scene.Plan.Patch(e.Patch)
	s.pace, s.known = p.paces[pair{e.Device, e.Patch}]
	s.takes = s.length()
	s.ended = s.event(run.StepEnded)
	s.ended.Outcome = run.OK
	if s.away() {
		return nil
	}
	s.carryOut()
	s.ended.Took = site.Duration(s.takes)
	if s.ended.Reason == nil && s.ended.Outcome != run.OK {
		s.ended.Reason = run.Explain(e.Step, s.ended.Outcome, 1, s.ended.Output)
	}
	p.hear(s.takes, s.ended)
	if !p.keep || e.Step == run.Stage || e.Step == run.Reboot || e.Step == run.Reboot2 {
		return nil // who has confirmed work decides nothing before a crash of the box
	}
	return []run.Event{s.event(run.StepClaimed)}
}

// event is something that is heard of the step.
func (s *step) event(kind run.Kind) run.Event {
	e := s.intent
	return run.Event{Kind: kind, At: e.At, Night: e.Night, Device: e.Device, Patch: e.Patch, Step: e.Step, Attempt: e.Attempt, Work: e.Work}
}

// carryOut decides how the step ends.
func (s *step) carryOut() {
	switch s.intent.Step {
	case run.Gate:
		if s.now.Before(s.gateOpens()) {
			s.fails("business is not finished")
		}
	case run.Install:
		s.install()
	case run.Verify:
		if installer, begun := s.job.Ends[run.Install]; begun && installer.Outcome != run.OK {
			s.fails("it is not installed")
		} else if s.breaks() {
			s.fails("the device does not work")
		}
	case run.Reboot, run.Reboot2:
		s.restart()
	case run.Revert:
		s.inTime()
	case run.Prove:
		if s.faulty(RollbackFails) || s.draw("rollback").one(s.odds.RollbackFails) {
			s.fails("what was there before did not come back")
		} else if s.keep {
			s.ended.Observed = s.job.Before
		}
	}
}

// fails ends the step badly. The text stands where a device's own would.
func (s *step) fails(wrong string) {
	code := 1
	s.ended.Outcome, s.ended.ExitCode, s.ended.Output = run.Bad, &code, "rehearsed: "+wrong
	if s.scene.Prints != nil {
		s.ended.Output = s.scene.Prints(s.intent.Step, s.patch, wrong)
	}
}

// inTime ends the step at its deadline when it takes longer.
func (s *step) inTime() bool {
	if limit := s.intent.Deadline.Sub(s.now); s.takes > limit {
		s.takes, s.ended.Outcome = limit, run.TimedOut
		return false
	}
	return true
}

func (s *step) install() {
	first := s.job.Installs == 0
	switch {
	case first && (s.faulty(Interrupted) || s.draw("interrupted").one(s.odds.Interrupted)):
		s.takes /= 2
		s.ended.Outcome = run.Interrupted
	case s.faulty(Fails), s.draw("install").one(s.odds.InstallFails), !first && !s.faulty(Interrupted) && !s.draw("again").one(s.again()):
		s.fails("the installer failed")
	case s.inTime():
		s.ended.Observed = s.installed()
	}
}

// again is how likely an installation works when it is repeated.
func (s *step) again() float64 {
	if s.odds.Interrupted == 0 {
		return 1
	}
	return s.odds.AgainWorks
}

// installed is the device with the patch on it.
func (s *step) installed() *site.Observation {
	o, seen := s.s.Observed[s.intent.Device]
	wanted := s.patch.Reboot == site.RebootMay && s.dice.of("restart", s.intent.Patch).one(s.odds.RestartWanted)
	if !wanted && (!seen || !s.keep) { // versions decide nothing in a night
		return nil
	}
	o.At, o.RebootPending = s.now.Add(s.takes), wanted
	if a := s.patch.Applies; a.Below != "" && policy.CompareVersions(o.Packages[a.Package], a.Below) < 0 {
		o.Packages = maps.Clone(o.Packages)
		if o.Packages == nil {
			o.Packages = map[string]string{}
		}
		o.Packages[a.Package] = a.Below
	}
	return &o
}

// breaks reports whether the device does not work with the patch.
func (s *step) breaks() bool {
	if s.faulty(Breaks) || s.faulty(RollbackFails) || s.draw("breaks").one(s.odds.Breaks) {
		return true
	}
	return s.dice.of("bad", s.intent.Patch).one(s.odds.BreaksAll) && s.draw("bad").one(s.odds.BreaksEach)
}

// restart lets the device come back, in time, late or not this night.
func (s *step) restart() {
	if s.takes > s.intent.Deadline.Sub(s.now)+unheard {
		s.hear(s.intent.Deadline.Sub(s.now)+unheard, s.silence())
		s.hear(s.takes, s.event(run.DeviceAnswered))
	}
	if !s.keep {
		return
	}
	o := s.s.Observed[s.intent.Device]
	o.BootID, o.RebootPending, o.At = s.intent.Work, false, s.now.Add(s.takes)
	s.ended.BootID, s.ended.Observed = o.BootID, &o
}

// silence is told of a device that does not answer when the time of a step is over.
func (s *step) silence() run.Event {
	e := s.event(run.DeviceSilent)
	e.Reason = site.Because(site.CodeNoAnswer, s.intent.Device+" does not answer")
	return e
}

// away foresees a step on a device that does not answer, or ceases to before the step ends. It
// reports false when the device answers all the time.
func (s *step) away() bool {
	from, lost := s.lostFrom()
	if !lost || !from.Before(s.now.Add(s.takes)) {
		return false
	}
	if s.intent.Step != run.Stage {
		s.hear(s.intent.Deadline.Sub(s.now)+unheard, s.silence())
		return true
	}
	s.ended.Outcome, s.ended.Reason = run.Unreached, s.silence().Reason
	s.ended.Took = site.Duration(unheard)
	s.hear(max(0, from.Sub(s.now))+unheard, s.ended)
	return true
}

// lostFrom is when the device falls silent for the rest of the night.
func (s *step) lostFrom() (from time.Time, lost bool) {
	device, patch := s.intent.Device, s.intent.Patch
	if s.dice.of("unreachable", device).one(s.odds.Unreachable) {
		return time.Time{}, true
	}
	earliest := func(t time.Time) {
		if !lost || t.Before(from) {
			from, lost = t, true
		}
	}
	for _, f := range s.faults {
		switch {
		case f.hits(NotBack, device, patch) && s.intent.Step == run.Reboot:
			earliest(s.now)
		case !f.hits(Silent, device, patch):
		case !f.At.IsZero() || f.Patch == Every:
			earliest(f.At)
		case s.intent.Step == run.Install:
			earliest(s.now)
		}
	}
	return from, lost
}

// draw returns the dice of something that happens once to the patch on the device.
func (s *step) draw(what string) dice { return s.dice.of(what, s.intent.Device, s.intent.Patch) }

// faulty reports whether the script has a fault of this kind for the job.
func (s *step) faulty(kind Kind) bool {
	for _, f := range s.faults {
		if f.hits(kind, s.intent.Device, s.intent.Patch) {
			return true
		}
	}
	return false
}

// length draws how long the step takes when nothing goes wrong.
func (s *step) length() time.Duration {
	switch s.intent.Step {
	case run.Stage:
		bytes := int64(0)
		for _, a := range policy.Needed(s.patch) {
			bytes += a.Size
		}
		if s.odds.Bytes <= 0 {
			return asking
		}
		return asking + time.Duration(float64(bytes)/float64(s.odds.Bytes)*float64(time.Second))
	case run.Gate:
		return asking
	case run.Verify, run.Prove: // what does not work by then counts as broken, so that a proof has no tail
		proof := s.patch.Duration.Verify.Std()
		return s.patch.Duration.Soak.Std() + min(proof, s.stretch(proof))
	}
	takes := s.estimate()
	switch {
	case s.faulty(Slow):
		return time.Duration(slower * float64(takes))
	case s.late():
		return s.odds.LateFrom + time.Duration(-float64(s.odds.LateMean)*math.Log(1-s.named("later").share(0)))
	}
	if runs := s.learned(); len(runs) >= estimate.Enough && s.odds.Median > 0 {
		return runs[int(s.named("takes").share(0)*float64(len(runs)))].Std()
	}
	return s.stretch(takes)
}

// learned are the lengths of such a step as this store has measured them on the model of the device.
func (s *step) learned() []site.Duration {
	l := s.scene.State.Learned[s.models[s.intent.Device]]
	parts := l.Patches[s.intent.Patch]
	switch s.intent.Step {
	case run.Install:
		return parts[estimate.Install].Took
	case run.Revert:
		return parts[estimate.Rollback].Took
	}
	if own := parts[estimate.Reboot].Took; len(own) >= estimate.Enough {
		return own
	}
	return l.Reboot.Took
}

// late reports whether the device is not back in time from the restart that the step is.
func (s *step) late() bool {
	restart := s.intent.Step == run.Reboot || s.intent.Step == run.Reboot2
	return restart && s.named("late").one(s.odds.NotBack)
}

// estimate is what the rules reckon with for the step.
func (s *step) estimate() time.Duration {
	if s.known {
		return run.Least(site.Patch{Duration: s.pace}, s.intent.Step)
	}
	return max(0, s.intent.Deadline.Sub(s.intent.At)-notesLimit) / 2
}

// stretch draws a length around an estimate.
func (s *step) stretch(estimate time.Duration) time.Duration {
	if s.odds.Median <= 0 {
		return estimate
	}
	return s.named("takes").length(time.Duration(s.odds.Median*float64(estimate)), estimate)
}

// named returns the dice of something that happens at each attempt of a step.
func (s *step) named(what string) dice {
	return s.dice.of(what, s.intent.Device, s.intent.Patch, string(s.intent.Step), strconv.Itoa(s.intent.Attempt))
}

// gateOpens is when the last gate of the patch opens: the same question has one answer in all of the store.
func (s *step) gateOpens() time.Time {
	never := s.scene.Plan.Closes.Add(run.Grace)
	if s.faulty(GateShut) {
		return never
	}
	var opens time.Time
	for _, gate := range s.patch.Gates {
		d := s.dice.of("gate", strings.Join(gate.Command, " "))
		switch {
		case d.of("stuck").one(s.odds.GateStuck):
			return never
		case d.of("late").one(s.odds.GateLate):
			if t := s.scene.Plan.Opens.Add(d.length(s.odds.GateMedian, s.odds.GateP95)); t.After(opens) {
				opens = t
			}
		}
	}
	return opens
}

// cutPower decides when the box is without power. A night that would begin then begins after it.
func (p *player) cutPower() {
	d, opens := p.dice.of("power"), p.scene.Plan.Opens
	if d.one(p.odds.PowerCut) {
		p.cutFrom = opens.Add(time.Duration(d.share(1) * float64(p.scene.Plan.Closes.Sub(opens)))).Round(p.tick)
		p.cutTo = p.cutFrom.Add(max(p.tick, d.of("length").length(p.odds.PowerMedian, p.odds.PowerP95).Round(p.tick)))
	}
	for _, f := range p.faults {
		if f.Kind == PowerCut {
			p.cutFrom, p.cutTo = f.At, f.At.Add(max(f.For, 0))
			if f.For <= 0 {
				p.cutTo = f.At.Add(Blackout)
			}
		}
	}
	if p.without(p.now) {
		p.now = p.cutTo
	}
}
