package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// How a job is put off whose device refused it for a reason that may pass.
const (
	firstDelay   = 5 * time.Minute // twice as long each time
	longestDelay = 20 * time.Minute
	bundleDelays = 3               // how often a bundle waits for one of its jobs, before the others go on without it
	beforeLast   = 2 * time.Minute // the last attempt is so long before the last safe start: it has yet to be staged
	leastDelay   = time.Minute     // with less, it is not worth another attempt
)

// passes reports whether a reason may pass by itself within the night: another program works on the device, or a
// log fills its disk before it is rotated. That the device belongs to another box, which the reason names, does not.
func passes(r *site.Reason) bool {
	return r != nil && (r.Code == site.CodeBusy && r.Facts["box"] == "" || r.Code == site.CodeDiskFull)
}

// refused follows a step that the device refused before anything was changed.
func refused(j Job) turn {
	if passes(j.Last.Reason) {
		return turn{step: j.Last.Step, delay: true}
	}
	return turn{settle: site.Skipped, reason: j.Last.Reason}
}

// damaged reports whether the device refused to install because what was staged is not whole any more.
func (j Job) damaged() bool {
	return j.Last.Outcome == Refused && j.Last.Reason != nil && j.Last.Reason.Code == site.CodeStageFailed
}

// afterDamage stages once more, and only once: a device that damages what it was given twice does so always.
func afterDamage(j Job, p site.Patch) turn {
	switch {
	case j.Installs > 0:
		return back(j, p)
	case !j.Restaged:
		return turn{step: Stage}
	}
	return turn{settle: site.Failed, reason: j.Last.Reason}
}

// putOff reports whether a job waits for the time of its next attempt.
func (j *Job) putOff(now time.Time) bool { return j.Again.After(now) }

// putOff lets a job that its device refused wait for another attempt, where there is time for one; else it is
// not done tonight. A bundle that has begun to change its device does not wait, and none waits for ever.
func (d *decider) putOff(b bundle, m mate) {
	j := m.job
	again, fits := d.again(j)
	if !fits || j.Bundle > 0 && (b.begun() || j.Delays >= bundleDelays) {
		d.settle(j, site.Skipped, j.Last.Reason)
		return
	}
	at := again.In(d.night.Plan.Opens.Location()).Format("15:04")
	reason := site.Because(j.Last.Reason.Code, j.Last.Reason.Text+"; it is tried again at "+at)
	d.emit(Event{Kind: PatchDelayed, Device: j.Device, Patch: j.Patch, Reason: reason, Again: again})
}

// again is when a job that was refused now is to be tried again; false when there is no time for it.
func (d *decider) again(j *Job) (time.Time, bool) {
	again := d.now.Add(min(firstDelay<<min(j.Delays, 2), longestDelay))
	if last := d.last(j).Add(-beforeLast); again.After(last) {
		again = last
	}
	return again, !again.Before(d.now.Add(leastDelay))
}

// turnOf returns the jobs of a lane whose turn it is. What has begun to change the device goes on. A job that was put
// off lets those behind it go first, but for those which come after it for a reason.
func (d *decider) turnOf(l *lane) bundle {
	first, next := d.together(l, l.first)
	if !slices.ContainsFunc(first, func(m mate) bool { return m.job.Delays > 0 }) {
		return first
	}
	var chosen bundle
	var passed []*Job
	for b := first; len(b) > 0; b, next = d.together(l, next) {
		switch {
		case b.begun():
			return b
		case b[0].job.Bundle == 0 && b[0].job.putOff(d.now):
			d.wakeAt(b[0].job.Again)
			passed = append(passed, b[0].job)
		case slices.ContainsFunc(b, func(m mate) bool { return d.after(m.job, passed) }):
			for _, m := range b {
				passed = append(passed, m.job)
			}
		case chosen == nil:
			chosen = b
		}
	}
	if chosen == nil {
		return first
	}
	return chosen
}

// passed are the jobs of a lane for which nobody waits now: those that are put off, and those that come after one of
// them for a reason. When the time of the next attempt has come, all wait for it as for any other.
func (d *decider) passed(l *lane) []*Job {
	if !l.delayed {
		return nil
	}
	var passed []*Job
	for again := true; again; { // of a bundle, one may be put off that is behind the others
		again = false
		for i := l.first; i < len(l.jobs); i++ {
			j := &l.jobs[i]
			if !j.Settled && !j.Begun() && !slices.Contains(passed, j) && (j.putOff(d.now) || d.after(j, passed)) {
				passed, again = append(passed, j), true
			}
		}
	}
	return passed
}

// after reports whether a job comes after one of those that were passed over for a reason: it needs it, is of the same
// package, or goes on together with it.
func (d *decider) after(j *Job, passed []*Job) bool {
	if len(passed) == 0 || j.patch < 0 {
		return false
	}
	name := d.night.Plan.Patches[j.patch].Applies.Package
	return slices.ContainsFunc(passed, func(p *Job) bool {
		return slices.Contains(d.night.layout.requires[j.patch], p.patch) || j.Bundle > 0 && j.Bundle == p.Bundle ||
			name != "" && p.patch >= 0 && name == d.night.Plan.Patches[p.patch].Applies.Package
	})
}
