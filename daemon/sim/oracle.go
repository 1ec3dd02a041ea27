package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// oracle knows what must hold in every night, from the scene as it was drawn and from what
// really happened on the devices. It shares no arithmetic with the rules that it watches.
type oracle struct {
	scene   Scene
	devices *fake.Store

	mu       sync.Mutex
	breaches []string
	seq      uint64
	nights   map[string]bool // nights that were opened, by their date
	night    span            // the window of the one that is played
	number   int             // which one it is
	since    time.Time       // when it was begun to be played
	opened   bool
	closed   bool
	dirty    map[string]bool              // devices that were left without proof, in any night
	kept     map[string]bool              // patches in quarantine
	bundles  int                          // how many there were
	unsure   bool                         // the journal says that the clock is not trusted
	ends     map[site.State]int           // how jobs ended, of all nights
	intents  map[devices.WorkID]run.Event // announced steps
	jobs     map[pair]*job
	order    []pair          // of jobs, as the plan names them
	down     map[string]bool // did not answer when the plan was made
	outcomes map[string]int  // of steps: "install timed_out" -> how often
	pace     pace
	left     map[pair]bool // named by the report as left out; a pair without a patch is a whole device
}

// job is a patch on a device as the journal tells of it.
type job struct {
	pair
	state    site.State
	intent   *run.Event // begun and not ended
	begun    bool       // its installation was announced
	installs int        // how often the device had taken it before that
	since    time.Time  // when
	silent   bool       // the device does not answer while a step runs
	missed   bool       // the device did not answer when the newest step was begun
	putOff   bool       // the device refused it for a reason that may pass, and another attempt is ahead
	missing  int        // steps in turn that it did not take
	settled  bool
	bundle   int       // its number, which no other bundle of the store has; 0 = by itself
	splits   int       // how often its bundle was taken back and halved
	at       time.Time // when it was settled
	reason   *site.Reason
	before   fake.Truth // the device when the patch was about to be put on it
	proved   bool       // a verification ended well
	reverted bool
}

func newOracle(scene Scene, store *fake.Store) *oracle {
	return &oracle{
		scene: scene, devices: store, intents: map[devices.WorkID]run.Event{}, jobs: map[pair]*job{},
		outcomes: map[string]int{}, nights: map[string]bool{}, dirty: map[string]bool{}, kept: map[string]bool{}, ends: map[site.State]int{}, pace: pace{},
	}
}

// begin makes the oracle ready for a night. What was announced before stays announced.
func (o *oracle) begin(night span, number int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.night, o.number, o.since, o.opened, o.closed = night, number, time.Now().Round(0), false, false
	o.jobs, o.order, o.down, o.left = map[pair]*job{}, nil, map[string]bool{}, map[pair]bool{}
}

// truth is what a device is really like, with what ran there since the night is played.
func (o *oracle) truth(device string) fake.Truth {
	truth := o.devices.Truth(device)
	truth.Runs = slices.DeleteFunc(truth.Runs, func(ran fake.Ran) bool { return ran.Began.Before(o.since) })
	return truth
}

// breach notes that something does not hold. The first words name the invariant.
func (o *oracle) breach(invariant, format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(invariant, format, args...)
}

func (o *oracle) note(invariant, format string, args ...any) {
	if len(o.breaches) < 20 {
		o.breaches = append(o.breaches, moment(time.Now())+" "+invariant+": "+fmt.Sprintf(format, args...))
	}
}

// open reports whether the night is not over.
func (o *oracle) open() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.closed
}

// wrote looks at records as they reach the disk.
func (o *oracle) wrote(records []run.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range records {
		if r.Seq != o.seq+1 {
			o.note("journal", "record %d follows record %d", r.Seq, o.seq)
		}
		o.seq = r.Seq
		o.follow(r.Event)
	}
}

func (o *oracle) follow(e run.Event) {
	shown := e.At
	e.At = o.scene.truly(shown, time.Now())
	if !e.Deadline.IsZero() {
		e.Deadline = e.Deadline.Add(e.At.Sub(shown))
	}
	o.byTheClock(e, shown)
	switch e.Kind {
	case run.ClockChanged:
		o.unsure = e.Reason != nil
	case run.NightOpened, run.NightExtended:
		o.planned(e)
	case run.NightClosed:
		o.closed = true
	case run.BundleSplit:
		o.split(e)
	case run.PatchQuarantined:
		o.kept[e.Patch] = true
	case run.HoldReleased:
		delete(o.kept, e.Patch)
	case run.StepStarted, run.StepEnded, run.PatchSettled, run.PatchDelayed, run.DeviceSilent, run.DeviceAnswered:
		if e.Patch == "" { // of the device as a whole
			o.down[e.Device] = e.Kind == run.DeviceSilent
			return
		}
		j := o.jobs[pair{e.Device, e.Patch}]
		if j == nil {
			o.note("plan", "%s of %s %s, which is in no plan", e.Kind, e.Patch, e.Device)
			return
		}
		o.happened(j, e)
	}
}

