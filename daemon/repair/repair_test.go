package repair

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// box is a ledger in memory, and a device that starts services.
type box struct {
	*ledger.Ledger
	journal *ledgertest.Journal

	mu      sync.Mutex
	again   int
	starts  int
	refused []error // of Start, in order
	phases  []devices.Progress
}

func (b *box) Start(_ context.Context, _ site.Device, w devices.Work) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starts++
	if w.Kind != devices.Restart || w.Service != "pos-app" || w.Owner != "acme.7" || w.Timeout > run.RepairLimit {
		return errors.New("not the work that was wanted")
	}
	if len(b.refused) == 0 {
		return nil
	}
	err := b.refused[0]
	b.refused = b.refused[1:]
	return err
}

func (b *box) Status(context.Context, site.Device, devices.WorkID) (devices.Progress, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.phases) == 0 {
		return devices.Progress{}, errors.New("no answer")
	}
	p := b.phases[0]
	if len(b.phases) > 1 {
		b.phases = b.phases[1:]
	}
	return p, nil
}

// told is how often the device was told, how often checks were asked for, and how much was written down.
func (b *box) told() (starts, again, events int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.starts, b.again, len(b.journal.Events()) - before
}

// before is how many events a store begins with.
const before = 3

// begin runs a Mender for a store in the early morning whose check POS-1 fails.
func (b *box) begin(t *testing.T) (stop func()) {
	now := time.Now().UTC()
	opens := now.Add(2 * time.Hour)
	store := site.Store{
		Devices:  []site.Device{{ID: "srv-1", Class: site.LinuxServer}},
		Checks:   []site.Check{{ID: "POS-1", Device: "srv-1", Kind: site.CheckService, Repair: &site.Repair{Service: "pos-app"}}},
		Calendar: window.Calendar{Zone: time.UTC, Start: 0, End: 60, Opening: map[time.Weekday]window.Clock{opens.Weekday(): window.Clock(opens.Hour()*60 + opens.Minute())}},
	}
	if b.Ledger == nil {
		p := plan.Plan{Opens: now.Add(-time.Minute), Closes: now, Cutoff: now}
		b.Ledger, b.journal = ledgertest.Open(t, run.Event{Kind: run.NightOpened, At: now, Plan: &p}, run.Event{Kind: run.NightClosed, At: now},
			run.Event{Kind: run.CheckEnded, At: now, Check: &site.CheckResult{Check: "POS-1", Device: "srv-1", Outcome: site.Fail, At: now}})
	}
	ctx, cancel := context.WithCancel(t.Context())
	m := New(Options{
		Ledger: b, Devices: b, Store: store, Owner: "acme.7", Log: slog.New(slog.DiscardHandler), Device: store.Device,
		Again: func() { b.mu.Lock(); defer b.mu.Unlock(); b.again++ },
	})
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestServiceIsStartedAnew(t *testing.T) {
	none, running := devices.Progress{Phase: devices.PhaseNone}, devices.Progress{Phase: devices.PhaseRunning}
	for _, tt := range []struct {
		name    string
		refused []error
		phases  []devices.Progress
		starts  int
		outcome run.Outcome
	}{
		{"all goes well", nil, []devices.Progress{none, running, {Phase: devices.PhaseDone}}, 1, run.OK},
		{"the service does not start", nil, []devices.Progress{none, {Phase: devices.PhaseDone, ExitCode: 1}}, 1, run.Bad},
		{"it takes too long", nil, []devices.Progress{none, {Phase: devices.PhaseTimedOut}}, 1, run.TimedOut},
		{"the device restarts", nil, []devices.Progress{none, {Phase: devices.PhaseInterrupted}}, 1, run.Interrupted},
		{"told before a crash", nil, []devices.Progress{running, {Phase: devices.PhaseDone}}, 0, run.OK},
		{"other work runs first", []error{site.Because(site.CodeBusy, "x")}, []devices.Progress{none, none, {Phase: devices.PhaseDone}}, 2, run.OK},
		{"another device answers", []error{site.Because(site.CodeIdentity, "x")}, []devices.Progress{none}, 1, run.Refused},
		{"the line breaks", []error{errors.New("x")}, []devices.Progress{none, {Phase: devices.PhaseDone}}, 1, run.OK},
		{"nobody answers", nil, nil, 0, run.Unreached},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &box{refused: tt.refused, phases: tt.phases}
			stop := b.begin(t)
			<-time.After(10 * time.Minute)
			synctest.Wait()
			r := b.State().Repairs["POS-1"]
			starts, again, events := b.told()
			if r.Outcome != tt.outcome || starts != tt.starts || again != 1 || len(b.State().Hands) > 0 || events != 2 {
				t.Errorf("%s: %+v after %d starts, %d rounds of checks, %d events; want %s after %d", tt.name, r, starts, again, events, tt.outcome, tt.starts)
			}
			stop()
		})
	}
}

func TestAnotherProcessSeesItThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{}
		stop := b.begin(t)
		<-time.After(20 * time.Second)
		stop()
		if _, _, events := b.told(); events != 1 || b.State().Repairs["POS-1"].Outcome != "" {
			t.Fatalf("when the box stopped: %+v", b.journal.Events())
		}
		b.phases = []devices.Progress{{Phase: devices.PhaseDone}}
		stop = b.begin(t)
		<-time.After(20 * time.Second)
		synctest.Wait()
		if r := b.State().Repairs["POS-1"]; r.Outcome != run.OK {
			t.Errorf("after its start: %+v", r)
		}
		stop()
		if b.starts != 0 {
			t.Errorf("the device was told %d times", b.starts)
		}
	})
}
