package runner

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// lookAround is how often the devices that the night is not at work on are looked at while
// something depends on whether they are there.
const lookAround = 5 * time.Minute

// attend looks at the bystanders of the night now and then, beside the loop. There is one such
// look at a time; what it saw comes back through r.seen.
func (r *Runner) attend(ctx context.Context) {
	if r.around || !r.mayPlan() || time.Now().Before(r.nextAround) {
		return
	}
	var devices []site.Device
	for _, id := range run.Bystanders(r.Ledger.State(), r.Now()) {
		if d, known := r.Device(id); known {
			devices = append(devices, d)
		}
	}
	if len(devices) == 0 {
		return
	}
	r.around = true
	r.workers.Go(func() {
		seen := collector.Look(ctx, r.Devices, devices, r.Log)
		select {
		case r.seen <- seen:
		case <-ctx.Done():
		}
	})
}

// attended writes down who fell silent and who answers again.
func (r *Runner) attended(seen site.Inventory) {
	r.around, r.nextAround = false, time.Now().Add(lookAround)
	r.Seen(seen)
	records, err := r.Ledger.Commit(func(s run.State) []run.Event { return run.Attendance(s, seen, r.Now()) })
	if err != nil {
		r.Log.Error("cannot write who of the store answers", "err", err)
		return
	}
	for _, record := range records {
		r.log(record.Event)
	}
}
