package runner

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// slow is a device that restarts a minute after it was told to.
type slow struct {
	devices.Driver
	told    time.Time
	refuses error
}

// Probe implements devices.Driver.
func (d *slow) Probe(context.Context, site.Device) (site.Observation, error) {
	if !d.told.IsZero() && time.Since(d.told) > time.Minute {
		return site.Observation{BootID: "new"}, nil
	}
	return site.Observation{BootID: "old"}, nil
}

// Reboot implements devices.Driver.
func (d *slow) Reboot(context.Context, site.Device, devices.WorkID) error {
	if d.refuses == nil {
		d.told = time.Now()
	}
	return d.refuses
}

// restart restarts a device by a step with ten minutes.
func restart(t *testing.T, device *slow, before string) run.Event {
	t.Helper()
	opened, err := ledger.Open(&ledgertest.Journal{})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Add(run.Event{Kind: run.NightOpened, At: time.Now(), Plan: &plan.Plan{}}); err != nil {
		t.Fatal(err)
	}
	s := &step{
		Options: &Options{Ledger: opened, Devices: device, Now: time.Now}, log: slog.New(slog.DiscardHandler), deadline: time.Now().Add(10 * time.Minute),
		device: site.Device{ID: "till-1"}, intent: run.Event{Step: run.Reboot, BootID: before, Work: "w"}, say: func(run.Event) {},
	}
	return s.reboot(t.Context())
}

// A restart is proven by another boot than the one that was there, also where nobody knew that one when it was decided.
func TestRestartOfAnUnknownBoot(t *testing.T) {
	for _, before := range []string{"old", ""} {
		synctest.Test(t, func(t *testing.T) {
			device := &slow{}
			e := restart(t, device, before)
			if e.Outcome != run.OK || e.BootID != "new" || device.told.IsZero() {
				t.Errorf("before %q: %s with boot %q, told at %s", before, e.Outcome, e.BootID, device.told)
			}
		})
	}
}

// A device that would not be told to restart says why.
func TestRestartIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := restart(t, &slow{refuses: errors.New("box b2 works on it")}, "old")
		if e.Outcome != run.Bad || e.Reason == nil || e.Reason.Text != "till-1 could not be told to restart: box b2 works on it" {
			t.Errorf("it is %s because %v", e.Outcome, e.Reason)
		}
	})
}
