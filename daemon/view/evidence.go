package view

import (
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// Attempt is one time that a step was begun.
type Attempt struct {
	Step    run.Step      `json:"step"`
	Attempt int           `json:"attempt"` // from 1
	Began   time.Time     `json:"began"`
	Ended   time.Time     `json:"ended,omitzero"`    // zero: it is under way, or was given up
	Outcome run.Outcome   `json:"outcome,omitempty"` // empty: as above
	Took    site.Duration `json:"took,omitempty"`    // on the device where it knows
	Reason  *site.Reason  `json:"reason,omitempty"`  // when it did not end well
}

// Silence is a time during which a device did not answer.
type Silence struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"` // zero: it never answered again that night
}

// NightDevice is what a night was for one device, in one word.
type NightDevice struct {
	Device string       `json:"device"`
	Class  site.Class   `json:"class,omitempty"` // empty: the store file does not name it any more
	State  site.State   `json:"state"`
	Since  time.Time    `json:"since,omitzero"`
	Reason *site.Reason `json:"reason,omitempty"`
	Total  int          `json:"total"`                  // patches that were due
	Done   int          `json:"done"`                   // of them
	Before string       `json:"before_night,omitempty"` // what was broken on it before the night's work; empty = nothing that is known
}

// NightCheck is one readiness check before a night's work, when the night was over, and last: now
// while it is open, else when the store opened.
type NightCheck struct {
	site.Compared
	AtClose site.CheckOutcome `json:"at_close,omitempty"` // empty: the night is open, or no check ran since
}

// WithEvidence shows the newest night of a state with every attempt of every step and an outcome of
// every device; nil when there never was one. Records are the journal's, from the night's opening
// to the record that the state ends with; others among them do no harm. Now is the moment of asking.
func WithEvidence(store site.Store, s run.State, records []run.Record, now time.Time) *Night {
	v := NightOf(s, true)
	if v == nil {
		return nil
	}
	v.Store, v.Name, v.AsOf = store.ID, store.Name, now
	if !v.Open {
		v.AsOf = v.Closed
	}
	jobs := map[[2]string]*Job{}
	for i := range v.Jobs {
		jobs[[2]string{v.Jobs[i].Device, v.Jobs[i].Patch}] = &v.Jobs[i]
	}
	for _, r := range records {
		if j := jobs[[2]string{r.Event.Device, r.Event.Patch}]; j != nil && (r.Event.Night.IsZero() || r.Event.Night == v.Night) {
			j.note(r.Event)
		}
	}
	v.Checks = nightChecks(store, s)
	v.Devices = outcomes(store, s, v)
	return v
}

// nightChecks compares the checks as the journal did, or as they stand now while the night is open.
func nightChecks(store site.Store, s run.State) []NightCheck {
	last := s.Night.Compared
	if s.Night.Open() {
		last = BaselineOf(s, store).Compare(store, s.Checks, s.Failing)
	}
	list := make([]NightCheck, 0, len(last))
	for _, c := range last {
		v := NightCheck{Compared: c}
		for _, was := range s.Night.AtClose {
			if was.Check == c.Check && !s.Night.Open() {
				v.AtClose = was.After
			}
		}
		list = append(list, v)
	}
	return list
}

// brokenBefore says what was broken on a device before the night's work.
func brokenBefore(device string, s run.State, checks []NightCheck) string {
	if slices.Contains(s.Night.Before.Down, device) {
		return "did not answer before the night"
	}
	var failed []string
	for _, c := range checks {
		if c.Device == device && c.Before == site.Fail {
			failed = append(failed, c.Check)
		}
	}
	if len(failed) == 0 {
		return ""
	}
	return strings.Join(failed, ", ") + " failed before the night"
}

// note adds what one record tells to the attempts of its job.
func (j *Job) note(e run.Event) {
	switch e.Kind {
	case run.StepStarted:
		j.Attempts = append(j.Attempts, Attempt{Step: e.Step, Attempt: e.Attempt, Began: e.At})
	case run.StepEnded:
		j.answered(e.At)
		i := slices.IndexFunc(j.Attempts, func(a Attempt) bool { return a.Step == e.Step && a.Attempt == e.Attempt })
		if i >= 0 {
			a := &j.Attempts[i]
			a.Ended, a.Outcome, a.Took, a.Reason = e.At, e.Outcome, e.Took, e.Reason
		}
	case run.DeviceSilent:
		if n := len(j.Silent); n == 0 || !j.Silent[n-1].To.IsZero() {
			j.Silent = append(j.Silent, Silence{From: e.At})
		}
	case run.DeviceAnswered:
		j.answered(e.At)
	}
}

func (j *Job) answered(at time.Time) {
	if n := len(j.Silent); n > 0 && j.Silent[n-1].To.IsZero() {
		j.Silent[n-1].To = at
	}
}

// outcomes gives every device one: those of the store file first, then those that only the night knows.
func outcomes(store site.Store, s run.State, v *Night) []NightDevice {
	devices := slices.Clone(store.Devices)
	add := func(id string) {
		if id != "" && !slices.ContainsFunc(devices, func(d site.Device) bool { return d.ID == id }) {
			devices = append(devices, site.Device{ID: id})
		}
	}
	for _, j := range v.Jobs {
		add(j.Device)
	}
	for _, l := range v.Left {
		add(l.Device)
	}
	var list []NightDevice
	for _, d := range devices {
		o := outcome(d, s, v)
		o.Before = brokenBefore(d.ID, s, v.Checks)
		list = append(list, o)
	}
	return list
}

func outcome(d site.Device, s run.State, v *Night) NightDevice {
	o := NightDevice{Device: d.ID, Class: d.Class, State: site.NotDue, Since: v.Opened}
	if jobs := JobsOf(s, d.ID); len(jobs) > 0 {
		for _, j := range jobs {
			o.Total++
			if j.State == site.Done {
				o.Done++
			}
		}
		j := telling(jobs)
		o.State, o.Since, o.Reason = j.State, j.Since, run.Whether(s, j)
		for _, other := range jobs {
			if other.State == o.State && other.Since.After(o.Since) {
				o.Since = other.Since // done is a device when its last patch is
			}
		}
		return o
	}
	if left, ok := unplanned(d.ID, v.Left); ok {
		o.State, o.Reason = left.State, left.Reason
	}
	return o
}

// unplanned finds what is said of a device for which nothing was planned: of the whole device, else
// the gravest that is said of a patch, else of the whole store.
func unplanned(device string, report plan.Report) (plan.LeftOut, bool) {
	var found []plan.LeftOut
	for _, l := range report {
		switch {
		case l.Device == device && l.Patch == "":
			return l, true
		case l.Device == device && l.State != site.NotDue, l.Device == "" && l.Patch == "":
			found = append(found, l)
		}
	}
	if len(found) == 0 {
		return plan.LeftOut{}, false
	}
	return slices.MinFunc(found, func(a, b plan.LeftOut) int {
		return gravity(run.Job{State: a.State}) - gravity(run.Job{State: b.State})
	}), true
}
