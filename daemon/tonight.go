package daemon

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site/plan"
)

// announceEvery is how often tonight's plan is made anew while the store is told of it.
const announceEvery = time.Minute

// announce keeps tonight's plan ready for the page from the time on at which the store is told of it.
// The plan is made from what was last seen of the devices; nothing is written down.
func (d *Daemon) announce(ctx context.Context) error {
	return d.onChange(ctx, announceEvery, func(ctx context.Context) {
		now := time.Now()
		span, ok := d.store.Calendar.Next(now)
		var tonight *plan.Plan
		if ok && !d.ledger.State().Night.Open() && !now.Before(view.NoticeFrom(d.store, span)) {
			scene := d.planned(ctx, d.seen(), span, span.Open)
			tonight = &scene.Plan
		}
		d.mu.Lock()
		d.tonight = tonight
		d.mu.Unlock()
	})
}

// toldTonight is what the store is told of the coming night; nil when it is not told yet.
func (d *Daemon) toldTonight() *plan.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tonight
}
