package runner

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

// work has the device do the step by itself, and follows it until it has ended.
//
// What the device knows decides: it is told to start only while it has certainly not
// taken this id, and a device that forgot work which it had confirmed is never told again.
func (s *step) work(ctx context.Context) run.Event {
	claimed, untaken, told := s.job.Claimed, s.fresh, false
	// The device ends its work by its own clock. A box that starts again does not give up what runs
	// because of a clock on its wall that may be wrong.
	patience := time.Now().Add(s.intent.Deadline.Sub(s.intent.At) + overrun)
	for between := firstPause; ctx.Err() == nil; {
		if !claimed && untaken && s.timely() {
			err := s.start(ctx)
			var reason *site.Reason
			switch {
			case err == nil:
				claimed = true
				s.report(run.Event{Kind: run.StepClaimed})
			case errors.As(err, &reason):
				return run.Event{Outcome: run.Refused, Reason: reason}
			default:
				s.log.Debug("cannot tell whether the device took it", "err", err)
				untaken, told = false, true
			}
		}
		progress, err := s.status(ctx)
		s.heard(err)
		switch {
		case err != nil:
			s.log.Debug("the device does not answer", "err", err)
			pause.For(ctx, between)
			between = min(2*between, longPause)
		case progress.Phase.Ended():
			return ended(progress)
		case progress.Phase == devices.PhaseRunning:
			claimed = true
			if time.Now().After(patience) {
				return run.Event{Outcome: run.TimedOut}
			}
			between = firstPause
			pause.For(ctx, between) // a driver may answer at once
		case claimed: // it had the work and has forgotten it: what was done is not known
			return run.Event{Outcome: run.Interrupted}
		case !s.timely():
			return run.Event{Outcome: run.Unreached}
		default:
			if told { // it answers, and cannot be told
				pause.For(ctx, between)
				between = min(2*between, longPause)
			}
			untaken = true
		}
	}
	return run.Event{}
}

// gate asks the device whether it may be begun: whether it has the power, where it has a battery, and
// whether its business is finished, where the patch has gates.
func (s *step) gate(ctx context.Context) run.Event {
	if s.Ledger.State().Observed[s.device.ID].Power == nil {
		return s.work(ctx)
	}
	for between := firstPause; ctx.Err() == nil; between = min(2*between, longPause) {
		o, err := s.probe(ctx)
		s.heard(err)
		if err != nil {
			s.log.Debug("cannot look at the device's power", "err", err)
			pause.For(ctx, between)
			continue
		}
		reason := policy.Powered(s.device, o)
		switch {
		case reason != nil:
			return run.Event{Outcome: run.Bad, Reason: reason, Observed: &o}
		case len(s.patch.Gates) == 0:
			return run.Event{Outcome: run.OK, Observed: &o}
		}
		e := s.work(ctx)
		e.Observed = &o
		return e
	}
	return run.Event{}
}

// timely reports whether the device would still have the time that the step needs. What is
// begun later, after a crash or a silence, would be cut off in the middle by its own deadline.
func (s *step) timely() bool {
	allowed := s.Ledger.State().Allowed(s.device.ID, s.patch)
	return s.remaining() > run.Least(allowed, s.intent.Step)
}

// remaining is what a device that begins the step now may take: as long as both clocks allow,
// since the monotonic one stands still while the box is asleep, and the other one may jump.
func (s *step) remaining() time.Duration {
	return min(time.Until(s.deadline), s.intent.Deadline.Sub(s.Now()))
}

func (s *step) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	w := devices.Work{
		ID: devices.WorkID(s.intent.Work), Kind: kindOf(s.intent.Step), Patch: s.patch,
		Timeout: max(time.Second, s.remaining()), Owner: s.Owner,
	}
	if w.Kind == devices.Verify || w.Kind == devices.Prove {
		// A proof is given its own time and no more: what does not work by then is taken back.
		w.Timeout = max(time.Second, min(w.Timeout, run.Least(s.patch, s.intent.Step)))
	}
	if s.job.Before != nil {
		w.Before = *s.job.Before
	}
	return s.Devices.Start(ctx, s.device, w)
}

func (s *step) status(ctx context.Context) (devices.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, perCall+devices.StatusWait)
	defer cancel()
	return s.Devices.Status(ctx, s.device, devices.WorkID(s.intent.Work))
}

func kindOf(step run.Step) devices.Kind {
	switch step {
	case run.Gate:
		return devices.Gate
	case run.Install:
		return devices.Install
	case run.Verify:
		return devices.Verify
	case run.Revert:
		return devices.Revert
	case run.Prove:
		return devices.Prove
	}
	panic("internal error: step " + string(step) + " is not work of a device")
}

// ended translates what the device says into the outcome of the step.
func ended(p devices.Progress) run.Event {
	e := run.Event{Output: p.Output, Took: site.Duration(p.Took)}
	switch p.Phase {
	case devices.PhaseDone:
		code := p.ExitCode
		e.ExitCode, e.Outcome = &code, run.OK
		if code != 0 {
			e.Outcome = run.Bad
		}
	case devices.PhaseTimedOut:
		e.Outcome = run.TimedOut
	default:
		e.Outcome = run.Interrupted
	}
	return e
}
