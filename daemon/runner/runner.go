// Package runner carries out what site/run decides: it writes each intent to the
// journal, acts through the devices' drivers, and writes the outcome. It chooses
// nothing by itself, and it may be killed at any instant.
package runner

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

const (
	lookAgain  = 10 * time.Second // at the latest: timers stand still while the box sleeps
	retryWrite = 5 * time.Second  // after the journal could not be written
	lazily     = time.Second      // how long a confirmation may wait for the next commit
)

// Options are what a Runner works with.
type Options struct {
	Ledger    *ledger.Ledger
	Devices   devices.Driver
	Artifacts Artifacts
	Facts     func(ctx context.Context) policy.Facts // for a night that opens now, without inventory, holds and time
	Calendar  func() window.Calendar
	Device    func(id string) (site.Device, bool) // with its pinned host key
	Owner     string                              // who holds the devices' locks: one name per box
	Log       *slog.Logger
	Prepared  <-chan struct{}      // closed when a night may be planned: the catalog was looked for; nil = at once
	Beat      func()               // called whenever the loop has made progress, from any goroutine; may be nil
	BeatEvery time.Duration        // how often at least; 0 = as it comes
	Seen      func(site.Inventory) // told what a look at devices saw; may be nil
	// Now is the wall clock, by which windows open and records are dated; nil = time.Now. What
	// is under way keeps its deadlines by the monotonic clock of the process, wherever this one jumps.
	Now func() time.Time
}

// Runner runs the nights of one store.
type Runner struct {
	Options
	results chan run.Event
	pending []run.Event // reported by workers, not on disk yet
	since   time.Time   // of the oldest pending event
	workers sync.WaitGroup
	cancels map[string]worker
	looked  sight // what the newest plan, or attempt at one, went by
	quiet   quiet

	seen       chan site.Inventory // what a look around saw
	around     bool                // one is under way
	nextAround time.Time           // the next one is not before, by the monotonic clock
}

// worker is a step under way on this box.
type worker struct {
	patch, work string
	cancel      context.CancelFunc
}

// quiet is when the rules were asked last and had nothing to say: until the state is another one,
// or wake, they have nothing to say again.
type quiet struct {
	seq      uint64
	at, wake time.Time // a zero at: they had something to say, or were not heard
}

func (q quiet) still(s run.State, now time.Time) bool {
	return !q.at.IsZero() && q.seq == s.Seq && !now.Before(q.at) && (q.wake.IsZero() || now.Before(q.wake))
}

// New makes a Runner. It starts nothing.
func New(o Options) *Runner {
	if o.Beat == nil {
		o.Beat = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seen == nil {
		o.Seen = func(site.Inventory) {}
	}
	if o.Prepared == nil {
		ready := make(chan struct{})
		close(ready)
		o.Prepared = ready
	}
	return &Runner{Options: o, results: make(chan run.Event), cancels: map[string]worker{}, seen: make(chan site.Inventory)}
}

// Run runs nights until ctx ends. Steps under way go on by themselves on their devices;
// the next Run takes them up again.
func (r *Runner) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.workers.Wait()
	defer cancel()
	for _, job := range run.Recover(r.Ledger.State()) {
		r.Log.Info("taking up a step again", "device", job.Device, "patch", job.Patch, "step", job.Intent.Step)
		r.launch(ctx, job, false)
	}
	for ctx.Err() == nil {
		changed := r.Ledger.Changed()
		r.open(ctx)
		r.extend(ctx)
		wake := r.turn(ctx)
		r.attend(ctx)
		r.Beat()
		r.wait(ctx, changed, wake)
	}
	return nil
}

