package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// errLost is what a call returns that did its work and whose answer was lost.
var errLost = errors.New("the connection broke before the answer came")

// world is a store with its devices and its journal, which outlive the box, and the box.
type world struct {
	scene   Scene
	mutant  Mutant
	devices *fake.Store
	journal *memory
	oracle  *oracle
	facts   policy.Facts
	ctx     context.Context // of the bubble
	night   int             // which one is played
	version int64           // of the catalog
	actions []action        // what befalls the box by the clock, in the order of time
	felt    map[string]int

	mu      sync.Mutex
	ledger  *ledger.Ledger // of the box that runs
	cancel  context.CancelFunc
	dead    bool
	pause   time.Duration // how long the power is away after the newest crash
	calls   int
	stopped chan struct{}
}

// action is something that befalls the box at a moment. It reports whether it is done with.
type action struct {
	at time.Time
	do func() bool
}

// pass lets time pass.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// lateEnd is how long after a window its night has to be over, as a rule.
const lateEnd = run.Grace + 20*time.Minute

// boot starts a box on what is on disk and on the devices.
func (w *world) boot() {
	w.journal.restart()
	opened, err := ledger.Open(w.journal)
	if err != nil {
		panic("sim: " + err.Error())
	}
	ctx, cancel := context.WithCancel(w.ctx)
	var driver devices.Driver = halting{w.devices, w}
	if w.mutant.Driver != nil {
		driver = w.mutant.Driver(driver)
	}
	r := runner.New(runner.Options{
		Ledger: opened, Devices: driver, Artifacts: weightless{w},
		Facts:    w.known,
		Calendar: func() window.Calendar { return w.facts.Store.Calendar },
		Device:   w.facts.Store.Device,
		Owner:    "box", Log: slog.New(slog.DiscardHandler), Now: w.wall,
	})
	stopped := make(chan struct{})
	w.mu.Lock()
	w.ledger, w.cancel, w.dead, w.stopped = opened, cancel, false, stopped
	w.mu.Unlock()
	go func() {
		defer close(stopped)
		w.judge(opened)
		var parts sync.WaitGroup
		parts.Go(func() { w.timekeeper(ctx, opened) })
		if err := r.Run(ctx); err != nil {
			w.oracle.breach("runner", "the runner ended with %v", err)
		}
		cancel()
		parts.Wait()
	}()
}

// known is what a night is planned from now.
func (w *world) known(context.Context) policy.Facts {
	w.mu.Lock()
	defer w.mu.Unlock()
	facts := w.facts
	if len(w.scene.arrives) > 0 {
		facts.Catalog.Patches = slices.DeleteFunc(slices.Clone(facts.Catalog.Patches), func(a site.Approved) bool { return w.scene.arrives[a.Patch.ID] > w.night })
	}
	return facts
}

// until runs the box until a moment, starts it again after every crash, and lets befall it
// what is due.
func (w *world) until(end time.Time) {
	for {
		next := end
		if len(w.actions) > 0 && w.actions[0].at.Before(end) {
			next = w.actions[0].at
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-w.stopped:
			timer.Stop()
			if !w.isDead() {
				w.oracle.breach("runner", "the runner ended by itself")
				return
			}
			pass(w.pause)
			w.boot()
		case <-timer.C:
			if !next.Before(end) {
				return
			}
			due := w.actions[0]
			w.actions = w.actions[1:]
			if !due.do() {
				w.plan(action{time.Now().Add(31*time.Second + 7*time.Millisecond), due.do})
			}
		}
	}
}

func (w *world) plan(a action) {
	w.actions = append(w.actions, a)
	slices.SortStableFunc(w.actions, func(a, b action) int { return a.at.Compare(b.at) })
}

// die takes the power of the box away.
func (w *world) die(pause time.Duration, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.felt[why]++
	w.dead, w.pause = true, pause
	w.cancel()
}

func (w *world) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

// hook counts the moments around effects, lets the oracle see each, and ends the box there.
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
	for _, f := range w.scene.Faults {
		switch {
		case f.N != n:
		case f.Kind == boxAtCall:
			w.die(f.For, boxAtCall)
			return errCrash
		case f.Kind == answerLost && c.When == fake.After:
			w.feel(answerLost)
			return errLost
		}
	}
	return nil
}

func (w *world) feel(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.felt[what]++
}

// fate says what becomes of an append.
func (w *world) fate(call int) fate {
	since := time.Since(w.scene.Opens)
	for _, f := range w.scene.Faults {
		switch {
		case f.Kind == journalFull && since >= f.At && since < f.At+f.For:
			w.feel(journalFull)
			return refused
		case f.Kind != boxAtAppend || f.N != call:
		case f.Keep:
			return unheard
		default:
			return lost
		}
	}
	return kept
}

// crashAtAppend ends the box in the middle of an append.
func (w *world) crashAtAppend() {
	for _, f := range w.scene.Faults {
		if f.Kind == boxAtAppend && f.N == w.journal.appends {
			w.die(f.For, boxAtAppend)
			return
		}
	}
}

// say writes events of somebody else to the journal of the box that runs.
func (w *world) say(what string, events ...run.Event) bool {
	if w.isDead() || w.standing() {
		return false
	}
	for i := range events {
		events[i].At = w.wall()
	}
	if err := w.ledger.Add(events...); err != nil {
		return false
	}
	w.feel(what)
	return true
}

// weightless gives every artifact without bytes, as long as it is whole in the cache.
type weightless struct{ w *world }

// Open implements runner.Artifacts.
func (c weightless) Open(_ context.Context, a site.Artifact) (runner.Bytes, error) {
	for _, f := range c.w.scene.Faults {
		if f.Kind == cacheRot && c.w.scene.on(f, time.Now()) && slices.Contains(policy.Needed(c.w.scene.patch(f.Patch)), a) {
			c.w.feel(cacheRot)
			return nil, fmt.Errorf("artifact %s was damaged in the store", a.Name)
		}
	}
	return fake.Weightless{}, nil
}

// moment writes a time for people.
func moment(t time.Time) string { return fmt.Sprint(t.UTC().Format("02 15:04:05.000")) }
