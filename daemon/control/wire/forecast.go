package wire

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Forecast is a plan as people read it: what happens in which order, and what does not.
type Forecast struct {
	Schema  string        `json:"schema"` // plan/1
	Night   window.Date   `json:"night"`
	Opens   time.Time     `json:"opens"`
	Cutoff  time.Time     `json:"cutoff"`
	Closes  time.Time     `json:"closes"`
	Catalog int64         `json:"catalog"` // its version; 0 = none
	Jobs    []PlannedJob  `json:"jobs"`    // in the order in which they are expected to begin
	Ends    time.Time     `json:"ends,omitzero"`
	Spare   site.Duration `json:"spare"` // between Ends and Cutoff; all of the window when nothing is planned
	Left    plan.Report   `json:"left_out"`
	// HeldBack is why nothing of it would be begun as things are, what has to be mended first first.
	HeldBack []run.Obstacle `json:"held_back,omitempty"`
	// Passed is why the window that is open, or would open on that day, is not the one that is planned.
	Passed *site.Reason `json:"passed,omitempty"`
	// Chance is what came of many nights that were played with this plan; nil when nothing is planned.
	Chance *forecast.Chance `json:"chance,omitempty"`
}

// PlannedJob is one patch on one device, with the last moment at which it may begin.
type PlannedJob struct {
	Order         int           `json:"order"` // from 1
	Device        string        `json:"device"`
	Patch         string        `json:"patch"`
	Title         string        `json:"title"`
	Begins        time.Time     `json:"begins"`
	Ends          time.Time     `json:"ends"`
	Needs         site.Duration `json:"needs"`            // with its rollback
	Bundle        int           `json:"bundle,omitempty"` // jobs of the device with the same number are proven together
	LastSafeStart time.Time     `json:"last_safe_start"`
	Reboot        site.Reboot   `json:"reboot"`
	Note          string        `json:"note,omitempty"` // that it is due again since an exception ended
	// Estimate is what Needs is the sum of, and where that comes from.
	Estimate estimate.Estimate `json:"estimate"`
}

// ForecastOf turns a plan and its report into a Forecast.
func ForecastOf(p plan.Plan, left plan.Report) Forecast {
	f := Forecast{
		Schema: "plan/1", Night: p.Night, Opens: p.Opens, Cutoff: p.Cutoff, Closes: p.Closes, Catalog: p.Catalog,
		Jobs: []PlannedJob{}, Left: left,
	}
	if f.Left == nil {
		f.Left = plan.Report{}
	}
	for _, lane := range p.Lanes {
		for _, j := range lane.Jobs {
			patch, _ := p.Patch(j.Patch)
			f.Jobs = append(f.Jobs, PlannedJob{
				Device: lane.Device, Patch: j.Patch, Title: patch.Title, Begins: j.Begins, Ends: j.Ends, Needs: j.Needs, Bundle: j.Bundle,
				LastSafeStart: p.Cutoff.Add(-j.Needs.Std()), Reboot: patch.Reboot, Estimate: j.Expected(patch), Note: j.Note,
			})
			if j.Ends.After(f.Ends) {
				f.Ends = j.Ends
			}
		}
	}
	slices.SortStableFunc(f.Jobs, func(a, b PlannedJob) int { return a.Begins.Compare(b.Begins) })
	for i := range f.Jobs {
		f.Jobs[i].Order = i + 1
	}
	begins := p.Opens
	if !f.Ends.IsZero() {
		begins = f.Ends
	}
	f.Spare = site.Duration(max(0, p.Cutoff.Sub(begins)))
	return f
}

// Group is what was left out for one reason.
type Group struct {
	Code  site.Code
	Items []plan.LeftOut
}

// Grouped puts what was left out together by the code of its reason, the most first. What
// was not due, which is what nobody asks for, comes in the second value.
func Grouped(report plan.Report) (groups []Group, notDue plan.Report) {
	for _, l := range report {
		if l.State == site.NotDue {
			notDue = append(notDue, l)
			continue
		}
		code := site.Code("")
		if l.Reason != nil {
			code = l.Reason.Code
		}
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Code == code })
		if i < 0 {
			i = len(groups)
			groups = append(groups, Group{Code: code})
		}
		groups[i].Items = append(groups[i].Items, l)
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return len(b.Items) - len(a.Items) })
	return groups, notDue
}
