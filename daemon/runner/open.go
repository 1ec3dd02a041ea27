package runner

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// open begins a night when its window has come: it looks at every device, plans, and
// writes the plan to the journal. A night is opened once, whatever the clock does later.
func (r *Runner) open(ctx context.Context) {
	if _, due, _ := run.Due(r.Ledger.State(), r.Calendar(), time.Now()); !due || !r.mayPlan() {
		return
	}
	facts := r.Facts(ctx)
	facts.Inventory = collector.Look(ctx, r.Devices, facts.Store.Devices, r.Log)
	if ctx.Err() != nil {
		return
	}
	records, err := r.Ledger.Commit(func(s run.State) []run.Event {
		now := time.Now()
		span, due, _ := run.Due(s, facts.Store.Calendar, now)
		if !due {
			return nil
		}
		facts.Holds, facts.Dirty, facts.Now = s.Holds, s.Dirty, now
		made, report := plan.Make(facts, span, facts.Store.Calendar.Reserve)
		return opening(made, report, facts.Inventory, now)
	})
	if err != nil {
		r.Log.Error("cannot open the night", "err", err)
		return
	}
	for _, record := range records {
		r.log(record.Event)
	}
}

// opening is the first commit of a night: the plan, and what was seen of each device.
func opening(made plan.Plan, report plan.Report, inventory site.Inventory, now time.Time) []run.Event {
	events := []run.Event{{Kind: run.NightOpened, At: now, Night: made.Night, Plan: &made, Report: report}}
	for _, member := range made.Members {
		if o, seen := inventory[member.Device]; seen {
			cut := run.Relevant(o, made.Patches)
			events = append(events, run.Event{Kind: run.DeviceObserved, At: now, Night: made.Night, Device: member.Device, Observed: &cut})
		}
	}
	return events
}