// planned takes what a plan names.
func (o *oracle) planned(e run.Event) {
	if e.Kind == run.NightOpened {
		if o.nights[e.Night.String()] {
			o.note("one night", "the night of %s is opened for the second time", e.Night)
		}
		o.nights[e.Night.String()], o.opened = true, true
		o.within("the night", e.At)
	}
	o.closed = false
	if e.Kind == run.NightOpened {
		o.pace.forget(e.Plan.Forgets)
	}
	for _, m := range e.Plan.Members {
		o.down[m.Device] = m.Down
	}
	for _, lane := range e.Plan.Lanes {
		numbers := map[int]int{0: 0}
		for _, planned := range lane.Jobs {
			if _, known := numbers[planned.Bundle]; !known {
				o.bundles++
				numbers[planned.Bundle] = o.bundles
			}
			key := pair{lane.Device, planned.Patch}
			if o.jobs[key] == nil {
				o.order = append(o.order, key)
			}
			o.jobs[key] = &job{pair: key, state: site.Queued, bundle: numbers[planned.Bundle]}
		}
	}
	for _, l := range e.Report {
		o.left[pair{l.Device, l.Patch}] = true
		if l.Reason == nil {
			o.note("explicit", "%s is left out on %s without a reason", l.Patch, l.Device)
		}
	}
}

func (o *oracle) within(what string, at time.Time) {
	if at.Before(o.night.opens) || !at.Before(o.night.closes) {
		o.note("window", "%s is begun at %s, outside of the window", what, moment(at))
	}
}

// byTheClock checks that nothing is begun while the clock is not trusted, or shows a time outside of the window.
func (o *oracle) byTheClock(e run.Event, shown time.Time) {
	begins := e.Kind == run.NightOpened || e.Kind == run.NightExtended
	if e.Kind == run.StepStarted {
		j := o.jobs[pair{e.Device, e.Patch}]
		begins = j != nil && !j.begun && (e.Step == run.Stage || e.Step == run.Gate || e.Step == run.Install)
	}
	switch {
	case !begins:
	case o.unsure:
		o.note("clock", "%s %s %s %s while the clock is not trusted", e.Kind, e.Step, e.Patch, e.Device)
	case shown.Before(o.night.opens) || !shown.Before(o.night.closes):
		o.note("clock", "%s %s %s %s when the clock shows %s", e.Kind, e.Step, e.Patch, e.Device, moment(shown))
	}
}

// happened makes of a job what an event says.
func (o *oracle) happened(j *job, e run.Event) {
	if j.settled {
		o.note("settled", "%s %s of %s %s after it was settled as %s", e.Kind, e.Step, e.Patch, e.Device, j.state)
	}
	switch e.Kind {
	case run.StepStarted:
		o.announced(j, e)
	case run.DeviceSilent:
		j.silent = true
	case run.DeviceAnswered:
		j.silent = false
	case run.StepEnded:
		o.stepEnded(j, e)
	case run.PatchDelayed:
		if j.putOff, j.reason = true, e.Reason; j.begun || !e.Again.After(e.At.Add(-time.Second)) {
			o.note("put off", "%s of %s is put off at %s until %s; begun %v", e.Patch, e.Device, moment(e.At), moment(e.Again), j.begun)
		}
	case run.PatchSettled:
		j.reason = e.Reason
		o.settle(j, e.To, e.At)
	}
}

func (o *oracle) model(device string) string {
	d, _ := o.scene.Store.Device(device)
	return d.ModelOrClass()
}

func (o *oracle) stepEnded(j *job, e run.Event) {
	o.outcomes[string(e.Step)+" "+string(e.Outcome)]++
	o.pace.saw(o.model(e.Device), e)
	if j.intent == nil || j.intent.Work != e.Work {
		o.note("intent", "%s of %s %s ends and was not under way", e.Step, e.Patch, e.Device)
	}
	j.intent, j.silent, j.putOff = nil, false, false
	j.missed = e.Step == run.Stage && e.Outcome == run.Unreached // another step tells so only when the device answers
	if j.missing++; !j.missed {
		j.missing = 0
	}
	if e.Outcome == run.OK || e.Step != run.Stage && e.Outcome != run.Unreached && e.Outcome != run.Refused {
		o.down[e.Device] = false // the device itself said how it ended
	}
	if e.Reason != nil {
		j.reason = e.Reason
	}
	if e.Step == run.Install && o.truth(e.Device).Count(devices.Install, e.Patch) == j.installs {
		j.begun = false // the device did not take it
	}
	j.proved = j.proved || e.Step == run.Verify && e.Outcome == run.OK
	switch e.To {
	case site.RolledBack:
		if j.state = e.To; j.bundle == 0 {
			o.settle(j, e.To, e.At)
		}
	case site.Done, site.RollbackFailed:
		o.settle(j, e.To, e.At)
	}
}

