package run

import (
	"slices"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
)

// A bundle is the jobs of a device that carry one number. They go through their steps together:
// all are staged, asked for, put on, the device restarts once, and all are proven. Only when
// nothing has changed on the device since the newest proof of each are they done.
//
// A job whose own installer failed is taken back by itself, and the others go on. When
// verification breaks, all are taken back, the last one first, and proven together. Then the
// bundle is halved, as long as there is time, until a job breaks alone.

// mate is a job of a bundle with what is to come next for it; a zero turn waits for the others.
type mate struct {
	job   *Job
	patch *site.Patch
	turn  turn
}

// bundle is the unsettled jobs of one number, in the order of their lane.
type bundle []mate

// together returns the unsettled jobs that go on together with the first unsettled one of a lane from a
// place on, and the place behind them.
func (d *decider) together(l *lane, from int) (bundle, int) {
	var b bundle
	for i := from; i < len(l.jobs); i++ {
		j := &l.jobs[i]
		switch {
		case j.Settled:
		case len(b) > 0 && (j.Bundle == 0 || j.Bundle != b[0].job.Bundle):
			return b, i
		default:
			p := &d.night.Plan.Patches[j.patch]
			b = append(b, mate{job: j, patch: p, turn: d.step(*j, *p)})
		}
	}
	return b, len(l.jobs)
}

// step is what follows for a job, whether or not it is part of a bundle.
func (d *decider) step(j Job, p site.Patch) turn {
	t := following(j, p, d.s.gated(j.Device, p))
	switch {
	case j.Bundle == 0 || j.Last == nil:
		return t
	case j.Proven || j.State == site.RolledBack:
		return turn{}
	case j.Last.Step == Verify && j.Last.Outcome == OK: // something changed since
		return turn{step: Verify}
	case j.Restarted && t.step == Reboot:
		return turn{step: Verify}
	case j.Restarted && t.step == Reboot2:
		return turn{step: Prove}
	}
	return t
}

// begun reports whether something of the bundle may have changed the device.
func (b bundle) begun() bool {
	return slices.ContainsFunc(b, func(m mate) bool { return m.job.Begun() })
}

// newest is the job that was put on last.
func (b bundle) newest() mate {
	newest := b[0]
	for _, m := range b {
		if m.job.Begun() && m.job.State != site.RolledBack {
			newest = m
		}
	}
	return newest
}

// own reports whether a job goes back because of its own installer, and not with its bundle.
func (m mate) own() bool { return m.job.Ends[Install].Outcome != OK }

// breaking returns the job because of which the whole bundle is taken back; nil when none is.
func (b bundle) breaking() *Job {
	for _, m := range b {
		begins := m.turn.step == Revert && !m.job.Back
		began := m.job.Back && (m.job.Reason == nil || m.job.Reason.Code != site.CodeBundleBroke)
		if !m.own() && (begins || began) {
			return m.job
		}
	}
	return nil
}

// phase is the place of the job's next step in the order in which a bundle takes its turns.
func (m mate) phase() int {
	step := m.turn.step
	provenOnce := m.job.Last != nil && m.job.Last.Step == Verify && m.job.Last.Outcome == OK
	if m.own() && step != Stage && step != Gate && !provenOnce {
		step = Install // what becomes of it is settled before the next is put on
	}
	return slices.Index([]Step{Stage, Gate, Install, Reboot, Verify, Revert, Reboot2, Prove}, step)
}

// acting chooses the job whose turn it is; false when all wait for something.
func (b bundle) acting() (chosen mate, ok bool) {
	if broken := b.breaking(); broken != nil {
		b = b.backwards(broken)
	}
	for _, m := range b {
		switch {
		case m.turn.settle != "":
			return m, true
		case m.turn.step != "" && (!ok || m.phase() < chosen.phase()):
			chosen, ok = m, true
		}
	}
	return chosen, ok
}

// backwards is what the jobs of a broken bundle do: each that was put on is taken off again, the
// last one first, since it was put on top of the others.
func (b bundle) backwards(broken *Job) bundle {
	var back bundle
	for _, m := range slices.Backward(b) {
		if !m.job.Begun() || m.job.State == site.RolledBack {
			continue
		}
		if !m.job.Back {
			m.turn = turn{step: Revert}
			if m.job != broken {
				m.turn.reason = withBundle(broken)
			}
		}
		back = append(back, m)
	}
	return back
}

// withBundle is why a job is taken back that may be as good as any: proof of another one of its
// bundle failed, and which of them is guilty is not known yet.
func withBundle(broken *Job) *site.Reason {
	why := broken.Reason
	if why == nil || why.Code == site.CodeWindowOver {
		return why
	}
	return site.Because(site.CodeBundleBroke, "taken back with its bundle, in which "+broken.Patch+" failed: "+why.Text,
		"patch", broken.Patch, "code", string(why.Code))
}

// before is what the device had before the first job of the bundle that goes back.
func (b bundle) before() *site.Observation {
	for _, m := range b {
		if m.job.Before != nil && m.job.State != site.RolledBack {
			return m.job.Before
		}
	}
	return nil
}

