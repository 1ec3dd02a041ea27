// Package hands carries out what a person asks of a device: try a patch once more, take one back,
// restart it, keep the night off while he works in a terminal. What is refused, and why, is
// decided by site/run; here it is written to the journal first and done afterwards, like every
// step of a night. It chooses nothing by itself.
package hands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

const (
	perCall    = 30 * time.Second // for a call to a device
	lookPause  = 2 * time.Second  // between looks at a device that restarts
	bootLimit  = 15 * time.Minute // by when a device that was restarted is wanted back
	lookAgain  = time.Minute      // at the latest, for restarts of an earlier process
	retryWrite = 5 * time.Second  // after the journal could not be written
)

// Ledger is the journal with its fold.
type Ledger interface {
	State() run.State
	Changed() <-chan struct{}
	Commit(decide func(run.State) []run.Event) ([]run.Record, error)
}

// Driver reaches the devices.
type Driver interface {
	Probe(ctx context.Context, d site.Device) (site.Observation, error)
	Reboot(ctx context.Context, d site.Device, id devices.WorkID) error
}

// Options are what Hands work with.
type Options struct {
	Ledger  Ledger
	Devices Driver
	Device  func(id string) (site.Device, bool) // with its pinned host key
	Log     *slog.Logger
}

// Hands carry out what people ask. Any number of goroutines may ask.
type Hands struct {
	Options
	workers sync.WaitGroup
}

// New makes Hands. It starts nothing.
func New(o Options) *Hands { return &Hands{Options: o} }

// Ask is what a person asks of a device.
type Ask struct {
	Device string
	Patch  string // "" = every patch of the device for which it can be done
	Reason string // for the next person who asks
	Actor  string
	// Rev is the state of the device that the person looked at (run.State.Rev); 0 = whatever it is.
	Rev uint64
}

func (a Ask) event(kind run.Kind, patch string) run.Event {
	return run.Event{Kind: kind, At: time.Now(), Device: a.Device, Patch: patch, Actor: a.Actor, Text: a.Reason}
}

// Retry lets patches be tried once more tonight, and returns which. The error is a *site.Reason
// when nothing can be.
func (h *Hands) Retry(a Ask) ([]string, error) {
	var patches []string
	err := h.commit(a, func(s run.State) ([]run.Event, *site.Reason) {
		var events []run.Event
		refused := site.Because(site.CodeNotApplicable, "nothing was planned for "+a.Device+" in the newest night")
		for _, patch := range h.asked(s, a) {
			if reason := run.MayRetry(s, a.Device, patch, time.Now()); reason != nil {
				refused = reason
				continue
			}
			events, patches = append(events, a.event(run.PatchRetried, patch)), append(patches, patch)
		}
		if len(events) > 0 {
			refused = nil
		}
		return events, refused
	})
	return patches, err
}

func (h *Hands) asked(s run.State, a Ask) []string {
	if a.Patch != "" {
		return []string{a.Patch}
	}
	var patches []string
	if s.Night != nil {
		for _, j := range s.Night.JobsOf(a.Device) {
			patches = append(patches, j.Patch)
		}
	}
	return patches
}

// RollBack takes a patch that the newest night put on off a device again.
func (h *Hands) RollBack(a Ask) error {
	return h.commit(a, func(s run.State) ([]run.Event, *site.Reason) {
		return []run.Event{a.event(run.PatchTakenBack, a.Patch)}, run.MayRollBack(s, a.Device, a.Patch)
	})
}

// Restart restarts a device: it is looked at first, and the order is on disk before it is given.
// Run sees to it that it comes back. The error is a *site.Reason when it is refused.
func (h *Hands) Restart(ctx context.Context, a Ask) (run.Hand, error) {
	device, known := h.Device(a.Device)
	if !known {
		return run.Hand{}, site.Because(site.CodeOtherDevice, "no device is called "+a.Device+"; see: nightfill devices")
	}
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	seen, err := h.Devices.Probe(ctx, device)
	if err != nil {
		return run.Hand{}, fmt.Errorf("cannot restart %s: it does not answer: %w", a.Device, err)
	}
	err = h.commit(a, func(s run.State) ([]run.Event, *site.Reason) {
		e := a.event(run.RestartAsked, "")
		e.BootID, e.Deadline, e.Work = seen.BootID, e.At.Add(bootLimit), restartID(a.Device, seen.BootID, e.At)
		return []run.Event{e}, run.MayRestart(s, a.Device, e.At)
	})
	return h.Ledger.State().Hands[a.Device], err
}

// restartID names one restart for ever.
func restartID(device, bootID string, at time.Time) string {
	sum := sha256.Sum256([]byte(device + "\n" + bootID + "\n" + at.UTC().Format(time.RFC3339Nano)))
	return at.UTC().Format("20060102") + "-restart-" + hex.EncodeToString(sum[:6])
}

// commit writes down what is asked unless it is refused, or the device is not as the person saw it.
func (h *Hands) commit(a Ask, decide func(run.State) ([]run.Event, *site.Reason)) error {
	var refused *site.Reason
	_, err := h.Ledger.Commit(func(s run.State) []run.Event {
		var events []run.Event
		if refused = s.Changed(a.Device, a.Rev); refused != nil {
			return nil
		}
		if events, refused = decide(s); refused != nil {
			return nil
		}
		return events
	})
	switch {
	case err != nil:
		return err
	case refused != nil:
		return refused
	}
	return nil
}