func (o *oracle) settle(j *job, to site.State, at time.Time) {
	j.state, j.settled, j.at, j.intent = to, true, at, nil
	switch {
	case to == site.Done && !j.proved:
		o.note("proof", "%s of %s is done, and no verification ended well", j.patch, j.device)
	case to != site.Done && to != site.RolledBack && j.reason == nil:
		o.note("explicit", "%s of %s is %s without a reason", j.patch, j.device, to)
	}
	if to == site.RollbackFailed || to == site.Failed && j.begun {
		o.dirty[j.device] = true
	}
	o.compare(j)
}

// announced checks that a step may be begun.
func (o *oracle) announced(j *job, e run.Event) {
	if _, twice := o.intents[devices.WorkID(e.Work)]; twice {
		o.note("once", "%s is announced twice", e.Work)
	}
	for _, other := range o.jobs {
		if other.device == e.Device && other.intent != nil {
			o.note("one at a time", "%s is announced while %s is under way", e.Work, other.intent.Work)
		}
	}
	intent := e
	o.intents[devices.WorkID(e.Work)], j.intent = e, &intent
	switch e.Step {
	case run.Install:
		o.mayInstall(j, e)
	case run.Revert:
		if !j.begun || j.proved && j.bundle == 0 {
			o.note("rollback", "%s of %s is taken back; begun %v, proven %v", e.Patch, e.Device, j.begun, j.proved)
		}
		j.reverted = true
	case run.Stage, run.Gate:
		o.within(string(e.Step)+" of "+e.Patch+" on "+e.Device, e.At)
	}
}

// mayInstall checks everything that has to hold when a device is changed.
func (o *oracle) mayInstall(j *job, e run.Event) {
	p := o.scene.patch(e.Patch)
	o.within("the installation of "+e.Patch+" on "+e.Device, e.At)
	cutoff := o.night.closes.Add(-o.scene.Store.Calendar.Reserve)
	if end := e.At.Add(o.pace.least(o.model(e.Device), p) + o.owed(j)); end.After(cutoff) {
		o.note("last safe start", "%s of %s is begun at %s and may last with its rollback until %s", e.Patch, e.Device, moment(e.At), moment(end))
	}
	if j.begun {
		return
	}
	if o.kept[e.Patch] {
		o.note("quarantine", "%s is begun on %s, and proved itself guilty before", e.Patch, e.Device)
	}
	if o.dirty[e.Device] {
		o.note("dirty", "%s is begun on %s, which was left without proof", e.Patch, e.Device)
	}
	truth := o.truth(e.Device)
	o.gateWasOpen(p, truth, e)
	o.company(j)
	for _, id := range p.Requires {
		if first := o.jobs[pair{e.Device, id}]; first != nil && first.state != site.Done && !(first.begun && first.bundle == j.bundle && j.bundle > 0) {
			o.note("requires", "%s is begun on %s and needs %s, which is %s", e.Patch, e.Device, id, first.state)
		}
	}
	j.begun, j.since, j.before, j.installs = true, e.At, truth, truth.Count(devices.Install, e.Patch)
}

// freshGate is how old the answer of a gate may be when the installation is announced: the
// minute that its question may take, and a minute until it counts as old.
const freshGate = 2*time.Minute + 5*time.Second

func (o *oracle) gateWasOpen(p site.Patch, truth fake.Truth, e run.Event) {
	if len(p.Gates) == 0 {
		return
	}
	for _, ran := range slices.Backward(truth.Runs) {
		if ran.Kind != devices.Gate || ran.Patch != p.ID {
			continue
		}
		if ran.Phase != devices.PhaseDone || ran.ExitCode != 0 || e.At.Sub(ran.Ended) > freshGate {
			o.note("gate", "%s of %s is begun at %s, and its gate ended %s with %d at %s", p.ID, e.Device, moment(e.At), ran.Phase, ran.ExitCode, moment(ran.Ended))
		}
		return
	}
	o.note("gate", "%s of %s is begun and its gate was never asked", p.ID, e.Device)
}

// effect checks that what is about to be done to a device was announced on disk.
func (o *oracle) effect(c fake.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.When != fake.Before {
		return
	}
	if c.Op == fake.OpStage {
		for _, j := range o.jobs {
			if j.device == c.Device && j.intent != nil && j.intent.Step == run.Stage {
				return
			}
		}
		o.note("intent", "%s without an announcement", c)
		return
	}
	intent, announced := o.intents[announcedAs(c.Work)]
	switch {
	case !announced:
		o.note("intent", "%s without an announcement", c)
	case c.Op == fake.OpStart && c.Kind == devices.Install && !time.Now().Before(o.night.closes):
		o.note("window", "%s after the window", c)
	case c.Op == fake.OpStart && time.Now().After(intent.Deadline):
		o.note("deadline", "%s after its deadline %s", c, moment(intent.Deadline))
	}
}

// announcedAs is the work that the journal knows: a driver may have put a name of its own behind it.
func announcedAs(id devices.WorkID) devices.WorkID {
	base, _, _ := strings.Cut(string(id), ".")
	return devices.WorkID(base)
}
