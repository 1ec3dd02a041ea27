package comply

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Clocks are all the moments on the way of a patch to one device. Zero: not reached, or not known.
// The limit runs from VendorReleased to Verified; what a store does, from Cached to Verified.
type Clocks struct {
	VendorReleased time.Time `json:"vendor_released,omitzero"` // the first moment of that day, in UTC
	Acquired       time.Time `json:"acquired,omitzero"`
	Approved       time.Time `json:"approved,omitzero"`
	Published      time.Time `json:"published,omitzero"`
	Cached         time.Time `json:"cached,omitzero"`   // all its bytes are in the store
	Eligible       time.Time `json:"eligible,omitzero"` // the first night opened in which it could be begun
	Started        time.Time `json:"started,omitzero"`
	Installed      time.Time `json:"installed,omitzero"`
	Restarted      time.Time `json:"restarted,omitzero"`
	Verified       time.Time `json:"verified,omitzero"`
	Reported       time.Time `json:"reported,omitzero"` // headquarters knew
}

// Clocks returns the moments of a row.
func (v *View) Clocks(r Row) Clocks {
	t := v.times[r.Patch.ID]
	c := Clocks{VendorReleased: r.Released, Acquired: t.Acquired, Approved: t.Approved, Published: t.Published}
	for _, a := range r.Patch.Artifacts {
		at := r.Store.Cached[a.SHA256]
		if at.IsZero() {
			c.Cached = time.Time{}
			break
		}
		if at.After(c.Cached) {
			c.Cached = at
		}
	}
	from := c.Cached
	if t.Published.After(from) {
		from = t.Published
	}
	if after := r.Patch.Approval.NotBefore; after != nil && after.After(from) {
		from = *after
	}
	if !from.IsZero() {
		c.Eligible = r.Store.FirstWindow(from)
		if j := r.Job; j != nil && !j.Started.Time().Before(from) && (c.Eligible.IsZero() || j.Started.Time().Before(c.Eligible)) {
			c.Eligible = from // it came while a window was open
		}
	}
	if j := r.Job; j != nil {
		c.Started, c.Installed, c.Restarted = j.Started.Time(), j.Installed.Time(), j.Restarted.Time()
		c.Verified, c.Reported = j.Verified.Time(), j.Reported.Time()
	}
	return c
}

// SLA is how patches of a severity stand to the limit, and how long they took.
type SLA struct {
	Severity string `json:"severity"` // AllSeverities for the sum
	Limit    Limit  `json:"limit"`
	Within   int    `json:"within"`  // proven in time
	Late     int    `json:"late"`    // proven too late, or overdue
	Waived   int    `json:"waived"`  // too late, and excepted
	Open     int    `json:"open"`    // not there, and not late yet
	Untimed  int    `json:"untimed"` // there, but nobody knows since when
	// Measured are those that are proven, with a vendor's release: Median and P90 are of them.
	Measured int           `json:"measured"`
	Median   site.Duration `json:"median"`
	P90      site.Duration `json:"p90"`
}

// AllSeverities is the name of the sum.
const AllSeverities = "all"

// Ratio is those that were proven in time, of all whose time is over or that are proven. One that is
// excepted is not in time.
func (s SLA) Ratio() Ratio { return Ratio{s.Within, s.Within + s.Late + s.Waived} }

// sla is an SLA that is being counted.
type sla struct {
	SLA
	took []time.Duration
}

func (t *tally) clock(r *Row) {
	key := severity(r.Patch)
	s := t.clocks[key]
	if s == nil {
		s = &sla{SLA: SLA{Severity: key, Limit: t.view.policy.Limits[r.Patch.Severity]}}
		t.clocks[key] = s
	}
	switch r.deadline(t.view.now) {
	case MarkWithin:
		s.Within++
	case MarkLate:
		s.Late++
	case MarkWaived:
		s.Waived++
	case MarkOpen:
		s.Open++
	case MarkUntimed:
		s.Untimed++
	}
	if r.Has(MarkTimed, t.view.now) {
		s.took = append(s.took, r.Job.Verified.Time().Sub(r.Released))
	}
}

// slas ends the counting of the clocks.
func (t *tally) slas() []SLA {
	all := sla{SLA: SLA{Severity: AllSeverities}}
	out := []SLA{}
	for _, s := range t.clocks {
		all.Within, all.Late, all.Waived = all.Within+s.Within, all.Late+s.Late, all.Waived+s.Waived
		all.Open, all.Untimed = all.Open+s.Open, all.Untimed+s.Untimed
		all.took = append(all.took, s.took...)
		out = append(out, s.done())
	}
	slices.SortFunc(out, func(x, y SLA) int { return BySeverity.order(x.Severity, y.Severity) })
	return append(out, all.done())
}

func (s *sla) done() SLA {
	slices.Sort(s.took)
	s.Measured = len(s.took)
	s.Median, s.P90 = site.Duration(quantile(s.took, 50)), site.Duration(quantile(s.took, 90))
	return s.SLA
}

// quantile is the smallest of sorted values that so many per cent of them do not exceed; 0 of none.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}
