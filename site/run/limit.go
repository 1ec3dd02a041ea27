package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// tooLate says why what was put on is taken off again instead of being finished: the cut-off is
// over, finishing and a rollback after it would not both fit into the window, and the rollback
// alone ends earlier. Nil means that it is finished.
func (d *decider) tooLate(b bundle, next Step) *site.Reason {
	if next != Reboot && next != Verify || !d.now.After(d.night.Plan.Cutoff) {
		return nil
	}
	var finish, undo, restart, restartBack time.Duration
	for _, m := range b {
		if !m.job.Begun() {
			continue
		}
		if m.patch.Rollback.Class == site.RollbackNone {
			return nil
		}
		p := d.s.Allowed(m.job.Device, *m.patch)
		undo += Least(p, Revert) + Least(p, Prove)
		if !m.job.Proven {
			finish += Least(p, Verify)
		}
		if m.turn.step == Reboot {
			restart = max(restart, Least(p, Reboot))
		}
		if following(m.job.reverted(), *m.patch, false).step == Reboot2 {
			restartBack = max(restartBack, Least(p, Reboot2))
		}
	}
	finish, undo = finish+restart, undo+restartBack
	left := d.night.Plan.Closes.Sub(d.now)
	if finish+undo <= left || finish <= undo {
		return nil
	}
	return site.Because(site.CodeWindowOver, "taken back, since finishing it and a rollback after that do not both fit before the window ends",
		"finish", finish.String(), "rollback", undo.String(), "left", left.Round(time.Second).String())
}

// slack is what a step gets on top of its estimate for being told to the device.
const slack = 30 * time.Second

// limit is how long a step may take before it is ended: twice what it is allowed and a little,
// and an installation never so long that its rollback would not fit before the window's end.
func (d *decider) limit(j *Job, p site.Patch, step Step) time.Duration {
	twice := 2*Least(p, step) + slack
	switch step {
	case Stage:
		bytes := int64(0)
		for _, a := range policy.Needed(p) {
			bytes += a.Size
		}
		return 2*time.Minute + time.Duration(bytes>>20)*time.Second
	case Gate:
		return time.Minute
	case Install:
		room := d.night.Plan.Closes.Sub(d.now) - p.Duration.Verify.Std() - p.Duration.Rollback.Std() - d.owed(j)
		return max(Least(p, step)+slack, min(twice, room))
	case Verify, Prove:
		return Least(p, step) + slack
	}
	return twice
}

// Least is what must be left of a step's time when the device begins it. With less, an
// installer or a rollback that goes well would be cut off in the middle.
func Least(p site.Patch, step Step) time.Duration {
	switch step {
	case Install:
		return p.Duration.Install.Std()
	case Reboot, Reboot2:
		return p.Duration.Reboot.Std()
	case Revert:
		return p.Duration.Rollback.Std()
	case Verify, Prove:
		return p.Duration.Verify.Std() + p.Duration.Soak.Std()
	}
	return 0
}

// WorkID names one attempt of one step for ever: the same on the box, on the device and
// in every report. It is safe as a file name.
func WorkID(night window.Date, device, patch string, step Step, attempt int) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{night.String(), device, patch, string(step)}, "\n")))
	return fmt.Sprintf("%s-%s-%d-%s", night, step, attempt, hex.EncodeToString(sum[:6]))
}