// conclude settles what is over: a bundle in which every job is proven, a job that was taken
// back by itself, and a bundle that was taken back, unless it is worth halving. It reports
// whether there was anything.
func (d *decider) conclude(b bundle) bool {
	before := len(d.events)
	proven := func(m mate) bool { return m.job.Proven }
	back := func(m mate) bool { return m.job.State == site.RolledBack }
	var together bundle
	for _, m := range b {
		if back(m) && m.own() {
			d.settle(m.job, site.RolledBack, m.job.Reason)
			continue
		}
		together = append(together, m)
	}
	switch {
	case len(together) == 0 || len(together) < len(b):
	case !slices.ContainsFunc(together, func(m mate) bool { return !proven(m) }):
		for _, m := range together {
			d.settle(m.job, site.Done, nil)
		}
	case !slices.ContainsFunc(together, func(m mate) bool { return !back(m) }):
		d.halve(together)
	}
	return len(d.events) > before
}

// halve splits a bundle that was taken back, so that the guilty patch is found among ever fewer.
func (d *decider) halve(b bundle) {
	first := b[0]
	_, dirty := d.s.Dirty[first.job.Device]
	if len(b) > 1 && !dirty && d.fits(first.job) {
		middle := (len(b) + 1) / 2
		d.emit(Event{
			Kind: BundleSplit, Device: first.job.Device, Halves: [][]string{b[:middle].patches(), b[middle:].patches()},
			Text: "its " + strconv.Itoa(len(b)) + " patches go on in halves, to find the one that breaks",
		})
		return
	}
	broken := b.breaking()
	for _, m := range b {
		reason := m.job.Reason
		if len(b) > 1 && broken != nil {
			reason = withBundle(broken)
		}
		d.settle(m.job, site.RolledBack, reason)
	}
}

func (b bundle) patches() []string {
	ids := make([]string, 0, len(b))
	for _, m := range b {
		ids = append(ids, m.job.Patch)
	}
	return ids
}

// owed is the time that the other jobs of the bundle which are on the device may still take: to
// be proven, or to be taken back.
func (d *decider) owed(j *Job) time.Duration {
	if j.Bundle == 0 {
		return 0
	}
	var owed, reboot time.Duration
	jobs := d.night.lanes[d.night.layout.order[j.order].lane].jobs
	for i := range jobs {
		m := &jobs[i]
		if m.Bundle != j.Bundle || m.Patch == j.Patch || m.Settled || !m.Begun() {
			continue
		}
		pace := d.pace(m)
		owed += pace.needs - pace.install - pace.reboot // they restart once
		reboot = max(reboot, pace.reboot)
	}
	reboot -= d.pace(j).reboot
	return owed + max(0, reboot)
}

// shareEnd lets a step that ended on one job of a bundle count for the others: what changes the
// device makes their proofs old, and one restart serves all that wait for it. The night must be a
// copy that nobody else has.
func (n *Night) shareEnd(e Event, at, bundle int) {
	changes := e.Step == Install || e.Step == Reboot || e.Step == Revert || e.Step == Reboot2
	if e.Kind != StepEnded || bundle == 0 || !changes {
		return
	}
	restarts := (e.Step == Reboot || e.Step == Reboot2) && e.Outcome == OK
	n.change(at, func(j *Job) {
		if j.Bundle != bundle || j.Settled {
			return
		}
		j.Proven = false
		j.Restarted = j.Restarted || restarts && j.Begun()
	})
}

// split gives the jobs of a bundle that was taken back new numbers, half by half, and begins
// them anew. Their attempts are counted on, since each has a name that is used once.
func (n *Night) split(e Event) {
	if n == nil {
		return
	}
	at, ok := n.layout.lanes[e.Device]
	if !ok {
		return
	}
	number := 0
	for _, j := range n.lanes[at].jobs {
		number = max(number, j.Bundle)
	}
	n.change(at, func(j *Job) {
		half := slices.IndexFunc(e.Halves, func(patches []string) bool { return slices.Contains(patches, j.Patch) })
		if half < 0 {
			return
		}
		*j = Job{
			Device: j.Device, Patch: j.Patch, State: site.Queued, Since: e.At, patch: j.patch, order: j.order,
			Bundle: number + 1 + half, Alone: len(e.Halves[half]) == 1, Suspect: j.Reason,
			Attempts: j.Attempts, Spent: j.Attempts,
		}
	})
}

// reverted is the job as it will be when its rollback has run.
func (j Job) reverted() Job {
	j.Last = &Event{Step: Revert, Outcome: OK}
	return j
}

// suspected is how a job of a halved bundle ends that is not begun again: it was on the device
// tonight, and was taken back.
func (j Job) suspected(reason *site.Reason) (site.State, *site.Reason) {
	return site.RolledBack, site.Because(reason.Code, "taken back with its bundle, and not tried again: "+reason.Text,
		"first", j.Suspect.String())
}
