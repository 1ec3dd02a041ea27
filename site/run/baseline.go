package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Before is what was known when a night opened.
type Before struct {
	Checks map[string]site.CheckResult `json:"checks,omitempty"` // the newest result of each; what is older than the box's start is unknown
	Down   []string                    `json:"down,omitempty"`   // devices that did not answer
}

// checked keeps the result of a check, and since when it fails. A look that told nothing ends no failure.
func (s *State) checked(r site.CheckResult) {
	set(&s.Checks, &s.own.checks, r.Check, r)
	_, failing := s.Failing[r.Check]
	switch {
	case r.Outcome == site.Fail && !failing:
		set(&s.Failing, &s.own.failing, r.Check, r.At)
	case r.Outcome != site.Fail && r.Outcome != site.Unknown:
		drop(&s.Failing, &s.own.failing, r.Check)
	}
}

// known is what may be believed of each check now.
func (s *State) known() map[string]site.CheckResult {
	if len(s.Checks) == 0 {
		return nil
	}
	known := map[string]site.CheckResult{}
	for id, r := range s.Checks {
		if r.At.Before(s.Started) {
			r.Outcome, r.Seen = site.Unknown, ""
		}
		known[id] = r
	}
	return known
}

// down are the devices that did not answer when the night of an event was planned. One that was
// left out for another reason, such as its key, is not named: that reason says more.
func down(e Event) []string {
	var ids []string
	for _, m := range e.Plan.Members {
		i := slices.IndexFunc(e.Report, func(l plan.LeftOut) bool { return l.Device == m.Device && l.Patch == "" })
		silent := i < 0 || e.Report[i].State == site.NoAnswer || e.Report[i].State == site.Held
		if m.Down && silent {
			ids = append(ids, m.Device)
		}
	}
	return ids
}

// compared keeps the first comparison after the close, and the newest one.
func (s *State) compared(e Event) {
	if n := s.Night; n != nil && n.Plan.Night == e.Night {
		if n.AtClose == nil {
			n.AtClose = e.Compared
		}
		n.Compared = e.Compared
	}
}
