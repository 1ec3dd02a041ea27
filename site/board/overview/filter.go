package overview

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

// Filter says which stores, or which patches on devices, are meant. Empty fields mean all. Of a
// field with several values one must fit; all fields that are set must fit.
type Filter struct {
	Q         string // part of the id or the name of a store, a device, or a patch
	Region    []string
	Zone      []string
	Ring      []string
	Contact   []string
	Verdict   []string
	Opening   []string
	Bucket    []string
	Store     []string
	State     []string // of a patch on a device; also the names of StateSet
	Patch     []string
	Class     []string
	Model     []string // as ModelOf
	Severity  []string // of the patch
	Signature []string
}

// StateSet returns the states that one name of several stands for; nil where it is no such name.
func StateSet(name string) []site.State {
	switch name {
	case "attempted":
		return []site.State{site.Installing, site.Restarting, site.Verifying, site.Done, site.Failed, site.RolledBack, site.RollbackFailed, site.NoAnswer}
	case "open":
		return []site.State{site.NotDue, site.Queued, site.Fetching, site.Staged, site.Waiting, site.Held, site.Skipped}
	case "underway":
		return []site.State{site.Installing, site.Restarting, site.Verifying}
	case "not_taken_back":
		return []site.State{site.Failed, site.RollbackFailed}
	}
	return nil
}

// None asks for an empty value: a region, zone or ring that was not told.
const None = "none"

// fits reports whether a value is one of those that are wanted.
func fits(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, cmp.Or(value, None))
}

// OfJobs reports whether the filter asks something of patches on devices.
func (f Filter) OfJobs() bool {
	return len(f.State)+len(f.Patch)+len(f.Class)+len(f.Model)+len(f.Severity)+len(f.Signature) > 0
}

// store reports whether a store is meant, as far as the store alone tells.
func (f Filter) store(s Store) bool {
	return fits(f.Region, s.Region) && fits(f.Zone, s.Zone) && fits(f.Ring, string(s.Ring)) && fits(f.Contact, s.Contact.State) &&
		fits(f.Verdict, string(s.Verdict)) && fits(f.Opening, s.Opening.Answer) && fits(f.Bucket, string(s.Bucket)) && fits(f.Store, s.ID)
}

// stateFits reports whether a state is wanted. "broke" is what counts against a patch: see Patch.Broke.
func (f Filter) stateFits(j *board.Job) bool {
	if len(f.State) == 0 {
		return true
	}
	return slices.ContainsFunc(f.State, func(name string) bool {
		switch name {
		case "broke":
			return ended(j) && j.State != site.Done
		case "ended":
			return ended(j)
		}
		return name == string(j.State) || slices.Contains(StateSet(name), j.State)
	})
}

// job reports whether a patch on a device is meant.
func (f Filter) job(b *board.Board, d *board.Device, j *board.Job) bool {
	if !fits(f.Patch, j.Patch) || !fits(f.Class, string(d.Now.Class)) || !fits(f.Model, ModelOf(d)) || !f.stateFits(j) {
		return false
	}
	if len(f.Severity) > 0 && !fits(f.Severity, string(b.Patches[j.Patch].Severity)) {
		return false
	}
	return len(f.Signature) == 0 || ended(j) && j.State != site.Done && fits(f.Signature, Signature(j))
}

// Filter returns the stores that are meant, in the order of the overview.
func (v *Overview) Filter(b *board.Board, f Filter) []Store {
	q := strings.ToLower(f.Q)
	found := []Store{}
	for _, row := range v.Stores {
		if !f.store(row) || !contains(q, row.ID, row.Name, row.Region) {
			continue
		}
		if f.OfJobs() && !f.anyJob(b, b.Stores[row.ID]) {
			continue
		}
		found = append(found, row)
	}
	return found
}

func (f Filter) anyJob(b *board.Board, s *board.Store) bool {
	if s == nil {
		return false
	}
	for _, d := range s.Devices {
		for _, j := range d.Jobs {
			if !d.Gone && f.job(b, d, j) {
				return true
			}
		}
	}
	return false
}

// contains reports whether one of the texts has the part, which is in lower case.
func contains(part string, texts ...string) bool {
	return part == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), part) })
}

// Job is one patch on one device as a list shows it.
type Job struct {
	Store      string     `json:"store"`
	StoreName  string     `json:"store_name"`
	Device     string     `json:"device"`
	Class      site.Class `json:"class"`
	Model      string     `json:"model,omitempty"`
	Patch      string     `json:"patch"`
	State      site.State `json:"state"`
	Code       site.Code  `json:"code,omitempty"`
	Night      string     `json:"night,omitempty"`
	Step       run.Step   `json:"step,omitempty"`
	Attempt    int        `json:"attempt,omitempty"`
	At         time.Time  `json:"at,omitzero"`
	Started    time.Time  `json:"started,omitzero"`
	Installed  time.Time  `json:"installed,omitzero"`
	Restarted  time.Time  `json:"restarted,omitzero"`
	Verified   time.Time  `json:"verified,omitzero"`
	Failed     time.Time  `json:"failed,omitzero"`
	RolledBack time.Time  `json:"rolled_back,omitzero"`
	Signature  string     `json:"signature,omitempty"` // why it broke, where it did

	Loc *time.Location `json:"-"` // of the store
}

// JobOf returns a job as a list shows it.
func JobOf(row Store, d *board.Device, j *board.Job) Job {
	v := Job{
		Store: row.ID, StoreName: row.Name, Device: d.ID, Class: d.Now.Class, Model: d.Now.Model, Patch: j.Patch, State: j.State, Code: j.Code,
		Step: j.Step, Attempt: j.Attempt, At: j.At.Time(), Started: j.Started.Time(), Installed: j.Installed.Time(), Restarted: j.Restarted.Time(),
		Verified: j.Verified.Time(), Failed: j.Failed.Time(), RolledBack: j.RolledBack.Time(), Loc: row.Loc,
	}
	if !j.Night.IsZero() {
		v.Night = j.Night.String()
	}
	if ended(j) && j.State != site.Done {
		v.Signature = Signature(j)
	}
	return v
}

// Jobs returns the patches on devices that are meant: by store as the overview has them, then by device
// and patch. Only those from skip on, and limit at most, are returned; total counts all.
func (v *Overview) Jobs(b *board.Board, f Filter, skip, limit int) (list []Job, total int) {
	q := strings.ToLower(f.Q)
	list = []Job{}
	for _, row := range v.Stores {
		s := b.Stores[row.ID]
		if s == nil || !f.store(row) {
			continue
		}
		mine := f.jobs(b, s, row, q)
		if total += len(mine); len(list) == limit || total <= skip {
			continue
		}
		sortMatches(mine)
		for n, m := range mine {
			if total-len(mine)+n >= skip && len(list) < limit {
				list = append(list, JobOf(row, m.d, m.j))
			}
		}
	}
	return list, total
}

// match is a patch on a device.
type match struct {
	d *board.Device
	j *board.Job
}

// sortMatches orders by device and patch.
func sortMatches(list []match) {
	slices.SortFunc(list, func(x, y match) int {
		return cmp.Or(board.CompareIDs(x.d.ID, y.d.ID), cmp.Compare(x.j.Patch, y.j.Patch))
	})
}

func (f Filter) jobs(b *board.Board, s *board.Store, row Store, q string) []match {
	var mine []match
	for _, d := range s.Devices {
		if d.Gone {
			continue
		}
		for _, j := range d.Jobs {
			if f.job(b, d, j) && contains(q, row.ID, row.Name, d.ID, j.Patch) {
				mine = append(mine, match{d, j})
			}
		}
	}
	return mine
}
