// Package controltest holds a store with a past for tests of the control socket and of what
// talks to it: a Box and a Journal in memory, the same on every run. It looks at no device.
package controltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// The host key that every device of the store offers.
const (
	Key         = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleEx"
	Fingerprint = "SHA256:k1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z6A7B8C9D0E1F"
)

// Box is a store in the morning after the night of 2026-11-21, or in the middle of that night.
// Any number of goroutines may use it.
type Box struct {
	mu      sync.Mutex
	facts   view.Facts
	results map[string]site.CheckResult
	fail    error
	Journal *Journal
}

// Fail lets every call that can fail do so from now on; nil ends that.
func (b *Box) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

// SetFacts changes what the box knows.
func (b *Box) SetFacts(change func(*view.Facts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.facts)
}

// View implements control.Viewer.
func (b *Box) View(context.Context) view.Facts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.facts
}

func (b *Box) failing() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fail
}

// Forecast implements control.Forecaster.
func (b *Box) Forecast(ctx context.Context, at time.Time) (forecast.Scene, error) {
	if err := b.failing(); err != nil {
		return forecast.Scene{}, err
	}
	f := b.View(ctx)
	if at.IsZero() {
		at = f.Now
	}
	span, at, passed, ok := run.Coming(f.State, f.Store.Calendar, at)
	if !ok {
		return forecast.Scene{}, errors.New("no window in sight")
	}
	p, left := plan.Make(planFacts(f, at), span, f.Store.Calendar.Reserve)
	return forecast.Scene{Store: f.Store, State: f.State, Inventory: f.Inventory, Plan: p, Report: left, Passed: passed, Begins: at}, nil
}

func planFacts(f view.Facts, at time.Time) policy.Facts {
	return policy.Facts{
		Store: f.Store, Catalog: f.Catalog, NoCatalog: f.CatalogNo, Cached: f.State.Cached, Holds: f.State.Holds, Dirty: f.State.Dirty, Quarantine: f.State.Quarantine,
		Learned: f.State.Learned, Inventory: f.Inventory, Now: at,
	}
}

// Why implements control.Teller.
func (b *Box) Why(ctx context.Context, device, patch string) ([]view.Answer, error) {
	next, err := b.Forecast(ctx, time.Time{})
	return view.Why(b.View(ctx), next.Plan, next.Report, device, patch), err
}

// NightAt implements control.Past.
func (b *Box) NightAt(ctx context.Context, date window.Date) (*view.Night, error) {
	if err := b.failing(); err != nil {
		return nil, err
	}
	f := b.View(ctx)
	if _, records := b.Journal.night(date); records != nil {
		return view.WithEvidence(f.Store, f.State, records, f.Now), nil
	}
	return nil, nil
}

// Replay implements control.Past.
func (b *Box) Replay(_ context.Context, date window.Date) (*played.Replay, error) {
	if err := b.failing(); err != nil {
		return nil, err
	}
	before, records := b.Journal.night(date)
	if records == nil {
		return nil, nil
	}
	return played.ReplayOf(records[0].Event.Night, run.Fold(run.State{}, before...), records), nil
}

// add folds an event into the state and appends it to the journal.
func (b *Box) add(e run.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	e.At = b.facts.Now
	b.facts.State = run.Fold(b.facts.State, b.Journal.Append(run.Stamp(b.facts.State, e)))
	return nil
}

// Hold implements control.Holder.
func (b *Box) Hold(_ context.Context, hold site.Hold) error {
	return b.add(run.Event{Kind: run.HoldSet, Device: hold.Device, Hold: &hold, Actor: hold.Actor})
}

// Retry implements control.PatchHandler.
func (b *Box) Retry(ask hands.Ask) ([]string, error) {
	f := b.View(context.Background())
	if reason := run.MayRetry(f.State, ask.Device, ask.Patch, f.Now); reason != nil {
		return nil, reason
	}
	return []string{ask.Patch}, b.add(run.Event{Kind: run.PatchRetried, Device: ask.Device, Patch: ask.Patch, Actor: ask.Actor, Text: ask.Reason})
}

// RollBack implements control.PatchHandler.
func (b *Box) RollBack(ask hands.Ask) error {
	f := b.View(context.Background())
	if reason := run.MayRollBack(f.State, ask.Device, ask.Patch); reason != nil {
		return reason
	}
	return b.add(run.Event{Kind: run.PatchTakenBack, Device: ask.Device, Patch: ask.Patch, Actor: ask.Actor, Text: ask.Reason})
}

