package runner

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// open begins a night when its window has come: it looks at every device, plans, and
// writes the plan to the journal. A night is opened once, whatever the clock does later.
func (r *Runner) open(ctx context.Context) {
	if r.Ledger.State().Night.Open() {
		return
	}
	if _, due, _ := run.Due(r.Ledger.State(), r.Calendar(), r.Now()); !due || !r.mayPlan() {
		return
	}
	r.looked = sightOf(r.Ledger.State(), r.Now())
	r.plan(ctx, func(s run.State, facts policy.Facts) []run.Event {
		span, due, _ := run.Due(s, facts.Store.Calendar, facts.Now)
		if !due {
			return nil
		}
		made, report := plan.Make(facts, span, facts.Store.Calendar.Reserve)
		return opening(run.NightOpened, made, report, facts)
	})
}

// extend looks again, inside the window, when nothing is under way and something has changed
// since the last look: patches arrived, a hold ended, a device was enrolled or answers again, or
// what was done made room for more.
func (r *Runner) extend(ctx context.Context) {
	state := r.Ledger.State()
	if !run.Extendable(state, r.Now()) || !r.mayPlan() {
		return
	}
	sight := sightOf(state, r.Now())
	if sight == r.looked {
		return
	}
	r.looked = sight
	r.plan(ctx, func(s run.State, facts policy.Facts) []run.Event {
		if !run.Extendable(s, facts.Now) {
			return nil
		}
		span := window.Span{Night: s.Night.Plan.Night, Open: s.Night.Plan.Opens, Close: s.Night.Plan.Closes}
		made, report := plan.Make(facts, span, facts.Store.Calendar.Reserve)
		if made = run.Extension(s, made); len(made.Lanes) == 0 {
			return nil
		}
		return opening(run.NightExtended, made, report, facts)
	})
}

// plan looks at every device and commits what decide makes of it.
func (r *Runner) plan(ctx context.Context, decide func(run.State, policy.Facts) []run.Event) {
	facts := r.Facts(ctx)
	facts.Inventory = collector.Look(ctx, beating{r.Devices, r.Beat}, facts.Store.Devices, r.Log)
	if ctx.Err() != nil {
		return
	}
	r.nextAround = time.Now().Add(lookAround)
	r.Seen(facts.Inventory)
	records, err := r.Ledger.Commit(func(s run.State) []run.Event {
		facts.Holds, facts.Dirty, facts.Quarantine, facts.Learned, facts.Now = s.Holds, s.Dirty, s.Quarantine, s.Learned, r.Now()
		return decide(s, facts)
	})
	if err != nil {
		r.looked = sight{} // look again when the journal can be written
		r.Log.Error("cannot write the plan of the night", "err", err)
		return
	}
	if len(records) > 0 {
		r.looked = sightOf(r.Ledger.State(), facts.Now)
	}
	for _, record := range records {
		r.log(record.Event)
	}
}

// beating beats after each look at a device. Where many devices are silent, to look at all of them takes longer
// than a service manager waits for a sign of life.
type beating struct {
	prober collector.Prober
	beat   func()
}

// Probe implements collector.Prober.
func (b beating) Probe(ctx context.Context, d site.Device) (site.Observation, error) {
	defer b.beat()
	return b.prober.Probe(ctx, d)
}

// sight is what a plan depended on, as far as a new look is worth its while when it changes.
type sight struct {
	night                               window.Date
	catalog                             int64
	cached, holds, keys, dirty, settled int
	quarantine                          int
	missed                              string // devices that do not answer
}

func sightOf(s run.State, now time.Time) sight {
	v := sight{catalog: s.Catalog.Version, cached: len(s.Cached), keys: len(s.HostKeys), dirty: len(s.Dirty), quarantine: len(s.Quarantine)}
	for _, h := range s.Holds {
		if now.Before(h.Until) {
			v.holds++
		}
	}
	if s.Night == nil {
		return v
	}
	v.night, v.settled = s.Night.Plan.Night, s.Night.Settled()
	for _, m := range s.Night.Plan.Members {
		if m.Down {
			v.missed += m.Device + " "
		}
	}
	return v
}

// opening is the commit that opens a night or adds to it: the plan, and what was seen of each device.
func opening(kind run.Kind, made plan.Plan, report plan.Report, facts policy.Facts) []run.Event {
	now := facts.Now
	events := []run.Event{{Kind: kind, At: now, Night: made.Night, Plan: &made, Report: report}}
	for _, member := range made.Members {
		if o, seen := facts.Inventory[member.Device]; seen {
			cut := run.Relevant(o, made.Patches)
			events = append(events, run.Event{Kind: run.DeviceObserved, At: now, Night: made.Night, Device: member.Device, Observed: &cut})
		}
	}
	return events
}
