package runner_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// oracle knows what must hold in every night, from what really happened on the devices.
// It shares no arithmetic with the rules that it watches.
type oracle struct {
	t       *testing.T
	devices *fake.Store

	mu      sync.Mutex
	state   run.State
	nights  int
	intents map[devices.WorkID]run.Event // announced steps, by their work
	before  map[string]fake.Truth        // what a device was like when a patch was about to be put on it
	bundled map[string]fake.Truth        // what it was like when the bundle of the patch was begun
	settled map[string]time.Time         // when nothing more happened to a job
}

func newOracle(t *testing.T, store *fake.Store) *oracle {
	return &oracle{
		t: t, devices: store, intents: map[devices.WorkID]run.Event{}, before: map[string]fake.Truth{}, bundled: map[string]fake.Truth{}, settled: map[string]time.Time{},
	}
}

// wrote looks at records as they reach the disk.
func (o *oracle) wrote(records []run.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range records {
		if r.Seq != o.state.Seq+1 {
			o.t.Errorf("record %d follows record %d", r.Seq, o.state.Seq)
		}
		job, _ := o.state.Job(r.Event.Device, r.Event.Patch)
		if r.Event.Kind == run.StepStarted {
			o.announced(r.Event, job)
		}
		o.state = run.Fold(o.state, r)
		if after, ok := o.state.Job(r.Event.Device, r.Event.Patch); ok && after.Settled && !job.Settled {
			o.ended(after, r.Event.At)
		}
		if r.Event.Kind == run.NightOpened {
			o.nights++
		}
	}
}

func key(device, patch string) string { return device + " " + patch }

// announced checks that a step may be begun.
func (o *oracle) announced(e run.Event, job run.Job) {
	if _, twice := o.intents[devices.WorkID(e.Work)]; twice {
		o.t.Errorf("%s is announced twice", e.Work)
	}
	if job.Intent != nil || job.Settled {
		o.t.Errorf("%s is announced while %s %s is %s and under way", e.Work, job.Device, job.Patch, job.State)
	}
	for _, other := range run.Recover(o.state) {
		if other.Device == e.Device {
			o.t.Errorf("%s is announced while %s is under way", e.Work, other.Intent.Work)
		}
	}
	o.intents[devices.WorkID(e.Work)] = e
	if e.Step != run.Install || job.Installs > 0 {
		return
	}
	o.before[key(e.Device, e.Patch)] = o.devices.Truth(e.Device)
	o.bundled[key(e.Device, e.Patch)] = o.devices.Truth(e.Device)
	for other := range o.state.Night.Jobs() {
		if other.Device == e.Device && other.Bundle == job.Bundle && job.Bundle > 0 && other.Begun() && !other.Settled {
			o.bundled[key(e.Device, e.Patch)] = o.bundled[key(e.Device, other.Patch)]
			break
		}
	}
	p, _ := o.state.Night.Plan.Patch(e.Patch)
	expected := o.state.Estimate(e.Device, p)
	if expected.Install < p.Duration.Install/2 || expected.Rollback < p.Duration.Rollback/2 {
		o.t.Errorf("%s of %s is expected to take no more than %+v", e.Patch, e.Device, expected)
	}
	takes := expected.Install + expected.Reboot + p.Duration.Verify + expected.Rollback
	if gate := job.Ends[run.Gate]; len(p.Gates) > 0 && (gate.Outcome != run.OK || e.At.Sub(gate.At) > time.Minute) {
		o.t.Errorf("%s of %s is begun at %s, and its gate was %s at %s", e.Patch, e.Device, e.At, gate.Outcome, gate.At)
	}
	if end := e.At.Add(takes.Std()); end.After(at(1, 0).Add(-reserve)) {
		o.t.Errorf("%s of %s is begun at %s and its rollback may last until %s", e.Patch, e.Device, e.At, end)
	}
}

// ended compares the end of a job with what is really on the device.
func (o *oracle) ended(job run.Job, when time.Time) {
	o.settled[key(job.Device, job.Patch)] = when
	p, _ := o.state.Night.Plan.Patch(job.Patch)
	truth := o.devices.Truth(job.Device)
	switch job.State {
	case site.Done:
		if truth.Applied[job.Patch] == "" || truth.Recorded[job.Patch] == "" || !truth.Up {
			o.t.Errorf("%s of %s is done, and on the device are %v", job.Patch, job.Device, truth.Applied)
		}
		for _, v := range p.Verify {
			if v.Service != "" && !truth.Services[v.Service] {
				o.t.Errorf("%s of %s is done, and %s does not run", job.Patch, job.Device, v.Service)
			}
		}
		proofs := slices.DeleteFunc(truth.Runs, func(r fake.Ran) bool {
			return r.Kind != devices.Verify || r.Patch != job.Patch || r.Phase != devices.PhaseDone || r.ExitCode != 0
		})
		if len(proofs) == 0 {
			o.t.Errorf("%s of %s is done without a proof", job.Patch, job.Device)
		}
	case site.RolledBack:
		was := o.before[key(job.Device, job.Patch)]
		if job.Bundle > 0 && job.Ends[run.Install].Outcome == run.OK {
			was = o.bundled[key(job.Device, job.Patch)]
		}
		same := maps.Equal(truth.Packages, was.Packages) && slices.Equal(truth.Broken, was.Broken) && maps.Equal(truth.Applied, was.Applied) &&
			maps.Equal(truth.Recorded, was.Recorded) && maps.Equal(truth.Services, was.Services)
		if !same {
			o.t.Errorf("%s of %s is rolled back; before\n%+v\nafter\n%+v", job.Patch, job.Device, was, truth)
		}
	case site.Skipped, site.Held:
		if n := truth.Count(devices.Install, job.Patch); n != 0 {
			o.t.Errorf("%s of %s is %s, and its installer ran %d times", job.Patch, job.Device, job.State, n)
		}
	}
	if job.State != site.Done && job.State != site.RolledBack && job.Reason == nil {
		o.t.Errorf("%s of %s is %s without a reason", job.Patch, job.Device, job.State)
	}
}

