package view

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Answer says what became of one patch on one device, and why: in the newest night, and
// as it looks now in the next one. An empty Patch speaks of the whole device.
type Answer struct {
	Schema string       `json:"schema"` // why/1
	Device string       `json:"device"`
	Patch  string       `json:"patch"`
	Title  string       `json:"title,omitempty"`
	Night  window.Date  `json:"night,omitzero"` // of which State speaks; zero = no night has looked at the patch yet
	State  site.State   `json:"state"`
	Since  time.Time    `json:"since,omitzero"`
	Reason *site.Reason `json:"reason,omitempty"`
	Step   run.Step     `json:"step,omitempty"` // under way
	Before string       `json:"before,omitempty"`
	After  string       `json:"after,omitempty"`
	Steps  []Step       `json:"steps,omitempty"`
	Note   string       `json:"note,omitempty"` // that it was due again since an exception ended
	Held   *site.Hold   `json:"held,omitempty"`
	Dirty  *site.Reason `json:"dirty,omitempty"` // a person must look at the device before anything else is put on it
	// Estimate and LastSafeStart are there while the night is open and nothing was begun.
	Estimate      *estimate.Estimate `json:"estimate,omitempty"`
	LastSafeStart time.Time          `json:"last_safe_start,omitzero"`
	Next          *Outlook           `json:"next,omitempty"` // nil while the night that deals with the patch is not over
}

// Outlook is what the next night, as planned now, does with a patch on a device.
type Outlook struct {
	Night  window.Date   `json:"night"`
	State  site.State    `json:"state"` // queued when it is planned
	Begins time.Time     `json:"begins,omitzero"`
	Ends   time.Time     `json:"ends,omitzero"`
	Needs  site.Duration `json:"needs,omitempty"`
	Reason *site.Reason  `json:"reason,omitempty"` // why not; of what is planned, why it would not be begun as things are
	Note   string        `json:"note,omitempty"`   // that it is due again since an exception ended
	// Estimate is what Needs is the sum of, and where that comes from; nil unless it is planned.
	Estimate      *estimate.Estimate `json:"estimate,omitempty"`
	LastSafeStart time.Time          `json:"last_safe_start,omitzero"`
}

// Why answers for every patch that the newest night, the forecast or the catalog knows for
// the device, or for one of them. It is empty when the patch is not known. A device about
// which no patch is known gets one answer of its own.
func Why(f Facts, next plan.Plan, left plan.Report, device, patch string) []Answer {
	answers, held := []Answer{}, HeldBack(f, next.Night, next.Opens)
	for _, id := range patchesFor(f, next, device) {
		if patch == "" || patch == id {
			a := answerOf(f, next, left, device, id)
			if a.Next != nil && a.Next.Reason == nil && len(held) > 0 {
				a.Next.Reason = &held[0].Reason
			}
			answers = append(answers, a)
		}
	}
	if len(answers) == 0 && patch == "" {
		whole := answerOf(f, next, left, device, "")
		if whole.Reason == nil {
			whole.Reason = f.CatalogNo
		}
		answers = append(answers, whole)
	}
	return answers
}

// patchesFor names patches in the order in which they tell most: what was done, what is
// planned, what else there is.
func patchesFor(f Facts, next plan.Plan, device string) []string {
	var ids []string
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, j := range JobsOf(f.State, device) {
		add(j.Patch)
	}
	for _, lane := range next.Lanes {
		for _, j := range lane.Jobs {
			if lane.Device == device {
				add(j.Patch)
			}
		}
	}
	for _, a := range f.Catalog.Patches {
		add(a.Patch.ID)
	}
	return ids
}

func answerOf(f Facts, next plan.Plan, left plan.Report, device, patch string) Answer {
	a := Answer{Schema: "why/1", Device: device, Patch: patch, State: site.NotDue, Dirty: f.State.Dirty[device], Held: held(f, device)}
	if i := slices.IndexFunc(f.Catalog.Patches, func(c site.Approved) bool { return c.Patch.ID == patch }); i >= 0 {
		a.Title = f.Catalog.Patches[i].Patch.Title
	}
	a.Next = outlook(next, left, device, patch)
	if j, ok := f.State.Job(device, patch); ok {
		v := job(f.State, j, run.Whether(f.State, j))
		a.Night, a.Title, a.State, a.Since, a.Reason = f.State.Night.Plan.Night, v.Title, v.State, v.Since, v.Reason
		a.Step, a.Before, a.After, a.Steps = v.Step, v.Before, v.After, v.Steps
		if o := outlook(f.State.Night.Plan, nil, device, patch); o != nil {
			a.Note = o.Note
		}
		if a.Next != nil && a.Next.Night == a.Night {
			a.Next = nil // the night is not over: what it will do is in the state
		}
		a.ahead(f.State, j)
		return a
	}
	if f.State.Night == nil {
		return a
	}
	if l := leftOut(f.State.Night.Report, device, patch); l != nil {
		a.Night, a.State, a.Since, a.Reason = f.State.Night.Plan.Night, l.State, f.State.Night.Opened, l.Reason
	}
	return a
}

// ahead fills in by when a job of the open night has to begin, which may be later or earlier than
// when it was planned: what the night has taught counts.
func (a *Answer) ahead(s run.State, j run.Job) {
	p, planned := s.Night.Plan.Patch(j.Patch)
	if !planned || !s.Night.Open() || j.Settled || j.Begun() {
		return
	}
	e := s.Estimate(j.Device, p)
	p.Duration = e.Durations
	a.Estimate, a.LastSafeStart = &e, s.Night.Plan.Cutoff.Add(-plan.Needs(p))
}

// held is the hold that keeps the device from work now, its own before the store's.
func held(f Facts, device string) *site.Hold {
	for _, name := range []string{device, site.AllDevices} {
		if h, ok := f.State.Holds[name]; ok && f.Now.Before(h.Until) {
			return &h
		}
	}
	return nil
}

func outlook(next plan.Plan, left plan.Report, device, patch string) *Outlook {
	if next.Night.IsZero() {
		return nil
	}
	for _, lane := range next.Lanes {
		for _, j := range lane.Jobs {
			if lane.Device == device && j.Patch == patch {
				p, _ := next.Patch(patch)
				e := j.Expected(p)
				return &Outlook{
					Night: next.Night, State: site.Queued, Begins: j.Begins, Ends: j.Ends, Needs: j.Needs, Note: j.Note,
					Estimate: &e, LastSafeStart: next.Cutoff.Add(-j.Needs.Std()),
				}
			}
		}
	}
	if l := leftOut(left, device, patch); l != nil {
		return &Outlook{Night: next.Night, State: l.State, Reason: l.Reason}
	}
	return nil
}

// leftOut finds why a patch was left out: for itself, for its device, or for the whole store.
func leftOut(report plan.Report, device, patch string) *plan.LeftOut {
	for _, of := range [][2]string{{device, patch}, {device, ""}, {"", patch}, {"", ""}} {
		if i := slices.IndexFunc(report, func(l plan.LeftOut) bool { return l.Device == of[0] && l.Patch == of[1] }); i >= 0 {
			return &report[i]
		}
	}
	return nil
}
