package run

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Grace is how long after the window's end a silent device is waited for before the
// night is closed without its answer.
const Grace = 30 * time.Minute

// How often a step is begun before it counts as not to be had, and how long to wait between.
const (
	stageTries   = 3
	installTries = 3 // that the device did not take; one that it took is repeated at most once
	rebootTries  = 2
	proofTries   = 4
	revertTries  = 3
	retryAfter   = 10 * time.Second
	gateEvery    = time.Minute
	stageEvery   = time.Minute // a device that did not answer
)

// Due says whether a night is to be opened now. When not, the reason says why, and is nil
// when it is simply not the time.
func Due(s State, c window.Calendar, now time.Time) (window.Span, bool, *site.Reason) {
	span, inside := c.Contains(now)
	switch {
	case !inside:
		return window.Span{}, false, nil
	case s.Spent(span.Night):
		return span, false, nil
	case s.another(span.Night) != nil:
		return span, false, s.another(span.Night)
	case s.Barred(now) != nil:
		return span, false, s.Barred(now)
	}
	return span, true, nil
}

// Next says what to do now in the open night: the events to write to the journal at once.
// A StepStarted among them is an intent: when it is on disk, the step is carried out. Next
// is asked again after every event, and at wake at the latest (zero: no need).
func Next(s State, now time.Time) (events []Event, wake time.Time) {
	if !s.Night.Open() {
		return nil, time.Time{}
	}
	d := newDecider(s, now)
	d.quarantine()
	for _, l := range s.Night.lanes {
		d.lane(l)
	}
	if len(d.events) == 0 && s.Night.Settled() == s.Night.Total() {
		d.emit(Event{Kind: NightClosed, Text: Summary(s.Night)})
	}
	return d.events, d.wake
}

// Recover returns the intents without an outcome: after a start of the box, each is to be
// carried on with, which asks the device what became of it before anything is done.
func Recover(s State) []Job {
	var open []Job
	if s.Night.Open() {
		for j := range s.Night.Jobs() {
			if j.Intent != nil {
				open = append(open, j)
			}
		}
	}
	return open
}

// Summary counts how the jobs of a night stand, in a fixed order: "3 done, 1 rolled back".
func Summary(n *Night) string {
	counts, nothing := map[site.State]int{}, "nothing was due"
	for j := range n.Jobs() {
		counts[j.State]++
	}
	for _, left := range n.Report {
		switch {
		case left.Device == "" && left.Patch == "" && left.Reason != nil:
			nothing = "nothing was begun: " + strings.ReplaceAll(string(left.Reason.Code), "_", " ")
		case left.Patch == "" && left.State != site.NotDue:
			counts[left.State]++
		}
	}
	var parts []string
	for _, state := range []site.State{site.Done, site.RolledBack, site.Failed, site.RollbackFailed, site.Skipped, site.Held, site.NoAnswer} {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], strings.ReplaceAll(string(state), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return nothing
	}
	return strings.Join(parts, ", ")
}

type decider struct {
	s       State
	night   *Night
	now     time.Time
	events  []Event
	wake    time.Time
	company *company
	paces   [][]pace // of each model, of each patch of the plan
}

func newDecider(s State, now time.Time) *decider {
	return &decider{s: s, night: s.Night, now: now, company: meet(s), paces: make([][]pace, len(s.Night.layout.models))}
}

func (d *decider) emit(e Event) {
	e.At, e.Night = d.now, d.night.Plan.Night
	d.events = append(d.events, e)
}

func (d *decider) wakeAt(t time.Time) {
	if t.After(d.now) && (d.wake.IsZero() || t.Before(d.wake)) {
		d.wake = t
	}
}

// standing is what a device as a whole has against beginning anything on it.
type standing struct {
	lane  *lane
	hold  *site.Hold
	dirty bool
}

func (d *decider) standing(l *lane) standing {
	_, dirty := d.s.Dirty[l.device]
	return standing{l, d.s.holdOn(l.device, d.now), dirty}
}

// holdOn is the hold of all devices or of this one, for now; nil when there is none.
func (s State) holdOn(device string, now time.Time) *site.Hold {
	for _, name := range []string{site.AllDevices, device} {
		if h, ok := s.Holds[name]; ok && now.Before(h.Until) {
			return &h
		}
	}
	return nil
}

