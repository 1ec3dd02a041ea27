package runner

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

// Artifacts gives the bytes of an artifact after comparing them with its digest.
type Artifacts interface {
	Open(ctx context.Context, a site.Artifact) (Bytes, error)
}

// Bytes are the verified bytes of an artifact.
type Bytes interface {
	io.ReaderAt
	io.Closer
}

const (
	perCall    = 30 * time.Second       // for a call that should be quick
	silentFrom = 30 * time.Second       // after a step's deadline, a device that does not answer counts as silent
	overrun    = 2 * time.Minute        // beyond its whole time, work that a device has not ended counts as timed out
	firstPause = 250 * time.Millisecond // before a device is asked again
	longPause  = 15 * time.Second       // at most
	bootPause  = 500 * time.Millisecond // between looks at a device that restarts
)

// step is one intent being carried out.
type step struct {
	*Options
	device site.Device
	patch  site.Patch
	job    run.Job
	intent run.Event
	fresh  bool // begun by this process: the device cannot have taken it yet
	say    func(run.Event)
	log    *slog.Logger

	deadline time.Time // by the monotonic clock: a wall clock that jumps ends nothing and prolongs nothing
	silent   bool      // the device counts as silent
}

// again is how often a restart may get its whole time, when the box itself comes and goes.
const again = 4

// left is how much of its time the step has. Of a step of an earlier process the wall clock
// tells it, as far as it can be believed. A restart that is taken up again gets its whole time
// again: the box may have been away before it gave the order, and under one id the device
// restarts once.
func (s *step) left() time.Duration {
	whole, now := s.intent.Deadline.Sub(s.intent.At), s.Now()
	left := min(whole, s.intent.Deadline.Sub(now))
	restart := s.intent.Step == run.Reboot || s.intent.Step == run.Reboot2
	if restart && !s.fresh && now.Add(whole).Before(s.intent.At.Add(again*whole)) {
		return whole
	}
	return left
}