// Restart implements control.DeviceHandler.
func (b *Box) Restart(_ context.Context, ask hands.Ask) (run.Hand, error) {
	f := b.View(context.Background())
	if reason := run.MayRestart(f.State, ask.Device, f.Now); reason != nil {
		return run.Hand{}, reason
	}
	hand := run.Hand{Actor: ask.Actor, What: run.RestartAsked, Why: ask.Reason, Since: f.Now, Deadline: f.Now.Add(15 * time.Minute)}
	return hand, b.add(run.Event{Kind: run.RestartAsked, Device: ask.Device, Actor: ask.Actor, Text: ask.Reason, Deadline: hand.Deadline})
}

// TakeOver implements control.DeviceHandler.
func (b *Box) TakeOver(_ context.Context, ask hands.Ask) error {
	return b.add(run.Event{Kind: run.DeviceTaken, Device: ask.Device, Actor: ask.Actor, Text: ask.Reason})
}

// Release implements control.Holder.
func (b *Box) Release(ctx context.Context, name, reason, actor string) error {
	e, kept := run.Release(b.View(ctx).State, name, actor, time.Time{})
	if !kept {
		return errors.New(name + " is kept from nothing")
	}
	e.Why = reason
	return b.add(e)
}

// Ack implements control.Alarms.
func (b *Box) Ack(code, reason, actor string) (site.Alarm, error) {
	if reason := run.MayAck(b.View(context.Background()).State, code); reason != nil {
		return site.Alarm{}, reason
	}
	err := b.add(run.Event{Kind: run.AlarmAcked, Actor: actor, Text: reason, Alarm: &run.AlarmNote{Code: code}})
	return b.View(context.Background()).State.Alarms[code], err
}

// ConfirmClock implements control.Clock.
func (b *Box) ConfirmClock(reason, actor string) (*site.Reason, error) {
	f := b.View(context.Background())
	if refused := run.MayConfirm(f.State, f.Now); refused != nil {
		return nil, refused
	}
	err := b.add(run.Event{Kind: run.ClockConfirmed, Actor: actor, Text: reason})
	return b.View(context.Background()).State.Unsure, err
}

// Escalate writes down which alarms begin now, and who is told of them.
func (b *Box) Escalate() error {
	for _, e := range view.Escalate(b.View(context.Background())) {
		if err := b.add(e); err != nil {
			return err
		}
	}
	return nil
}

// Enrol implements control.Keys.
func (b *Box) Enrol(_ context.Context, device, key, reason, actor string) error {
	return b.add(run.Event{Kind: run.DeviceEnrolled, Device: device, Text: key, Actor: actor, Why: reason})
}

// Refresh implements control.Supplier: there is nothing newer.
func (b *Box) Refresh(ctx context.Context) (site.Catalog, bool, error) {
	return b.View(ctx).Catalog, false, b.failing()
}

// Import implements control.Supplier: the directory holds the next generation.
func (b *Box) Import(ctx context.Context, _ string) (site.Catalog, error) {
	c := b.View(ctx).Catalog
	c.Version++
	return c, b.failing()
}

// CheckNow implements control.Checker: what was found last is found again.
func (b *Box) CheckNow(ctx context.Context) (ready.Report, []site.CheckResult, error) {
	f, known := b.View(ctx), b.checks()
	var results []site.CheckResult
	for _, c := range f.Store.Checks {
		results = append(results, known[c.ID])
	}
	return f.Report, results, b.failing()
}

// HostKey implements control.Keys.
func (b *Box) HostKey(context.Context, string) (key, fingerprint string, err error) {
	return Key, Fingerprint, b.failing()
}

// Diagnose implements control.Looker.
func (b *Box) Diagnose(ctx context.Context, device string) (view.Diagnosis, error) {
	if err := b.failing(); err != nil {
		return view.Diagnosis{}, err
	}
	f := b.View(ctx)
	d, _ := f.Store.Device(device)
	return view.Diagnose(f, d, f.Inventory[device], b.checks()), nil
}

// DiagnoseBy implements control.Looker.
func (b *Box) DiagnoseBy(ctx context.Context, device, check string) (view.Diagnosis, error) {
	if err := view.HasCheck(b.View(ctx).Store, device, check); err != nil {
		return view.Diagnosis{}, err
	}
	v, err := b.Diagnose(ctx, device)
	return v.Of(check), err
}

func (b *Box) checks() map[string]site.CheckResult {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.results)
}

// SetCheck lets a check end differently from now on, and judges the store anew.
func (b *Box) SetCheck(id string, outcome site.CheckOutcome, seen string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.facts.Store.Checks, func(c site.Check) bool { return c.ID == id })
	if i < 0 {
		return fmt.Errorf("there is no check %s", id)
	}
	b.results[id] = site.CheckResult{Check: id, Device: b.facts.Store.Checks[i].Device, Outcome: outcome, Seen: seen,
		At: b.facts.Now.Add(-time.Minute), Took: site.Duration(120 * time.Millisecond)}
	b.facts.Report = ready.Judge(view.Readiness(b.facts, b.results, nil, b.facts.Now.Add(-time.Hour)))
	return nil
}
