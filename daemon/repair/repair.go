// Package repair does what the store file allows about a check that fails before the store opens:
// it has a device start a service anew, or has tonight's newest patch taken off again, and then has
// the checks carried out once more. What may be done, and when, is decided by site/run; the intent
// is in the journal before the device hears of it, and after a crash the device is asked.
package repair

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/pause"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

const (
	perCall    = 30 * time.Second
	askPause   = 2 * time.Second // before a device is asked again
	lookEvery  = 30 * time.Second
	overrun    = time.Minute     // after its deadline a repair that is not heard of has failed
	writePause = 5 * time.Second // after the journal could not be written
)

// Ledger is the journal with its fold.
type Ledger interface {
	State() run.State
	Changed() <-chan struct{}
	Commit(decide func(run.State) []run.Event) ([]run.Record, error)
}

// Driver reaches the devices.
type Driver interface {
	Start(ctx context.Context, d site.Device, w devices.Work) error
	Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error)
}

// Options are what a Mender works with.
type Options struct {
	Ledger  Ledger
	Devices Driver
	Device  func(id string) (site.Device, bool) // with its pinned host key
	Store   site.Store
	Owner   string // of the locks of devices
	Again   func() // asks for a round of checks
	Log     *slog.Logger
}

// Mender repairs what it may.
type Mender struct {
	Options
	workers sync.WaitGroup
}

// New makes a Mender. It starts nothing.
func New(o Options) *Mender { return &Mender{Options: o} }

// Run begins repairs and sees them through until ctx ends, those of an earlier process first.
func (m *Mender) Run(ctx context.Context) error {
	defer m.workers.Wait()
	begun := map[string]bool{}
	for ctx.Err() == nil {
		changed := m.Ledger.Changed()
		m.decide()
		for _, r := range m.Ledger.State().Repairs {
			if r.Outcome == "" && r.Work != "" && !begun[r.Work] {
				begun[r.Work] = true
				m.workers.Go(func() { m.seeThrough(ctx, r) })
			}
		}
		pause.Until(ctx, changed, lookEvery)
	}
	return nil
}

// decide writes down which repairs begin, and which are over.
func (m *Mender) decide() {
	records, err := m.Ledger.Commit(func(s run.State) []run.Event {
		over := run.RepairsOver(s, time.Now())
		return append(over, run.Repairs(run.Foresee(s, over...), m.Store, time.Now())...)
	})
	if err != nil {
		m.Log.Error("cannot write down a repair", "err", err)
	}
	for _, r := range records {
		m.Log.Info(string(r.Event.Kind), "device", r.Event.Device, "patch", r.Event.Patch, "text", r.Event.Text)
		if r.Event.Kind == run.RepairEnded {
			m.Again()
		}
	}
}

// seeThrough has a service started anew and waits for the end. When ctx ends first nothing is
// written: under its name the device does it once, and the next process asks it.
func (m *Mender) seeThrough(ctx context.Context, r run.Repair) {
	end := run.Event{Kind: run.RepairEnded, Device: r.Device, Work: r.Work, Actor: run.Box, Outcome: run.Unreached, Repair: &r.RepairNote}
	device, known := m.Device(r.Device)
	if !known {
		end.Reason = site.Because(site.CodeOtherDevice, r.Device+" is not in the store file any more")
	}
	for known && time.Now().Before(r.Deadline.Add(overrun)) {
		if m.ask(ctx, device, r, &end) {
			break
		}
		if !pause.For(ctx, askPause) {
			return
		}
	}
	for ctx.Err() == nil {
		end.At = time.Now()
		if _, err := m.Ledger.Commit(func(run.State) []run.Event { return []run.Event{end} }); err == nil {
			m.Log.Info(string(end.Kind), "device", r.Device, "service", r.Service, "outcome", end.Outcome)
			m.Again()
			return
		}
		pause.For(ctx, writePause)
	}
}

// ask tells the device, unless it knows of the work, and fills in the end when there is one.
func (m *Mender) ask(ctx context.Context, d site.Device, r run.Repair, end *run.Event) (over bool) {
	p, err := m.status(ctx, d, r)
	if err == nil && p.Phase == devices.PhaseNone {
		if time.Now().After(r.Deadline) {
			return true // it never began, and is not begun late
		}
		var reason *site.Reason
		if err = m.start(ctx, d, r); errors.As(err, &reason) {
			end.Outcome, end.Reason = run.Refused, reason
			return reason.Code != site.CodeBusy
		}
	}
	if err != nil {
		m.Log.Debug("a device does not answer during a repair", "device", d.ID, "err", err)
		return false
	}
	if !p.Phase.Ended() {
		return false
	}
	end.Outcome, end.Reason, end.Output, end.Took = run.Interrupted, nil, p.Output, site.Duration(p.Took)
	switch p.Phase {
	case devices.PhaseDone:
		end.Outcome = run.OK
		if end.ExitCode = &p.ExitCode; p.ExitCode != 0 {
			end.Outcome = run.Bad
		}
	case devices.PhaseTimedOut:
		end.Outcome = run.TimedOut
	}
	return true
}

func (m *Mender) status(ctx context.Context, d site.Device, r run.Repair) (devices.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, perCall+devices.StatusWait)
	defer cancel()
	return m.Devices.Status(ctx, d, devices.WorkID(r.Work))
}

func (m *Mender) start(ctx context.Context, d site.Device, r run.Repair) error {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	return m.Devices.Start(ctx, d, devices.Work{
		ID: devices.WorkID(r.Work), Kind: devices.Restart, Service: r.Service, Timeout: max(time.Second, time.Until(r.Deadline)), Owner: m.Owner,
	})
}
