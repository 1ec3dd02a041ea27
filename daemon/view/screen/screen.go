// Package screen puts what the box knows, and what a person may ask of each device, into the
// documents of ui/console. It is pure: values in, values out. Why something may not be asked comes
// from site/run, so that a button and the box that is asked say the same.
package screen

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Store is the document of the whole store.
type Store struct {
	view.Status
	Now     time.Time      `json:"now,omitzero"` // never there: the document changes with what it tells, not with time
	Trading bool           `json:"trading"`      // the store may be serving customers
	Held    *site.Hold     `json:"held,omitempty"`
	May     map[string]May `json:"may"`
}

// Device is the document of one device.
type Device struct {
	view.Device
	Rev          uint64         `json:"rev"`     // of the device alone: it grows with everything that happens to it
	Problem      bool           `json:"problem"` // a technician should look at it
	Address      string         `json:"address,omitempty"`
	User         string         `json:"user,omitempty"`
	Capabilities []string       `json:"capabilities,omitempty"`
	Enrolled     bool           `json:"enrolled"`
	Dirty        *site.Reason   `json:"dirty,omitempty"`
	Jobs         []view.Job     `json:"jobs,omitempty"`
	Checks       []Check        `json:"checks,omitempty"`
	May          map[string]May `json:"may"`
}

// Check is the newest result of a check of a device, and what the check is.
type Check struct {
	site.CheckResult
	Kind       site.CheckKind `json:"kind"`
	Limit      string         `json:"limit,omitempty"`      // what it goes by, in words
	Steps      []string       `json:"steps,omitempty"`      // what a person does about it
	Capability string         `json:"capability,omitempty"` // the device does not count for it while the check fails
}

// May says whether a verb may be asked now.
type May struct {
	No      *site.Reason `json:"no,omitempty"`      // why not; nil = it may
	Patches []string     `json:"patches,omitempty"` // for which it may, where it names one
}

// Documents shows everything. Results are the newest of the checks, by id.
func Documents(f view.Facts, results map[string]site.CheckResult) live.Documents {
	d := live.Documents{Trading: Trading(f), Ready: f.Report.Document()}
	store := Store{Status: view.StatusOf(f), Trading: d.Trading, May: map[string]May{order.Check: {}, order.Refresh: {}, order.Hold: {}, order.Release: {}}}
	if h, ok := f.State.Holds[site.AllDevices]; ok {
		store.Held = &h
	} else if h := f.State.Catalog.StoreHeld; h != nil {
		store.May[order.Release] = May{No: site.Because(site.CodeHeld, "headquarters holds the store, and only people there lift that: "+h.Reason)}
	} else {
		store.May[order.Release] = May{No: site.Because(site.CodeNotApplicable, "there is no hold of the whole store")}
	}
	d.Store = store
	if night := view.NightOf(f.State, false); night != nil {
		d.Night = night
	}
	jobs := view.JobsShown(f.State)
	for _, one := range view.Devices(f) {
		d.Devices = append(d.Devices, live.Device{ID: one.Device, Doc: device(f, one, jobs(one.Device), results)})
	}
	return d
}

func device(f view.Facts, shown view.Device, jobs []view.Job, results map[string]site.CheckResult) Device {
	d, _ := f.Store.Device(shown.Device)
	v := Device{
		Device: shown, Rev: f.State.Rev(d.ID), Address: d.Address, User: d.User, Capabilities: d.Capabilities, Enrolled: d.HostKey != "",
		Dirty: f.State.Dirty[d.ID], Jobs: jobs, May: may(f, d),
	}
	for _, c := range f.Store.Checks {
		if r, seen := results[c.ID]; seen && c.Device == d.ID {
			v.Checks = append(v.Checks, Check{r, c.Kind, limit(c), c.Steps, c.Capability})
		}
	}
	v.Problem = v.Dirty != nil || slices.Contains([]site.State{site.NoAnswer, site.RollbackFailed, site.Failed, site.RolledBack}, v.State) ||
		slices.ContainsFunc(v.Checks, func(c Check) bool { return c.Outcome == site.Fail })
	return v
}

// may judges every verb of a device.
func may(f view.Facts, d site.Device) map[string]May {
	m := map[string]May{
		order.Retry:    patches(f, d.ID, func(patch string) *site.Reason { return run.MayRetry(f.State, d.ID, patch, f.Now) }),
		order.RollBack: patches(f, d.ID, func(patch string) *site.Reason { return run.MayRollBack(f.State, d.ID, patch) }),
		order.Hold:     {}, order.Release: release(f.State, d.ID), order.Diagnose: {},
	}
	if !d.Patchable() {
		no := May{No: site.Because(site.CodeObserveOnly, d.ID+" is only observed: nothing is ever done to it")}
		for _, verb := range []string{order.Hold, order.Diagnose, order.Restart, order.Enrol, order.Shell} {
			m[verb] = no
		}
		return m
	}
	m[order.Restart] = May{No: run.MayRestart(f.State, d.ID, f.Now)}
	m[order.Shell] = May{No: run.MayTakeOver(f.State, d.ID)}
	m[order.Enrol] = May{}
	if d.Class != site.LinuxServer {
		m[order.Enrol] = May{No: site.Because(site.CodeUnsupported, d.ID+" has no host key to enrol: its class is "+string(d.Class))}
	}
	if d.HostKey == "" {
		no := May{No: site.Because(site.CodeNotEnrolled, "enrol "+d.ID+" first: no key is pinned for it")}
		m[order.Restart], m[order.Shell], m[order.Diagnose] = no, no, no
	}
	return m
}

// patches judges a verb for each patch of a device. The reason is that of the last one.
func patches(f view.Facts, device string, judge func(patch string) *site.Reason) May {
	m := May{No: site.Because(site.CodeNotApplicable, "nothing was planned for "+device+" in the newest night")}
	for _, j := range view.JobsOf(f.State, device) {
		if reason := judge(j.Patch); reason == nil {
			m.Patches = append(m.Patches, j.Patch)
		} else {
			m.No = reason
		}
	}
	if len(m.Patches) > 0 {
		m.No = nil
	}
	return m
}

func release(s run.State, device string) May {
	if _, kept := run.Release(s, device, "", time.Time{}); kept {
		return May{}
	}
	no := site.Because(site.CodeNotApplicable, "nothing holds "+device)
	if _, all := s.Holds[site.AllDevices]; all {
		no = site.Because(site.CodeHeld, "the whole store is held; release that")
	}
	return May{No: no}
}

// Trading reports whether the store may be serving customers: between its opening and the next
// window. A store whose opening is not known may be, whenever no window is open.
func Trading(f view.Facts) bool {
	c := f.Store.Calendar
	if _, open := c.Contains(f.Now); open {
		return false
	}
	opens, known := c.NextOpening(f.Now)
	next, ok := c.Next(f.Now)
	return !known || !ok || next.Open.Before(opens)
}
