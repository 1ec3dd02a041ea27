package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// world is a store with its devices and its journal. Both outlive the box, which can
// crash and be started again.
type world struct {
	t       *testing.T
	devices *fake.Store
	journal *memory
	facts   policy.Facts
	oracle  *oracle
	plan    crashes
	beats   int          // turns of the loop of all boxes
	ahead   atomic.Int64 // how far the wall clock of the box is ahead
	pending atomic.Int32 // calls to devices that have not returned

	mu      sync.Mutex
	ledger  *ledger.Ledger // of the box that runs
	cancel  context.CancelFunc
	dead    bool          // the box crashed
	fired   int           // crashes so far
	calls   int           // calls with an effect so far
	stopped chan struct{} // the box has ended
}

// crash is one moment at which the box loses its power. Exactly one of append and call is set.
type crash struct {
	append int           // at this append to the journal
	keep   bool          // the records of that append are on disk
	call   int           // at this moment before or after a call with an effect
	pause  time.Duration // how long the power is away
}

// String returns the crash for the name of a test.
func (c crash) String() string {
	switch {
	case c.call > 0:
		return fmt.Sprintf("call %d, %s", c.call, c.pause)
	case c.keep:
		return fmt.Sprintf("append %d on disk, %s", c.append, c.pause)
	}
	return fmt.Sprintf("append %d lost, %s", c.append, c.pause)
}

type crashes []crash

// night plays one night in a bubble of its own: haunted as told, with crashes.
func night(t *testing.T, haunted func(*fake.Store), plan crashes, play func(w *world)) {
	t.Helper()
	nightOf(t, furnish, haunted, plan, play)
}

// nightOf plays one night of another store.
func nightOf(t *testing.T, furnish func(*fake.Store) policy.Facts, haunted func(*fake.Store), plan crashes, play func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, devices: fake.NewStore(fake.Options{Seed: 42, Skew: time.Millisecond}), plan: plan}
		w.facts = furnish(w.devices)
		haunted(w.devices)
		w.oracle = newOracle(t, w.devices)
		w.journal = &memory{fate: w.fate, crash: w.die, dead: w.isDead, wrote: w.oracle.wrote}
		w.devices.Hook = w.hook
		pass(time.Until(at(22, 59)))
		play(w)
		w.oracle.final()
		if t.Failed() {
			w.tell()
		}
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

func (w *world) fate(call int) fate {
	for _, c := range w.plan {
		switch {
		case c.append != call:
		case c.keep:
			return unheard
		default:
			return lost
		}
	}
	return kept
}

// hook counts the moments around effects, and checks that every effect was announced.
func (w *world) hook(c fake.Call) error {
	w.mu.Lock()
	if w.dead {
		w.mu.Unlock()
		return errCrash
	}
	w.calls++
	n := w.calls
	w.mu.Unlock()
	w.oracle.effect(c)
	for _, planned := range w.plan {
		if planned.call == n {
			w.die()
			return errCrash
		}
	}
	return nil
}

func (w *world) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	w.fired++
	w.cancel()
}

func (w *world) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// boot starts a box on what is on disk and on the devices.
func (w *world) boot() {
	w.t.Helper()
	opened, err := ledger.Open(w.journal)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	r := runner.New(runner.Options{
		Ledger: opened, Devices: &counted{Driver: w.devices, calls: &w.pending}, Artifacts: weightless{},
		Facts:    func(context.Context) policy.Facts { return w.facts },
		Calendar: func() window.Calendar { return w.facts.Store.Calendar },
		Device:   w.facts.Store.Device,
		Owner:    "box", Log: slog.New(slog.DiscardHandler), Beat: w.beat, Now: w.wall,
	})
	w.mu.Lock()
	w.ledger, w.cancel, w.dead, w.stopped = opened, cancel, false, make(chan struct{})
	stopped := w.stopped
	w.mu.Unlock()
	go func() {
		defer close(stopped)
		if err := r.Run(ctx); err != nil {
			w.t.Errorf("the runner ended with %v", err)
		}
		if n := w.pending.Load(); n != 0 {
			w.t.Errorf("the runner ended and left %d calls to devices behind", n)
		}
	}()
}

// wall is what the clock on the wall of the box shows.
func (w *world) wall() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beats++
}

// add writes an event of somebody else to the journal of the box that runs.
func (w *world) add(e run.Event) {
	w.t.Helper()
	e.At = time.Now()
	if err := w.ledger.Add(e); err != nil {
		w.t.Error(err)
	}
}

// job is how a job stands now.
func (w *world) job(device, patch string) run.Job {
	w.t.Helper()
	job, ok := w.ledger.State().Job(device, patch)
	if !ok {
		w.t.Fatalf("there is no job %s of %s", patch, device)
	}
	return job
}

// told reports whether the journal has an event of a device, named "device kind".
func (w *world) told(of string) bool {
	return slices.ContainsFunc(w.journal.lines, func(line []byte) bool {
		e := decode(line).Event
		return e.Device+" "+string(e.Kind) == of
	})
}

// rest runs the box to the end of the night and stops it.
func (w *world) rest() {
	w.t.Helper()
	w.until(at(1, 45))
	w.halt()
}

// halt stops the box and returns how long that took.
func (w *world) halt() time.Duration {
	begin := time.Now()
	w.cancel()
	<-w.stopped
	return time.Since(begin)
}

// until runs the box until a moment, and starts it again after every crash.
func (w *world) until(end time.Time) {
	w.t.Helper()
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-w.stopped:
			if !w.isDead() {
				w.t.Fatal("the runner ended by itself")
			}
			pass(w.pause())
			w.boot()
		}
	}
}

// pause is how long the power is away after the newest crash.
func (w *world) pause() time.Duration {
	if w.fired <= len(w.plan) {
		return w.plan[w.fired-1].pause
	}
	return 0
}

// whole runs the night from before its window to long after it.
func (w *world) whole() {
	w.t.Helper()
	w.boot()
	w.rest()
}

// ends is how each job stands.
func (w *world) ends() map[string]site.State {
	ends := map[string]site.State{}
	if n := w.oracle.state.Night; n != nil {
		for j := range n.Jobs() {
			ends[j.Device+" "+j.Patch] = j.State
		}
	}
	return ends
}

// compare reports every job that does not stand as wanted.
func (w *world) compare(want map[string]site.State) {
	w.t.Helper()
	got := w.ends()
	for job, state := range want {
		if got[job] != state {
			w.t.Errorf("%s is %q, want %q", job, got[job], state)
		}
	}
	if len(got) != len(want) {
		w.t.Errorf("%d jobs, want %d", len(got), len(want))
	}
}

// tell prints the journal for the reader of a failed test.
func (w *world) tell() {
	for _, line := range w.journal.lines {
		e := decode(line).Event
		text := fmt.Sprintf("%s %s %s %s %s #%d %s %s->%s", e.At.Format("15:04:05.000"), e.Kind, e.Device, e.Patch, e.Step, e.Attempt, e.Outcome, e.From, e.To)
		if e.Reason != nil {
			text += ": " + e.Reason.Text
		}
		w.t.Log(text)
	}
}

// trace is the whole night, as journalled and as it really was.
func (w *world) trace() string {
	out := ""
	for _, line := range w.journal.lines {
		out += string(line) + "\n"
	}
	for _, e := range w.devices.Log() {
		out += e.String() + "\n"
	}
	return out
}
