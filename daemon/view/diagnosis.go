package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// Diagnosis is everything that is known of one device, after a fresh look at it.
type Diagnosis struct {
	Schema       string             `json:"schema"` // diagnosis/1
	Device       string             `json:"device"`
	Class        site.Class         `json:"class"`
	Address      string             `json:"address,omitempty"`
	User         string             `json:"user,omitempty"`
	Groups       []string           `json:"groups,omitempty"`
	Capabilities []string           `json:"capabilities,omitempty"`
	Enrolled     bool               `json:"enrolled"` // its host key is pinned
	At           time.Time          `json:"at"`
	Observation  *site.Observation  `json:"observation,omitempty"` // nil: it was not looked at
	Error        *site.Reason       `json:"error,omitempty"`       // why it could not be
	Checks       []site.CheckResult `json:"checks"`                // the newest of each check of the device
	Night        window.Date        `json:"night,omitzero"`        // of the jobs
	Jobs         []Job              `json:"jobs,omitempty"`
	Held         *site.Hold         `json:"held,omitempty"`
	Dirty        *site.Reason       `json:"dirty,omitempty"` // a person must look before anything else is put on it
	Check        string             `json:"check,omitempty"` // this check alone was carried out; the observation is the newest that there was
}

// Of keeps of the checks the one that was carried out. Why the newest look at the device failed is not told: nobody
// looked now.
func (v Diagnosis) Of(check string) Diagnosis {
	v.Check, v.Error = check, nil
	v.Checks = slices.DeleteFunc(slices.Clone(v.Checks), func(r site.CheckResult) bool { return r.Check != check })
	return v
}

// HasCheck refuses a check that is not one of a device, and names those that are.
func HasCheck(s site.Store, device, check string) error {
	var own []string
	for _, c := range s.Checks {
		if c.Device == device {
			own = append(own, c.ID)
		}
	}
	switch {
	case slices.Contains(own, check):
		return nil
	case len(own) == 0:
		return site.Because(site.CodeNotApplicable, "the store file names no check of "+device, "check", check)
	}
	return site.Because(site.CodeNotApplicable, fmt.Sprintf("%s has no check %q: it has %s", device, check, strings.Join(own, " ")), "check", check)
}

// Diagnose puts a fresh observation of a device together with what the box knows of it. An
// observation that carries an error is a device that could not be looked at, a zero one a device
// that nobody may look at.
func Diagnose(f Facts, d site.Device, o site.Observation, results map[string]site.CheckResult) Diagnosis {
	v := Diagnosis{
		Schema: "diagnosis/1", Device: d.ID, Class: d.Class, Address: d.Address, User: d.User, Groups: d.Groups, Capabilities: d.Capabilities,
		Enrolled: d.HostKey != "", At: o.At, Checks: []site.CheckResult{}, Held: held(f, d.ID), Dirty: f.State.Dirty[d.ID],
	}
	switch {
	case o.Error != nil:
		v.Error = o.Error
	case !o.At.IsZero():
		v.Observation = &o
	}
	for _, c := range f.Store.Checks {
		if r, seen := results[c.ID]; seen && c.Device == d.ID {
			v.Checks = append(v.Checks, r)
		}
	}
	if v.Jobs = JobsShown(f.State)(d.ID); len(v.Jobs) > 0 {
		v.Night = f.State.Night.Plan.Night
	}
	return v
}
