package run

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// turn is what is to come next for a job: a step, not before a moment, or its end.
type turn struct {
	step      Step
	notBefore time.Time
	delay     bool // the step was refused for a reason that may pass
	settle    site.State
	reason    *site.Reason // of a settlement, or why a patch is taken back that did not fail itself
}

// again repeats a step some time after it ended.
func again(last *Event, wait time.Duration) turn {
	return turn{step: last.Step, notBefore: last.At.Add(wait)}
}

// following is the one table of what comes after what. It looks only at how far the job
// went; whether its time has come is decided by the caller.
// asked says that the device is asked whether it may be begun, as gated does.
func following(j Job, p site.Patch, asked bool) turn {
	if j.Last == nil {
		if len(policy.Needed(p)) == 0 {
			return staged(asked)
		}
		return turn{step: Stage}
	}
	if !j.Again.IsZero() {
		return turn{step: j.Last.Step, notBefore: j.Again}
	}
	switch j.Last.Step {
	case Stage:
		return afterStage(j, asked)
	case Gate:
		return afterGate(j, p)
	case Install:
		return afterInstall(j, p)
	case Reboot:
		return afterReboot(j, p)
	case Verify:
		return afterVerify(j, p)
	case Revert:
		return afterRevert(j, p)
	case Reboot2:
		if j.Last.Outcome != OK && j.tries(Reboot2) < rebootTries {
			return again(j.Last, retryAfter)
		}
		return turn{step: Prove}
	}
	return afterProve(j)
}

// gated reports whether a device is asked before a patch is begun on it: whether its business is
// finished, where the patch has gates, and whether it has the power, where it has a battery.
func (s State) gated(device string, p site.Patch) bool {
	return len(p.Gates) > 0 || s.Observed[device].Power != nil
}

func staged(asked bool) turn {
	if asked {
		return turn{step: Gate}
	}
	return turn{step: Install}
}

func afterStage(j Job, asked bool) turn {
	switch {
	case j.Last.Outcome == OK:
		return staged(asked)
	case j.Last.Outcome == Refused:
		return refused(j)
	case j.Last.Outcome == Unreached: // it may answer again; its last safe start ends this
		return again(j.Last, stageEvery)
	case j.tries(Stage) < stageTries:
		return again(j.Last, retryAfter)
	}
	return turn{settle: site.Failed, reason: j.Last.Reason}
}

func afterGate(j Job, p site.Patch) turn {
	switch j.Last.Outcome {
	case OK:
		return turn{step: Install}
	case Refused:
		return refused(j)
	case Bad, TimedOut:
		if unpowered(j.Last.Reason) {
			return again(j.Last, gateEvery)
		}
		for _, gate := range p.Gates {
			if gate.Wait {
				return again(j.Last, gateEvery)
			}
		}
		return turn{settle: site.Skipped, reason: j.Last.Reason}
	}
	return again(j.Last, retryAfter)
}

// unpowered reports whether a device only lacks power: that is waited for, whatever the patch's gates say.
func unpowered(r *site.Reason) bool {
	return r != nil && (r.Code == site.CodeBatteryLow || r.Code == site.CodeNotDocked)
}

func afterInstall(j Job, p site.Patch) turn {
	switch j.Last.Outcome {
	case Refused, Unreached: // nothing was done by this attempt
		switch {
		case j.damaged():
			return afterDamage(j, p)
		case j.tries(Install) < installTries:
			return again(j.Last, retryAfter)
		case j.Installs > 0:
			return back(j, p)
		}
		return refused(j)
	case OK:
		if p.Reboot == site.RebootAlways || p.Reboot == site.RebootMay && j.Restart {
			return turn{step: Reboot}
		}
	}
	return turn{step: Verify} // whatever the installer said: proof decides
}

func afterReboot(j Job, p site.Patch) turn {
	switch {
	case j.Last.Outcome == OK:
		return turn{step: Verify}
	case j.tries(Reboot) < rebootTries:
		return again(j.Last, retryAfter)
	}
	return back(j, p)
}

func afterVerify(j Job, p site.Patch) turn {
	switch j.Last.Outcome {
	case Interrupted, Unreached, Refused:
		if j.tries(Verify) < proofTries {
			return again(j.Last, retryAfter)
		}
	case Bad, TimedOut:
		if j.Unsettled && j.Installs < 2 {
			return turn{step: Install}
		}
	}
	return back(j, p)
}

// back begins to take a patch back, or ends the job where that cannot be done.
func back(j Job, p site.Patch) turn {
	if p.Rollback.Class != site.RollbackNone {
		return turn{step: Revert}
	}
	text := "it failed and cannot be taken back"
	if j.Reason != nil {
		text += ": " + j.Reason.Text
	}
	return turn{settle: site.Failed, reason: site.Because(site.CodeNoRollback, text)}
}

func afterRevert(j Job, p site.Patch) turn {
	switch j.Last.Outcome {
	case Refused, Unreached, Interrupted:
		if j.tries(Revert) < revertTries {
			return again(j.Last, retryAfter)
		}
	}
	if p.Reboot == site.RebootAlways || j.tries(Reboot) > 0 {
		return turn{step: Reboot2}
	}
	return turn{step: Prove}
}

// afterProve follows a proof that was not taken; one that was taken has settled the job.
func afterProve(j Job) turn {
	if j.tries(Prove) < proofTries {
		return again(j.Last, retryAfter)
	}
	return turn{settle: site.RollbackFailed, reason: site.Because(site.CodeRollbackFailed,
		"taken back, but the device gave no proof of what it has now")}
}