// wait returns when there may be something to do.
func (r *Runner) wait(ctx context.Context, changed <-chan struct{}, wake time.Time) {
	pause := lookAgain
	if r.BeatEvery > 0 {
		pause = min(pause, r.BeatEvery)
	}
	if !wake.IsZero() {
		pause = max(0, min(pause, wake.Sub(r.Now())))
	}
	if len(r.pending) > 0 {
		pause = min(pause, lazily)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	prepared := r.Prepared
	if r.mayPlan() {
		prepared = nil
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-prepared:
	case <-timer.C:
	case e := <-r.results:
		r.hear(e)
	case seen := <-r.seen:
		r.attended(seen)
	}
}

func (r *Runner) mayPlan() bool {
	select {
	case <-r.Prepared:
		return true
	default:
		return false
	}
}

// hear takes a worker's report and all others that are ready.
func (r *Runner) hear(e run.Event) {
	for {
		if len(r.pending) == 0 {
			r.since = time.Now()
		}
		r.pending = append(r.pending, e)
		select {
		case e = <-r.results:
		default:
			return
		}
	}
}

// turn commits what the workers reported together with what is decided from it, and
// launches what was decided, until there is nothing more to do now. A zero time means
// that nothing is due by the clock.
func (r *Runner) turn(ctx context.Context) time.Time {
	if len(r.pending) == 0 && r.quiet.still(r.Ledger.State(), r.Now()) {
		return r.quiet.wake
	}
	for {
		var wake time.Time
		lazy := false
		r.quiet = quiet{}
		records, err := r.Ledger.Commit(func(s run.State) []run.Event {
			now := r.Now()
			r.quiet.seq, r.quiet.at = s.Seq, now
			reported := slices.DeleteFunc(slices.Clone(r.pending), func(e run.Event) bool { return outdated(s, e) })
			var next []run.Event
			next, wake = run.Next(run.Foresee(s, reported...), now)
			lazy = len(next) == 0 && time.Since(r.since) < lazily && !slices.ContainsFunc(reported, func(e run.Event) bool { return e.Kind != run.StepClaimed })
			if lazy {
				return nil
			}
			return append(reported, next...)
		})
		if err != nil {
			r.quiet = quiet{}
			r.Log.Error("nothing new is begun until the journal can be written", "err", err)
			return r.Now().Add(retryWrite)
		}
		if !lazy {
			r.pending = nil
		}
		if len(records) == 0 {
			r.quiet.wake = wake
			return wake
		}
		r.act(ctx, records)
	}
}

// outdated reports whether an event speaks of a step that is not under way any more.
func outdated(s run.State, e run.Event) bool {
	job, ok := s.Job(e.Device, e.Patch)
	return !ok || job.Intent == nil || job.Intent.Work != e.Work
}

// act carries out the intents among records that are on disk now, and ends the workers of
// steps that were given up.
func (r *Runner) act(ctx context.Context, records []run.Record) {
	state := r.Ledger.State()
	for _, record := range records {
		e := record.Event
		r.log(e)
		if job, ok := state.Job(e.Device, e.Patch); ok && e.Kind == run.StepStarted && job.Intent != nil && job.Intent.Work == e.Work {
			r.launch(ctx, job, true)
		}
	}
	r.dismiss(state)
}

// dismiss ends the workers whose steps were given up.
func (r *Runner) dismiss(s run.State) {
	for device, w := range r.cancels {
		if job, ok := s.Job(device, w.patch); !ok || job.Intent == nil || job.Intent.Work != w.work {
			w.cancel()
			delete(r.cancels, device)
		}
	}
}

func (r *Runner) log(e run.Event) {
	var attrs []any
	for _, a := range [][2]string{{"device", e.Device}, {"patch", e.Patch}, {"step", string(e.Step)}} {
		if a[1] != "" {
			attrs = append(attrs, a[0], a[1])
		}
	}
	switch e.Kind {
	case run.StepEnded:
		attrs = append(attrs, "outcome", e.Outcome, "took", e.Took.Std().Round(time.Millisecond))
	case run.PatchSettled:
		attrs = append(attrs, "to", e.To)
	case run.NightOpened, run.NightExtended, run.NightClosed:
		attrs = []any{"night", e.Night.String(), "summary", e.Text}
	case run.StepClaimed, run.DeviceObserved:
		return
	}
	if e.Reason != nil {
		attrs = append(attrs, "reason", e.Reason.String())
	}
	r.Log.Info(string(e.Kind), attrs...)
}

// launch starts the worker of a job's intent. There is at most one a device.
func (r *Runner) launch(ctx context.Context, job run.Job, fresh bool) {
	device, known := r.Device(job.Device)
	patch, planned := r.Ledger.State().Night.Plan.Patch(job.Patch)
	if !known || !planned {
		// The store file lost the device in the middle of a night: nothing can be asked of it
		// any more, and the night's end settles it as not answering.
		r.Log.Error("the device of a step under way is not in the store file any more", "device", job.Device, "patch", job.Patch)
		device = site.Device{ID: job.Device}
	}
	ctx, cancel := context.WithCancel(ctx)
	r.cancels[job.Device] = worker{job.Patch, job.Intent.Work, cancel}
	step := &step{
		Options: &r.Options, device: device, patch: patch, job: job, intent: *job.Intent, fresh: fresh,
		log: r.Log.With("device", job.Device, "patch", job.Patch, "step", job.Intent.Step),
	}
	step.say = func(e run.Event) {
		select {
		case r.results <- e:
		case <-ctx.Done():
		}
	}
	r.workers.Go(func() {
		defer cancel()
		step.carryOut(ctx)
	})
}
