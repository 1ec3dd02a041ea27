package daemon

import (
	"context"
	"maps"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

const (
	judgeClockEvery  = 30 * time.Second
	lookAtStoreEvery = 15 * time.Minute
	verdictEvery     = 10 * time.Second
	statusEvery      = 30 * time.Second
	pulseEvery       = 10 * time.Second // at the latest
)

// every calls act at once and then again after each pause, or when wake says so, until ctx ends.
func every(ctx context.Context, pause time.Duration, wake <-chan struct{}, act func(context.Context)) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		act(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-wake:
		}
	}
}

// timekeeper judges the clock and the disk now and then: both say whether anything may be begun.
func (d *Daemon) timekeeper(ctx context.Context) error {
	return every(ctx, judgeClockEvery, nil, func(context.Context) {
		d.judgeClock()
		d.judgeDisk()
	})
}

// watch looks at the devices now and then, except while a night looks after them.
func (d *Daemon) watch(ctx context.Context) error {
	return every(ctx, lookAtStoreEvery, d.relook, func(ctx context.Context) {
		if !d.ledger.State().Night.Open() {
			d.look(ctx)
		}
	})
}

// look observes every device and remembers what was seen.
func (d *Daemon) look(ctx context.Context) site.Inventory {
	inventory := collector.Look(ctx, d.devices, d.pinnedStore().Devices, d.Log)
	if ctx.Err() == nil {
		d.saw(inventory)
	}
	return inventory
}

// saw remembers what was seen of devices, of all or of some.
func (d *Daemon) saw(inventory site.Inventory) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inventory = maps.Clone(d.inventory) // others read the one there was
	maps.Copy(d.inventory, inventory)
}

// seen is the newest look at each device, from here or from the night.
func (d *Daemon) seen() site.Inventory {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := site.Inventory{}
	for id, o := range d.inventory {
		seen[id] = o
	}
	for id, o := range d.ledger.State().Observed {
		if o.At.After(seen[id].At) {
			seen[id] = o
		}
	}
	return seen
}

// pinned lets the checker ask devices by the host keys that are pinned for them.
type pinned struct{ d *Daemon }

// Check implements checker.Devices.
func (p pinned) Check(ctx context.Context, device site.Device, c site.Check) (site.CheckOutcome, string, error) {
	if known, ok := p.d.device(device.ID); ok {
		device = known
	}
	return p.d.devices.Check(ctx, device, c)
}

// tellStatus keeps the status line of the service manager current.
func (d *Daemon) tellStatus(ctx context.Context) error {
	return d.onChange(ctx, statusEvery, func(ctx context.Context) {
		_ = d.notify.Status(view.StatusLine(d.View(ctx))) // without systemd there is nobody to tell
	})
}

// pulse is the sign of life of the journal. It waits for its turn as who has something to write does, and writes
// nothing: while a disk hangs there is none.
func (d *Daemon) pulse(ctx context.Context) error {
	heart := d.notify.Heart("journal")
	pause := pulseEvery
	if d.notify.Watched() {
		pause = min(pause, d.notify.Interval()/2)
	}
	return every(ctx, pause, nil, func(context.Context) {
		if err := d.ledger.Add(); err == nil {
			heart.Beat()
		}
	})
}

// onChange calls act at once, whenever the box learns something or its broker comes or goes, and after each pause,
// until ctx ends.
func (d *Daemon) onChange(ctx context.Context, longest time.Duration, act func(context.Context)) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for ctx.Err() == nil {
		learned, line := d.ledger.Changed(), d.lineChanged()
		act(ctx)
		timer.Reset(longest)
		select {
		case <-ctx.Done():
		case <-learned:
		case <-line:
		case <-timer.C:
		}
	}
	return nil
}

// lineChanged is closed when the broker comes or goes; nil, which never is, where there is none. Ask for it before View.
func (d *Daemon) lineChanged() <-chan struct{} {
	if d.uplink == nil {
		return nil
	}
	return d.uplink.Changed()
}
