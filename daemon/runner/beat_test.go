package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// mute is a store in which no device answers.
type mute struct{ devices.Driver }

// Probe implements devices.Driver.
func (mute) Probe(ctx context.Context, _ site.Device) (site.Observation, error) {
	<-ctx.Done()
	return site.Observation{}, ctx.Err()
}

// A large store in which nothing answers is looked at for minutes, and the loop is known to be alive all the while.
func TestBeatsWhileDevicesAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts := policy.Facts{Store: site.Store{Calendar: window.Calendar{Zone: time.UTC, Start: 0, End: window.Clock(60), Reserve: time.Minute}}}
		for i := range 200 {
			facts.Store.Devices = append(facts.Store.Devices, site.Device{ID: fmt.Sprintf("till-%d", i), Class: site.LinuxServer, HostKey: "ssh-ed25519 x"})
		}
		opened, err := ledger.Open(&ledgertest.Journal{})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		last, longest := time.Now(), time.Duration(0)
		r := runner.New(runner.Options{
			Ledger: opened, Devices: mute{}, Facts: func(context.Context) policy.Facts { return facts },
			Calendar: func() window.Calendar { return facts.Store.Calendar }, Device: facts.Store.Device, Log: slog.New(slog.DiscardHandler),
			Beat: func() {
				mu.Lock()
				defer mu.Unlock()
				longest, last = max(longest, time.Since(last)), time.Now()
			},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if night := opened.State().Night; night == nil || len(night.Report) == 0 {
			t.Errorf("the night was not opened: %+v", night)
		}
		if longest > 20*time.Second {
			t.Errorf("no sign of life for %s", longest)
		}
	})
}