// lane decides for the jobs of one device: its first unsettled job goes on, and those behind
// it are given up as soon as they cannot be done any more.
func (d *decider) lane(l *lane) {
	if l.first == len(l.jobs) {
		return
	}
	var b bundle
	var acting mate
	due := false
	if !l.busy {
		b = d.turnOf(l)
		if b[0].job.Bundle > 0 && d.conclude(b) {
			return
		}
		acting, due = b.acting()
	}
	var first *Job
	standing := d.standing(l)
	for i := l.first; i < len(l.jobs); i++ {
		j := &l.jobs[i]
		if j.Settled {
			continue
		}
		if j.patch < 0 {
			panic("internal error: job " + j.Patch + " is not in the plan")
		}
		p := &d.night.Plan.Patches[j.patch]
		switch {
		case j.Intent != nil:
			d.underWay(j)
		case !j.Begun() && d.givenUp(j, p, standing, first):
		case due && j == acting.job:
			d.goOn(b, acting)
		}
		if first == nil {
			first = j
		}
	}
}

// underWay looks at a step that runs: only a device that stays silent beyond the night is let go.
func (d *decider) underWay(j *Job) {
	end := d.night.Plan.Closes
	if j.Intent.At.After(end) { // a person asked for it
		end = j.Intent.At
	}
	end = end.Add(Grace)
	if j.State == site.NoAnswer && !d.now.Before(end) {
		d.settle(j, site.NoAnswer, j.Reason)
		return
	}
	d.wakeAt(end)
}

func (d *decider) settle(j *Job, to site.State, reason *site.Reason) {
	if j.Suspect != nil && reason != nil && !j.Begun() {
		to, reason = j.suspected(reason)
	}
	d.emit(Event{Kind: PatchSettled, Device: j.Device, Patch: j.Patch, To: to, Reason: reason})
}

// givenUp settles a job that has changed nothing yet and cannot or must not be begun any more.
// first is the unsettled job before it on the same device, nil when it is the first itself.
func (d *decider) givenUp(j *Job, p *site.Patch, on standing, first *Job) bool {
	if state, reason := d.forbidden(j, p, on); reason != nil {
		d.settle(j, state, reason)
		return true
	}
	last := d.last(j)
	if !d.now.After(last) {
		d.wakeAt(last.Add(time.Second))
		return false
	}
	switch {
	case unreached(j) != nil:
		d.settle(j, site.NoAnswer, unreached(j))
	case first != nil && unreached(first) != nil:
		d.settle(j, site.NoAnswer, unreached(first))
	case first != nil && first.Last != nil && unpowered(first.Last.Reason):
		d.settle(j, site.Skipped, first.Last.Reason)
	case j.putOff(d.now):
		d.settle(j, site.Skipped, j.Last.Reason)
	case first == nil && d.waiting(j) != nil && !d.slower(d.waiting(j), p):
		d.settle(j, site.Skipped, d.waiting(j))
	case !d.now.Before(d.night.Plan.Closes):
		d.settle(j, site.Skipped, site.Because(site.CodeWindowOver, "the maintenance window ended before its turn came"))
	default:
		d.settle(j, site.Skipped, d.noTime(j, p))
	}
	return true
}

// slower reports whether a job that waits for other devices fits no more only by what was learned:
// then that is why it is not done.
func (d *decider) slower(wait *site.Reason, p *site.Patch) bool {
	others := wait.Code == site.CodeWaiting || wait.Code == site.CodeGroupFloor
	return others && !d.now.Add(plan.Needs(*p)).After(d.night.Plan.Cutoff)
}

func (d *decider) noTime(j *Job, p *site.Patch) *site.Reason {
	return plan.NoTime(d.needs(j), d.night.Plan.Cutoff.Sub(d.now), d.s.Estimate(j.Device, *p).From)
}

