package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/depot"
)

// Forecast looks at the devices and plans the window that is open at a moment or opens next
// after it. Nothing is written down. The zero moment is now.
func (d *Daemon) Forecast(ctx context.Context, at time.Time) (forecast.Scene, error) {
	if at.IsZero() {
		at = time.Now()
	}
	span, begins, passed, ok := run.Coming(d.ledger.State(), d.store.Calendar, at)
	if !ok {
		return forecast.Scene{}, fmt.Errorf("cannot plan: no maintenance window opens within a year of %s; look at window.days and window.blackouts in the store file", at.Format(time.RFC3339))
	}
	scene := d.planned(ctx, d.look(ctx), span, begins)
	scene.Passed = passed
	return scene, nil
}

// planned plans a window that begins at a moment, from what was seen of the devices.
func (d *Daemon) planned(ctx context.Context, inventory site.Inventory, span window.Span, at time.Time) forecast.Scene {
	return d.plannedFrom(d.facts(ctx), inventory, span, at)
}

// plannedFrom is planned from a catalog and what is said to be in the store.
func (d *Daemon) plannedFrom(facts policy.Facts, inventory site.Inventory, span window.Span, at time.Time) forecast.Scene {
	state := d.ledger.State()
	facts.Inventory, facts.Holds, facts.Dirty, facts.Quarantine, facts.Learned, facts.Now = inventory, state.Holds, state.Dirty, state.Quarantine, state.Learned, at
	made, report := plan.Make(facts, span, d.store.Calendar.Reserve)
	return forecast.Scene{Store: facts.Store, State: state, Inventory: inventory, Plan: made, Report: report, Begins: at}
}

// CheckNow carries out a round of checks and judges by it.
func (d *Daemon) CheckNow(ctx context.Context) (ready.Report, []site.CheckResult, error) {
	results := d.checker.Round(ctx, time.Now())
	if err := ctx.Err(); err != nil {
		return ready.Report{}, nil, fmt.Errorf("the checks were cut short: %w", err)
	}
	d.keepResults(ctx, results)
	return d.Report(), results, nil
}

// Hold leaves a device, or all, alone until a time.
func (d *Daemon) Hold(_ context.Context, h site.Hold) error {
	if err := d.known(h.Device); err != nil {
		return err
	}
	return d.ledger.Add(run.Event{Kind: run.HoldSet, At: time.Now(), Device: h.Device, Hold: &h, Actor: h.Actor, Text: h.Reason})
}

// Release ends a hold, says that a person has looked at a device that was left without proof, or
// lets a quarantined patch be begun again.
func (d *Daemon) Release(_ context.Context, name, reason, actor string) error {
	released, err := d.ledger.Commit(func(s run.State) []run.Event {
		if e, kept := run.Release(s, name, actor, time.Now()); kept {
			e.Why = reason
			return []run.Event{e}
		}
		return nil
	})
	if err == nil && len(released) == 0 {
		return site.Because(site.CodeNotApplicable, name+" is neither held nor quarantined; see: nightfill status")
	}
	return err
}

// Ack writes down that a person has taken an alarm on.
func (d *Daemon) Ack(code, reason, actor string) (site.Alarm, error) {
	var refused *site.Reason
	_, err := d.ledger.Commit(func(s run.State) []run.Event {
		if refused = run.MayAck(s, code); refused != nil {
			return nil
		}
		return []run.Event{{Kind: run.AlarmAcked, At: time.Now(), Actor: actor, Text: reason, Alarm: &run.AlarmNote{Code: code}}}
	})
	if refused != nil {
		return site.Alarm{}, refused
	}
	return d.ledger.State().Alarms[code], err
}

// ConfirmClock takes a person's word that the clock is right, and judges it again at once.
func (d *Daemon) ConfirmClock(reason, actor string) (*site.Reason, error) {
	var refused *site.Reason
	_, err := d.ledger.Commit(func(s run.State) []run.Event {
		now := time.Now()
		if refused = run.MayConfirm(s, now); refused == nil && now.Before(d.Built) {
			refused = d.worth(run.State{}).Reason
		}
		if refused != nil {
			return nil
		}
		return []run.Event{{Kind: run.ClockConfirmed, At: now, Actor: actor, Text: reason}}
	})
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refused
	}
	d.judgeClock()
	return d.ledger.State().Unsure, nil
}

// Retry lets patches be tried once more tonight.
func (d *Daemon) Retry(ask hands.Ask) ([]string, error) { return d.hands.Retry(ask) }

// RollBack takes a patch of the newest night off a device again.
func (d *Daemon) RollBack(ask hands.Ask) error { return d.hands.RollBack(ask) }

// Restart begins to restart a device.
func (d *Daemon) Restart(ctx context.Context, ask hands.Ask) (run.Hand, error) {
	return d.hands.Restart(ctx, ask)
}

func (d *Daemon) known(device string) error {
	if _, ok := d.store.Device(device); ok || device == site.AllDevices {
		return nil
	}
	return site.Because(site.CodeOtherDevice, "no device is called "+device+"; see: nightfill devices")
}

// Refresh looks at the catalog now. The error says why the catalog is as it was.
func (d *Daemon) Refresh(ctx context.Context) (site.Catalog, bool, error) {
	if d.catalog == nil {
		return site.Catalog{}, false, errNoCatalog()
	}
	changed, err := d.resupply(ctx)
	return d.catalog.Last(), changed, err
}

