package run

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// State is the fold of the journal: all that the box knows of its store. A State is
// a value: Fold returns a new one and leaves the old one as it was, so a reader may
// keep it without a lock. What its pointers lead to is never changed.
type State struct {
	Seq       uint64                      `json:"seq"`                 // of the last record folded in
	At        time.Time                   `json:"at"`                  // of the last record
	TrustedAt time.Time                   `json:"trusted_at,omitzero"` // of the last record written while the clock was trusted
	Catalog   CatalogNote                 `json:"catalog"`
	Refused   *site.Reason                `json:"refused,omitempty"` // why what the server offers was not accepted; nil once a catalog was
	Cached    map[string]bool             `json:"cached,omitempty"`  // digests whose bytes were verified in the store
	HostKeys  map[string]string           `json:"host_keys,omitempty"`
	Holds     map[string]site.Hold        `json:"holds,omitempty"`
	Dirty     map[string]*site.Reason     `json:"dirty,omitempty"`    // a rollback failed; a person must look first
	Observed  map[string]site.Observation `json:"observed,omitempty"` // newest look at each device, cut to what patches name
	Checks    map[string]site.CheckResult `json:"checks,omitempty"`
	Verdict   site.Verdict                `json:"verdict,omitempty"`
	VerdictAt time.Time                   `json:"verdict_at,omitzero"` // since when the verdict is this one
	Unsure    *site.Reason                `json:"unsure,omitempty"`    // why the box does not trust its clock; nil = it does
	Full      *site.Reason                `json:"full,omitempty"`      // why the journal may soon not be written; nil = there is space
	Night     *Night                      `json:"night,omitempty"`     // the newest night, open or closed
}

// Night is one night as far as it went.
type Night struct {
	Plan   plan.Plan   `json:"plan"`
	Report plan.Report `json:"report,omitempty"`
	Opened time.Time   `json:"opened"`
	Closed time.Time   `json:"closed,omitzero"` // zero while it runs
	Jobs   []Job       `json:"jobs,omitempty"`  // in the order of the plan's lanes
	Note   string      `json:"note,omitempty"`  // how it was summed up
}

// Open reports whether the night is still running.
func (n *Night) Open() bool { return n != nil && n.Closed.IsZero() }

// Job is one patch on one device, as far as it went tonight.
type Job struct {
	Device  string       `json:"device"`
	Patch   string       `json:"patch"`
	State   site.State   `json:"state"`
	Since   time.Time    `json:"since"`
	Reason  *site.Reason `json:"reason,omitempty"`  // why it is where it is, when that is not what was wanted
	Settled bool         `json:"settled,omitempty"` // nothing more happens to it tonight

	// Intent is the step that was begun and has not ended: after a crash the device is
	// asked what became of it.
	Intent  *Event `json:"intent,omitempty"`
	Claimed bool   `json:"claimed,omitempty"` // the device confirmed the intent's work
	// LastState is where the job stood before the device fell silent; "" while it answers.
	LastState  site.State   `json:"last_state,omitempty"`
	LastReason *site.Reason `json:"last_reason,omitempty"`

	Last      *Event            `json:"last,omitempty"`      // the newest step that ended
	Attempts  map[Step]int      `json:"attempts,omitempty"`  // how often each step was begun
	Installs  int               `json:"installs,omitempty"`  // installations that the device took
	Back      bool              `json:"back,omitempty"`      // it is being taken back
	Unsettled bool              `json:"unsettled,omitempty"` // the installation was interrupted: its effect is not known
	Restart   bool              `json:"restart,omitempty"`   // the device asked for a restart after the installation
	Before    *site.Observation `json:"before,omitempty"`    // what the device had before the installation
	Ends      map[Step]Event    `json:"ends,omitempty"`      // how each step ended, for reports
}

// Begun reports whether something on the device may have been changed by the job.
func (j Job) Begun() bool {
	return j.Installs > 0 || j.Intent != nil && j.Intent.Step == Install
}

// Away reports whether the job keeps its device from work, or leaves it unproven.
func (j Job) Away() bool {
	if j.State == site.NoAnswer {
		return true
	}
	if j.Settled {
		return j.Begun() && (j.State == site.Failed || j.State == site.RollbackFailed)
	}
	return j.Begun()
}

func (s State) clone() State {
	s.Cached = maps.Clone(s.Cached)
	s.HostKeys = maps.Clone(s.HostKeys)
	s.Holds = maps.Clone(s.Holds)
	s.Dirty = maps.Clone(s.Dirty)
	s.Observed = maps.Clone(s.Observed)
	s.Checks = maps.Clone(s.Checks)
	if s.Night != nil {
		night := *s.Night
		night.Jobs = slices.Clone(night.Jobs)
		s.Night = &night
	}
	return s
}

// Barred says why nothing may be begun anywhere now: the clock is not to be trusted, or the
// outcome of what is begun could perhaps not be written down. Nil = it may.
func (s State) Barred() *site.Reason {
	if s.Unsure != nil {
		return s.Unsure
	}
	return s.Full
}

// Job returns the job of a patch on a device in the newest night.
func (s State) Job(device, patch string) (Job, bool) {
	if i := s.find(device, patch); i >= 0 {
		return s.Night.Jobs[i], true
	}
	return Job{}, false
}

func (s State) find(device, patch string) int {
	if s.Night == nil {
		return -1
	}
	return slices.IndexFunc(s.Night.Jobs, func(j Job) bool { return j.Device == device && j.Patch == patch })
}

func set[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