// carryOut acts until the step has an outcome and reports it. When ctx ends first nothing
// is reported: the intent stays open and is taken up again later.
func (s *step) carryOut(ctx context.Context) {
	began := time.Now()
	s.deadline = began.Add(s.left())
	s.silent = !s.fresh && s.job.LastState != ""
	var outcome run.Event
	switch s.intent.Step {
	case run.Stage:
		outcome = s.stage(ctx)
	case run.Reboot, run.Reboot2:
		outcome = s.reboot(ctx)
	case run.Gate:
		outcome = s.gate(ctx)
	default:
		outcome = s.work(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	outcome.Kind = run.StepEnded
	if outcome.Took == 0 {
		outcome.Took = site.Duration(time.Since(began))
	}
	if outcome.Observed == nil && s.worthALook(outcome) {
		outcome.Observed = s.look(ctx)
	}
	if outcome.Reason == nil {
		outcome.Reason = s.explain(outcome)
	}
	s.report(outcome)
}

// explain says why a step did not end well; nil when it did.
func (s *step) explain(e run.Event) *site.Reason {
	code := 0
	if e.ExitCode != nil {
		code = *e.ExitCode
	}
	switch {
	case s.intent.Step == run.Gate:
		return run.Closed(s.patch, e.Outcome, code, e.Output)
	case s.intent.Step == run.Verify && e.Outcome == run.Bad:
		if reason := run.SelfReverted(s.patch, s.job, e.Observed); reason != nil {
			return reason
		}
	}
	return run.Explain(s.intent.Step, e.Outcome, code, e.Output)
}

func (s *step) report(e run.Event) {
	e.At, e.Night = s.Now(), s.intent.Night
	e.Device, e.Patch, e.Step, e.Attempt, e.Work = s.intent.Device, s.intent.Patch, s.intent.Step, s.intent.Attempt, s.intent.Work
	s.say(e)
}

// worthALook reports whether what the device has now matters for what comes next.
func (s *step) worthALook(e run.Event) bool {
	switch s.intent.Step {
	case run.Install, run.Revert:
		return s.patch.Reboot != site.RebootNever
	case run.Verify, run.Prove:
		return e.Outcome == run.OK || e.Outcome == run.Bad
	}
	return false
}

// look observes the device; nil when it does not answer.
func (s *step) look(ctx context.Context) *site.Observation {
	o, err := s.probe(ctx)
	if err != nil {
		s.log.Debug("cannot look at the device", "err", err)
		return nil
	}
	return &o
}

func (s *step) probe(ctx context.Context) (site.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	at := s.Now()
	o, err := s.Devices.Probe(ctx, s.device)
	if err != nil {
		return o, err
	}
	o.Device, o.At = s.device.ID, at
	return run.Relevant(o, s.Ledger.State().Night.Plan.Patches), nil
}

// stage puts the artifacts of the patch and of its rollback on the device.
func (s *step) stage(ctx context.Context) run.Event {
	ctx, cancel := context.WithDeadline(ctx, s.deadline)
	defer cancel()
	for _, a := range policy.Needed(s.patch) {
		bytes, err := s.Artifacts.Open(ctx, a)
		if err != nil {
			return s.notStaged(a, run.Bad, err)
		}
		err = s.Devices.Stage(ctx, s.device, a, bytes)
		_ = bytes.Close() // it was only read
		if err != nil {
			return s.notStaged(a, run.Unreached, err)
		}
	}
	return run.Event{Outcome: run.OK}
}

// notStaged is the outcome of a transfer that failed: refused when the device or the store
// said why, and otherwise as given. Bytes that arrived damaged are worth another transfer.
func (s *step) notStaged(a site.Artifact, otherwise run.Outcome, err error) run.Event {
	var reason *site.Reason
	switch {
	case errors.As(err, &reason) && reason.Code == site.CodeStageFailed:
		return run.Event{Outcome: run.Bad, Reason: reason}
	case errors.As(err, &reason):
		return run.Event{Outcome: run.Refused, Reason: reason}
	case otherwise == run.Unreached:
		return run.Event{Outcome: otherwise, Reason: collector.Why(s.device, err)}
	}
	return run.Event{Outcome: otherwise, Reason: site.Because(site.CodeStageFailed, "cannot put "+a.Name+" on "+s.device.ID+": "+err.Error())}
}

// reboot restarts the device, and is done when it answers with another boot id.
func (s *step) reboot(ctx context.Context) run.Event {
	ordered, before, refused := false, s.intent.BootID, error(nil)
	for between := bootPause; ctx.Err() == nil; pause.For(ctx, between) {
		o, err := s.probe(ctx)
		s.heard(err)
		if err == nil && before == "" { // not known when it was decided: another boot than this one proves it
			before = o.BootID
		}
		switch {
		case err == nil && o.BootID != before:
			return run.Event{Outcome: run.OK, Observed: &o, BootID: o.BootID}
		case err == nil && time.Now().After(s.deadline):
			return run.Event{Outcome: run.Bad, Observed: &o, Reason: site.Because(site.CodeNotBack, s.device.ID+told(refused))}
		case err == nil && !ordered:
			refused = s.order(ctx)
			ordered = refused == nil
		case time.Now().After(s.deadline):
			between = longPause
		}
	}
	return run.Event{}
}

// told says what a device that is still the same made of being told to restart.
func told(refused error) string {
	if refused != nil {
		return " could not be told to restart: " + refused.Error()
	}
	return " did not restart though it was told to"
}

// order tells the device to restart; under one id it does so once, however often it is told.
func (s *step) order(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	return s.Devices.Reboot(ctx, s.device, devices.WorkID(s.intent.Work))
}

// heard keeps count of whether the device answers, and says so when that changes.
func (s *step) heard(err error) {
	switch {
	case err == nil && s.silent:
		s.silent = false
		s.report(run.Event{Kind: run.DeviceAnswered})
	case err != nil && !s.silent && time.Now().After(s.deadline.Add(silentFrom)):
		s.silent = true
		s.report(run.Event{Kind: run.DeviceSilent, Reason: collector.Why(s.device, err)})
	}
}