// forbidden says what stands against beginning the job at all.
func (d *decider) forbidden(j *Job, p *site.Patch, on standing) (site.State, *site.Reason) {
	if h := on.hold; h != nil && d.s.Catalog.StoreHeld == nil {
		return site.Held, policy.HeldByPerson(*h)
	}
	if state, reason := d.s.Catalog.stopped(p.ID); reason != nil {
		return state, reason
	}
	if reason := d.excepted(j); reason != nil {
		return site.Held, reason
	}
	if on.dirty {
		return site.Skipped, site.Because(site.CodeDirty, j.Device+" was left without proof by an earlier patch", "earlier", d.s.Dirty[j.Device].String())
	}
	for _, patch := range d.night.layout.requires[j.patch] {
		if other := on.lane.job(patch); other != nil && other.Settled && other.State != site.Done {
			return site.Skipped, site.Because(site.CodeRequires, "it needs "+other.Patch+", which was not done tonight", "requires", other.Patch, "state", string(other.State))
		}
	}
	if state, reason := d.secondaryFailed(j); reason != nil {
		return state, reason
	}
	if state, reason := d.canaryFailed(j); reason != nil {
		return state, reason
	}
	return site.Skipped, d.s.quarantined(p)
}

// goOn begins the step that follows what has happened to the job so far.
func (d *decider) goOn(b bundle, m mate) {
	j := m.job
	switch {
	case m.turn.settle != "":
		d.settle(j, m.turn.settle, m.turn.reason)
		return
	case m.turn.delay:
		d.putOff(b, m)
		return
	case m.turn.notBefore.After(d.now):
		d.wakeAt(m.turn.notBefore)
		return
	case !j.Begun() && (d.s.Barred(d.now) != nil || d.s.taken(j.Device) != nil):
		return
	case m.turn.step == Install && !b.begun() && !d.mayBegin(b):
		return
	case m.turn.step == Install && j.Begun() && !d.fits(j):
		m.turn = back(*j, *m.patch)
	}
	if reason := d.tooLate(b, m.turn.step); reason != nil {
		m = b.newest()
		m.turn = back(*m.job, *m.patch)
		m.turn.reason = cmp.Or(m.turn.reason, reason)
	}
	if m.turn.settle != "" {
		d.settle(m.job, m.turn.settle, m.turn.reason)
		return
	}
	d.begin(b, m)
}

// mayBegin reports whether a device may be taken away for its next job or bundle. Gates that
// were asked too long ago are asked again first.
func (d *decider) mayBegin(b bundle) bool {
	for _, m := range b {
		if d.waiting(m.job) != nil {
			return false
		}
	}
	d.company.leave(d.number(b[0].job))
	for _, m := range b {
		if d.stale(m.job, m.patch) {
			m.turn = turn{step: Gate}
			d.begin(b, m)
			return false
		}
	}
	return true
}

// stale reports whether a gate was open so long ago that it has to be asked again: business
// may have begun while the job waited for others, or while nobody heard the answer, or while
// nobody knew the time.
func (d *decider) stale(j *Job, p *site.Patch) bool {
	gate := j.Ends[Gate]
	return d.s.gated(j.Device, *p) && (d.now.Sub(gate.At) > gateEvery || gate.At.After(gate.Deadline))
}

func (d *decider) fits(j *Job) bool {
	return !d.now.Add(d.needs(j)).After(d.night.Plan.Cutoff)
}

// needs is how long it may take until the device is in a known state again when the job is
// begun: itself with its rollback, and what its bundle has begun already.
func (d *decider) needs(j *Job) time.Duration { return d.pace(j).needs + d.owed(j) }

// last is when a job may be begun at the latest.
func (d *decider) last(j *Job) time.Time { return d.pace(j).last.Add(-d.owed(j)) }

func (d *decider) begin(b bundle, m mate) {
	j, step := m.job, m.turn.step
	attempt := j.Attempts[step] + 1
	e := Event{
		Kind: StepStarted, Device: j.Device, Patch: j.Patch, Step: step, Attempt: attempt, Reason: m.turn.reason,
		Work: WorkID(d.night.Plan.Night, j.Device, j.Patch, step, attempt), Deadline: d.now.Add(d.limit(j, d.s.Allowed(j.Device, *m.patch), step)),
	}
	if o, seen := d.s.Observed[j.Device]; seen {
		e.BootID = o.BootID
		if step == Install {
			e.Observed = &o
		}
	}
	if step == Revert && !j.Back && j.Bundle > 0 && (!m.own() || b.breaking() != nil) {
		e.Observed = b.before()
	}
	d.emit(e)
}
