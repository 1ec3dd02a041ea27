package view

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// evening is the hour from which a store is told of its night.
const evening = 18

// NoticeFrom is when the store is told what will be done in a window: at 18:00, 5 hours ahead where
// the window opens earlier than that, or as early as a contact wants to be told.
func NoticeFrom(store site.Store, span window.Span) time.Time {
	d := span.Night
	from := time.Date(d.Year, d.Month, d.Day, evening, 0, 0, 0, span.Open.Location())
	if !from.Before(span.Open) {
		from = span.Open.Add(-5 * time.Hour)
	}
	for _, c := range store.Contacts {
		if told := span.Open.Add(-c.Notice.Std()); told.Before(from) {
			from = told
		}
	}
	return from
}

// tonight is what the store is told of the coming night; nil when it is too early, the night has begun,
// or nothing would be begun.
func tonight(f Facts) *ready.Plan {
	p := f.Tonight
	if p == nil || f.State.Night.Open() || f.State.Barred(f.Now) != nil || f.Now.Before(NoticeFrom(f.Store, window.Span{Night: p.Night, Open: p.Opens.In(f.Store.Calendar.Zone), Close: p.Closes})) {
		return nil
	}
	n := &ready.Plan{From: p.Opens, To: p.Closes}
	for _, lane := range p.Lanes {
		if len(lane.Jobs) > 0 {
			n.Devices++
		}
		n.Ends = latest(n.Ends, lane.Jobs)
	}
	return n
}

func latest(ends time.Time, jobs []plan.Job) time.Time {
	for _, j := range jobs {
		if j.Ends.After(ends) {
			ends = j.Ends
		}
	}
	return ends
}

// busy are the devices that must not be switched off: those with which the night is not finished,
// and those that a person restarts. What is wanted first is told first.
func busy(f Facts) []ready.Busy {
	var all []ready.Busy
	known := map[string]bool{}
	if f.State.Night.Open() {
		for _, lane := range f.State.Night.Plan.Lanes {
			if until, open := laneEnds(f.State.Night, lane); open {
				known[lane.Device] = true
				all = append(all, ready.Busy{Device: lane.Device, Until: until})
			}
		}
	}
	for _, d := range f.Store.Devices {
		if h, taken := f.State.Hands[d.ID]; taken && (h.What == run.RestartAsked || h.What == run.RepairBegun) && !known[d.ID] {
			all = append(all, ready.Busy{Device: d.ID, Until: h.Deadline})
		}
	}
	slices.SortStableFunc(all, func(a, b ready.Busy) int { return a.Until.Compare(b.Until) })
	return all
}

// repairs are what the box did by itself about checks, for the opening that is next or was last.
func repairs(f Facts) map[string]ready.Repair {
	all := map[string]ready.Repair{}
	for id, r := range f.State.Repairs {
		if f.Now.Sub(r.Opens) < aMorning {
			all[id] = ready.Repair{Device: r.Device, Begun: r.At, Ended: r.Ended, Done: r.Outcome == run.OK}
		}
	}
	return all
}

// laneEnds is when the night is expected to be finished with a device, and whether it is not yet.
func laneEnds(n *run.Night, lane plan.Lane) (until time.Time, open bool) {
	settled := map[string]bool{}
	for _, j := range n.JobsOf(lane.Device) {
		settled[j.Patch] = j.Settled
		open = open || !j.Settled
	}
	for _, planned := range lane.Jobs {
		if over, had := settled[planned.Patch]; had && !over && planned.Ends.After(until) {
			until = planned.Ends
		}
	}
	return until, open
}
