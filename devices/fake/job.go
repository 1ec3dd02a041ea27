package fake

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// job is an id that a device has claimed, and what became of it.
type job struct {
	work    devices.Work
	outcome Outcome
	phase   devices.Phase
	began   time.Time
	ends    time.Time // zero: only Let or a loss of power ends it
	took    time.Duration
	exit    int
	output  string
	run     int // its place in machine.runs
}

// claim takes a piece of work and begins it, unless its id was claimed before.
func (m *machine) claim(w devices.Work, now time.Time) error {
	if _, claimed := m.jobs[w.ID]; claimed {
		return nil
	}
	if t, held := m.trouble(LockHeld, now, func(t Trouble) bool { return t.Owner != w.Owner }); held {
		return m.busy(t.Owner)
	}
	for _, j := range m.active {
		if j.work.Owner != w.Owner {
			return m.busy(j.work.Owner)
		}
	}
	m.begin(w, now)
	return nil
}

func (m *machine) busy(owner string) error {
	return devices.Failure(site.CodeBusy, "%s is being worked on by %s: nothing was begun", m.ID, owner)
}

// begin runs the body of a piece of work: it plans its end.
func (m *machine) begin(w devices.Work, now time.Time) {
	j := &job{work: w, outcome: m.store.outcome(m, w.Kind, w.Patch.ID), phase: devices.PhaseRunning, began: now, run: len(m.runs)}
	m.jobs[w.ID] = j
	m.runs = append(m.runs, Ran{Work: w.ID, Kind: w.Kind, Patch: w.Patch.ID, Owner: w.Owner, Began: now, Phase: devices.PhaseRunning})
	m.active = append(m.active, j)
	m.overlap = max(m.overlap, len(m.active))
	m.note(now, WorkBegan, w.Patch.ID, w.ID, string(w.Kind))
	switch w.Kind {
	case devices.Install:
		m.remember(w.Patch)
		m.armed = &j.work.Patch
	case devices.Revert:
		m.armed = nil
	}
	m.planEnd(j, now)
	if j.outcome.Resets > 0 {
		m.whileRunning(j, now.Add(j.outcome.Resets), func(at time.Time) { m.reset(at, "restart during "+string(w.ID)) })
	}
}

// planEnd decides when and how the work ends if nothing comes between.
func (m *machine) planEnd(j *job, now time.Time) {
	takes := pick(j.outcome.Takes, m.takes(j.work)) + m.skew()
	phase, never := devices.PhaseDone, j.outcome.Hangs
	if j.outcome.Lost {
		phase = devices.PhaseLost
	}
	if limit := j.work.Timeout; limit > 0 && (never || takes > limit) {
		takes, phase, never = limit, devices.PhaseTimedOut, false
	}
	if never {
		return
	}
	j.ends = now.Add(takes)
	m.whileRunning(j, j.ends, func(at time.Time) { m.end(j, phase, at) })
}

// whileRunning plans something for a moment at which the work still runs.
func (m *machine) whileRunning(j *job, at time.Time, run func(at time.Time)) {
	m.later(at, func(at time.Time) {
		if j.phase == devices.PhaseRunning {
			run(at)
		}
	})
}

// takes returns how long a piece of work lasts on this device when all goes well.
func (m *machine) takes(w devices.Work) time.Duration {
	says := w.Patch.Duration
	switch w.Kind {
	case devices.Gate:
		return m.GateTakes
	case devices.Install:
		return pick(pick(m.InstallTakes, says.Install.Std()), time.Minute)
	case devices.Revert:
		return pick(pick(m.RevertTakes, says.Rollback.Std()), time.Minute)
	}
	return pick(pick(m.VerifyTakes, max(says.Verify, says.Soak).Std()), 10*time.Second)
}

// end ends a piece of work and leaves on the device what it did.
func (m *machine) end(j *job, phase devices.Phase, at time.Time) {
	j.phase, j.took = phase, at.Sub(j.began)
	m.active = slices.DeleteFunc(slices.Clone(m.active), func(other *job) bool { return other == j })
	switch phase {
	case devices.PhaseDone:
		j.exit, j.output = m.finish(j, at)
	case devices.PhaseLost:
		m.finish(j, at)
		j.took = 0
	default:
		m.cutOff(j, at)
		j.output = fmt.Sprintf("%s of %s was cut off\n", j.work.Kind, j.work.Patch.ID)
	}
	if phase == devices.PhaseInterrupted {
		j.took = 0
	}
	ran := &m.runs[j.run]
	ran.Ended, ran.Phase, ran.ExitCode = at, phase, j.exit
	m.note(at, WorkEnded, j.work.Patch.ID, j.work.ID, fmt.Sprintf("%s %s %d", j.work.Kind, phase, j.exit))
}

// progress is what the device says about an id, and how long that will stay so.
// A negative length means for an unknown time.
func (m *machine) progress(id devices.WorkID, now time.Time) (devices.Progress, time.Duration) {
	j, ok := m.jobs[id]
	switch {
	case !ok:
		return devices.Progress{Phase: devices.PhaseNone}, 0
	case j.phase != devices.PhaseRunning:
		return devices.Progress{Phase: j.phase, ExitCode: j.exit, Output: tail(j.output), Took: j.took}, 0
	case j.ends.IsZero():
		return devices.Progress{Phase: devices.PhaseRunning}, -1
	}
	return devices.Progress{Phase: devices.PhaseRunning}, j.ends.Sub(now)
}

// forget loses every claim whose work does not run.
func (m *machine) forget(at time.Time) {
	maps.DeleteFunc(m.jobs, func(_ devices.WorkID, j *job) bool { return j.phase != devices.PhaseRunning })
	m.note(at, ClaimsGone, "", "", "")
}

// tail is the end of an output, as much of it as a Progress carries.
func tail(s string) string { return s[max(0, len(s)-4096):] }