// Import takes a catalog and its artifacts from a directory, such as a USB stick. It is
// verified exactly as if it came from the server.
func (d *Daemon) Import(ctx context.Context, dir string) (site.Catalog, error) {
	if d.catalog == nil {
		return site.Catalog{}, errNoCatalog()
	}
	address := "file://" + dir
	if _, err := d.catalog.RefreshFrom(ctx, address, time.Now()); err != nil {
		d.noteRefusal(err)
		return d.catalog.Last(), err
	}
	if err := d.noteCatalog(); err != nil {
		return d.catalog.Last(), err
	}
	unfit, err := d.fetchFrom(ctx, depot.New(d.depotDir(), address, nil))
	problems := []error{err}
	for _, u := range unfit {
		problems = append(problems, u.Reason)
	}
	return d.catalog.Last(), errors.Join(problems...)
}

func errNoCatalog() *site.Reason {
	return site.Because(site.CodeNoCatalog, "the store file names no catalog; set catalog.url and catalog.root")
}

// HostKey asks what key a device offers. It logs in nowhere.
func (d *Daemon) HostKey(ctx context.Context, device string) (key, fingerprint string, err error) {
	known, ok := d.store.Device(device)
	if !ok {
		return "", "", d.known(device)
	}
	if known.Class != site.LinuxServer {
		return "", "", devices.Failure(site.CodeUnsupported, "%s has no host key to enrol: its class is %s", device, known.Class)
	}
	if key, fingerprint, err = sshhost.FetchHostKey(ctx, known.Address); err != nil {
		return "", "", devices.Failure(site.CodeNoAnswer, "%s was not asked for its host key: %v; see that it is switched on and that its SSH server runs", device, err)
	}
	return key, fingerprint, nil
}

// Enrol pins the host key that a person compared.
func (d *Daemon) Enrol(_ context.Context, device, key, reason, actor string) error {
	if err := d.known(device); err != nil {
		return err
	}
	if err := d.ledger.Add(run.Event{Kind: run.DeviceEnrolled, At: time.Now(), Device: device, Text: key, Actor: actor, Why: reason}); err != nil {
		return err
	}
	ask(d.relook)
	d.checker.Kick()
	return nil
}

// TakeOver makes a device work for this box, which worked for one that counts as set up later.
func (d *Daemon) TakeOver(ctx context.Context, o hands.Ask) error {
	device, ok := d.device(o.Device)
	if !ok {
		return d.known(o.Device)
	}
	if err := d.ledger.Add(run.Event{Kind: run.DeviceTaken, At: time.Now(), Device: o.Device, Actor: o.Actor, Text: o.Reason}); err != nil {
		return err
	}
	if err := d.hosts.TakeOver(ctx, device); err != nil {
		return collector.Why(device, err)
	}
	ask(d.relook)
	return nil
}

// Why tells what became of a patch on a device, or of every patch there, and what the next
// night would do, after a fresh look.
func (d *Daemon) Why(ctx context.Context, device, patch string) ([]view.Answer, error) {
	if err := d.known(device); err != nil {
		return nil, err
	}
	next, err := d.Forecast(ctx, time.Time{})
	if err != nil {
		next = forecast.Scene{} // no window in sight: only what was is told
	}
	answers := view.Why(d.View(ctx), next.Plan, next.Report, device, patch)
	if len(answers) == 0 {
		return nil, site.Because(site.CodeNotReleased, "no patch is called "+patch+"; see: nightfill plan --all")
	}
	return answers, nil
}

// Diagnose looks at one device now and gathers what is known of it.
func (d *Daemon) Diagnose(ctx context.Context, id string) (view.Diagnosis, error) {
	device, ok := d.device(id)
	if !ok {
		return view.Diagnosis{}, d.known(id)
	}
	o, looked := collector.Look(ctx, d.devices, []site.Device{device}, d.Log)[id]
	if !looked {
		o = site.Observation{Device: id, At: time.Now(), Error: policy.Facts{}.Device(device).Reason}
	}
	d.saw(site.Inventory{id: o})
	d.mu.Lock()
	results := maps.Clone(d.results)
	d.mu.Unlock()
	return view.Diagnose(d.View(ctx), device, o, results), nil
}

// DiagnoseBy carries out one check of a device now, with what it needs, and gathers what is known of the device. The
// device is not looked at besides.
func (d *Daemon) DiagnoseBy(ctx context.Context, id, check string) (view.Diagnosis, error) {
	device, ok := d.device(id)
	if !ok {
		return view.Diagnosis{}, d.known(id)
	}
	if err := view.HasCheck(d.store, id, check); err != nil {
		return view.Diagnosis{}, err
	}
	done := d.checker.One(ctx, time.Now(), check)
	if err := ctx.Err(); err != nil {
		return view.Diagnosis{}, fmt.Errorf("check %s was cut short: %w", check, err)
	}
	d.keep(done, false)
	d.mu.Lock()
	results := maps.Clone(d.results)
	d.mu.Unlock()
	return view.Diagnose(d.View(ctx), device, d.seen()[id], results).Of(check), nil
}