// effect checks that what is about to be done to a device was announced on disk.
func (o *oracle) effect(c fake.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.Op == fake.OpStage {
		announced := slices.ContainsFunc(run.Recover(o.state), func(j run.Job) bool { return j.Device == c.Device && j.Intent.Step == run.Stage })
		if !announced && c.When == fake.Before {
			o.t.Errorf("%s without an announcement", c)
		}
		return
	}
	intent, announced := o.intents[c.Work]
	switch {
	case !announced:
		o.t.Errorf("%s without an announcement", c)
	case c.When == fake.Before && c.Op == fake.OpStart && time.Now().After(intent.Deadline):
		o.t.Errorf("%s after its deadline %s", c, intent.Deadline)
	}
}

// final checks the whole night when it is over.
func (o *oracle) final() {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.state.Night
	if n == nil || n.Open() || o.nights != 1 {
		o.t.Fatalf("%d nights were opened, and the last is not closed", o.nights)
	}
	for j := range n.Jobs() {
		explicit := j.State.Final() || j.State == site.Failed || j.State == site.NoAnswer
		if !j.Settled || !explicit || j.Intent != nil {
			o.t.Errorf("%s of %s ends the night as %s, settled %v", j.Patch, j.Device, j.State, j.Settled)
		}
	}
	for _, id := range o.devices.Devices() {
		truth := o.devices.Truth(id)
		if truth.Overlap > 1 {
			o.t.Errorf("%d bodies ran at once on %s", truth.Overlap, id)
		}
		for _, ran := range truth.Runs {
			if times := truth.CountWork(ran.Work); times != 1 {
				o.t.Errorf("%s ran %d times on %s", ran.Work, times, id)
			}
			if _, announced := o.intents[ran.Work]; !announced {
				o.t.Errorf("%s ran on %s without an announcement", ran.Work, id)
			}
		}
		for _, p := range n.Plan.Patches {
			job, _ := o.state.Job(id, p.ID)
			halvings := 0
			if job.Suspect != nil {
				halvings = 2 // of three or four patches
			}
			if installs := truth.Count(devices.Install, p.ID); installs > 2+halvings {
				o.t.Errorf("%s was installed %d times on %s", p.ID, installs, id)
			}
			if reverts := truth.Count(devices.Revert, p.ID); reverts > 1+halvings {
				o.t.Errorf("%s was taken back %d times on %s", p.ID, reverts, id)
			}
		}
	}
	o.company()
}

// stay is how long a job really kept its device from work.
type stay struct {
	device, patch string
	from, to      time.Time
}

// stays are taken from the log of the devices: from the first installer to the end of the job,
// or for ever where the device was left unproven.
func (o *oracle) stays() []stay {
	var stays []stay
	for _, e := range o.devices.Log() {
		first := !slices.ContainsFunc(stays, func(s stay) bool { return s.device == e.Device && s.patch == e.Patch })
		if e.What != fake.WorkBegan || e.Text != string(devices.Install) || !first {
			continue
		}
		s := stay{e.Device, e.Patch, e.At, at(12, 0).AddDate(1, 0, 0)}
		if job, _ := o.state.Job(e.Device, e.Patch); job.State == site.Done || job.State == site.RolledBack {
			s.to = o.settled[key(e.Device, e.Patch)]
		}
		stays = append(stays, s)
	}
	return stays
}

// company checks what devices owe each other: limits, canaries and the order of groups.
func (o *oracle) company() {
	members := map[string][]string{}
	for _, m := range machines() {
		members[m.group] = append(members[m.group], m.id)
	}
	spare := map[string]int{"back": 99, "lanes": len(members["lanes"]) - 2, "": 99}
	stays := o.stays()
	for _, s := range stays {
		for group, devices := range members {
			away := map[string]bool{}
			for _, other := range stays {
				if slices.Contains(devices, other.device) && !other.from.After(s.from) && other.to.After(s.from) {
					away[other.device] = true
				}
			}
			if len(away) > spare[group] {
				o.t.Errorf("at %s %v of group %s are away", s.from, slices.Sorted(maps.Keys(away)), group)
			}
		}
		if !slices.Contains(members["lanes"], s.device) {
			continue
		}
		for _, other := range stays {
			if slices.Contains(members["back"], other.device) && !o.settled[key(other.device, other.patch)].Before(s.from) {
				o.t.Errorf("%s is begun on %s before %s is over on %s", s.patch, s.device, other.patch, other.device)
			}
		}
		if s.device != "till-1" && !o.settled[key("till-1", s.patch)].Before(s.from) {
			o.t.Errorf("%s is begun on %s before it is proven on the first of the lanes", s.patch, s.device)
		}
	}
}
