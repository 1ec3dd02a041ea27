package board

import (
	"slices"
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Job is everything known of one patch on one device. A zero time is a stage that was not reached.
type Job struct {
	Patch      string
	State      site.State
	Code       site.Code // why; "" = no reason was given
	Night      window.Date
	Step       run.Step // under way, or the one that decided
	Attempt    int
	At         Time // since when it stands so
	Started    Time
	Installed  Time
	Restarted  Time
	Verified   Time
	Reported   Time // when headquarters received that it is proven
	Proof      Mark // where in the history of the store it was proven
	RolledBack Time
	Failed     Time // when it last broke
	FailedCode site.Code
	Signature  string // of the failure: what is the same where the cause is the same

	mark Mark // of State
}

// Find returns the job of a patch on the device; nil where it was never planned.
func (d *Device) Find(patch string) *Job {
	if i, ok := d.place(patch); ok {
		return d.Jobs[i]
	}
	return nil
}

// Job returns the job of a patch on the device, and makes one where there is none.
func (d *Device) Job(patch string) *Job {
	i, ok := d.place(patch)
	if !ok {
		same(&patch)
		d.Jobs = slices.Insert(d.Jobs, i, &Job{Patch: patch})
	}
	return d.Jobs[i]
}

// place is where the job of a patch is among those of the device, or belongs.
func (d *Device) place(patch string) (int, bool) {
	return slices.BinarySearchFunc(d.Jobs, patch, func(j *Job, patch string) int { return strings.Compare(j.Patch, patch) })
}

// apply is for the kinds that speak of a patch on a device.
func (j *Job) apply(f Fact) bool {
	if f.Kind == KindJob {
		var told JobTold
		if !set(f, &told) {
			return false
		}
		j.State, j.Night, j.Step, j.Attempt, j.Code, j.At, j.mark = told.State, told.Night, told.Step, told.Attempt, "", At(f.At), f.Mark
		if told.Reason != nil {
			j.Code = told.Reason.Code
		}
		same(&j.State)
		same(&j.Step)
		same(&j.Code)
		return true
	}
	var step Step
	if !set(f, &step) {
		return false
	}
	at := At(step.At)
	switch f.Kind {
	case KindStarted:
		j.Started = at
	case KindInstalled:
		j.Installed = at
	case KindRestarted:
		j.Restarted = at
	case KindVerified:
		j.Verified, j.Reported, j.Proof = at, At(step.Reported), f.Mark
	case KindRolledBack:
		j.RolledBack = at
	case KindFailed:
		j.Failed, j.FailedCode, j.Signature = at, "", SignatureOf(step)
		if step.Reason != nil {
			j.FailedCode = step.Reason.Code
		}
		same(&j.FailedCode)
		same(&j.Signature)
	default:
		return false
	}
	return true
}

// Standing returns where a patch on the device stands: as the newest look left it out, or as its job
// went on since. ok is false when nothing was told of it.
func (s *Store) Standing(d *Device, patch string) (state site.State, code site.Code, ok bool) {
	j := d.Find(patch)
	for _, l := range d.LeftOut {
		if l.Patch == patch && (j == nil || s.leftMark.After(j.mark)) {
			return l.State, l.Code, true
		}
	}
	if j == nil {
		return "", "", false
	}
	return j.State, j.Code, true
}
