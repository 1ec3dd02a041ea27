package run

import (
	"maps"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/window"
)

// State is the fold of the journal: all that the box knows of its store. A State is
// a value: Fold returns a new one and leaves the old one as it was, so a reader may
// keep it without a lock. What its pointers lead to is never changed.
type State struct {
	Seq       uint64                      `json:"seq"`                 // of the last record folded in
	At        time.Time                   `json:"at"`                  // of the last record
	TrustedAt time.Time                   `json:"trusted_at,omitzero"` // the newest time of a record that was written while the clock was trusted
	Catalog   CatalogNote                 `json:"catalog"`
	Refused   *site.Reason                `json:"refused,omitempty"` // why what the server offers was not accepted; nil once a catalog was
	Cached    map[string]bool             `json:"cached,omitempty"`  // digests whose bytes were verified in the store
	HostKeys  map[string]string           `json:"host_keys,omitempty"`
	Holds     map[string]site.Hold        `json:"holds,omitempty"`
	Dirty     map[string]*site.Reason     `json:"dirty,omitempty"`    // a rollback failed; a person must look first
	Observed  map[string]site.Observation `json:"observed,omitempty"` // newest look at each device, cut to what patches name
	Hands     map[string]Hand             `json:"hands,omitempty"`    // who works on a device by hand
	Touched   map[string]Touch            `json:"touched,omitempty"`  // the newest event of each device
	Checks    map[string]site.CheckResult `json:"checks,omitempty"`
	Alarms    map[string]site.Alarm       `json:"alarms,omitempty"`  // by code: what a person must know of now
	Skips     []window.Date               `json:"skips,omitempty"`   // the nights that the manager of the store stopped, in the order in which he did
	Repairs   map[string]Repair           `json:"repairs,omitempty"` // by check: what the box did by itself about it, the newest
	Learned   estimate.Learned            `json:"learned,omitempty"` // how long steps took that ended well, by model and patch
	Failing   map[string]time.Time        `json:"failing,omitempty"` // since when each check that fails does, whatever restarts of the box came between
	Started   time.Time                   `json:"started,omitzero"`  // when the box last started: what it saw before may have changed while it was away
	Verdict   site.Verdict                `json:"verdict,omitempty"`
	VerdictAt time.Time                   `json:"verdict_at,omitzero"` // since when the verdict is this one
	TradesAt  time.Time                   `json:"trades_at,omitzero"`  // since when the store can trade, by its verdict; zero: it cannot, or nobody knows
	Opened    time.Time                   `json:"opened,omitzero"`     // the newest opening that was written down
	Unsure    *site.Reason                `json:"unsure,omitempty"`    // why the box does not trust its clock; nil = it does
	Full      *site.Reason                `json:"full,omitempty"`      // why the journal may soon not be written; nil = there is space
	Left      []string                    `json:"left,omitempty"`      // earlier ids of the store, like acme/0142, under which something may still hang at the broker
	Night     *Night                      `json:"night,omitempty"`     // the newest night, open or closed
	Nights    []window.Date               `json:"nights,omitempty"`    // those that were opened, in the order in which they were: the newest few hundred
	Confirmed bool                        `json:"confirmed,omitempty"` // since the newest night was opened, a person said that the clock had run ahead

	// Failures are by the digest of a patch's bytes, Quarantine is by the id of the patch.
	Failures   map[string][]Failure       `json:"failures,omitempty"`   // how they broke a device of this store, the first one first
	Quarantine map[string]site.Quarantine `json:"quarantine,omitempty"` // it proved itself guilty, and is begun nowhere

	own owned
}

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

	Delays   int       `json:"delays,omitempty"`   // how often it was put off for a reason that may pass
	Again    time.Time `json:"again,omitzero"`     // it was put off, and is tried again then at the earliest; zero: it is not, or that attempt has ended
	Restaged bool      `json:"restaged,omitempty"` // its files were damaged on the device, and were put there once more

	Bundle    int          `json:"bundle,omitempty"`    // jobs of a device with the same number go on together; 0 = by itself
	Proven    bool         `json:"proven,omitempty"`    // of a bundle: its proof was taken, and nothing changed on the device since
	Restarted bool         `json:"restarted,omitempty"` // of a bundle: the device restarted after the newest change by this job
	Suspect   *site.Reason `json:"suspect,omitempty"`   // it was taken back with a bundle tonight, for this reason, and is tried again in a half of it
	Alone     bool         `json:"alone,omitempty"`     // it is what is left of a bundle that broke: if it breaks again, it is guilty
	Spent     map[Step]int `json:"spent,omitempty"`     // attempts from before the bundle was halved

	patch int // its place among the plan's patches; -1 when the plan has it not
	order int // its place among all jobs of the night
}

// tries is how often a step was begun since the job was begun, or begun anew.
func (j Job) tries(step Step) int { return j.Attempts[step] - j.Spent[step] }

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

// owned says which maps of a state nobody else has, so that they may be written.
type owned struct {
	cached, hostKeys, holds, dirty, observed, hands, touched, checks, alarms, repairs, failing, failures, quarantine bool
}

// clone returns a state that may be changed: its night is a copy, and its maps are copied when
// they are first written.
func (s State) clone() State {
	s.own = owned{}
	if s.Night != nil {
		s.Night = s.Night.clone()
	}
	return s
}

// Back is how far the clock may lie behind the newest trusted time of the journal: small
// corrections by a time server are no reason for suspicion.
const Back = 2 * time.Minute

// Barred says why nothing may be begun anywhere now: the clock is not to be trusted, or the
// outcome of what is begun could perhaps not be written down. Nil = it may. A clock that has just
// gone back counts as not trusted before anybody has judged it.
func (s State) Barred(now time.Time) *site.Reason {
	if bars := s.bars(now); len(bars) > 0 {
		return bars[0]
	}
	return nil
}

// Job returns the job of a patch on a device in the newest night.
func (s State) Job(device, patch string) (Job, bool) {
	at, ok := s.Night.find(device, patch)
	if !ok {
		return Job{}, false
	}
	return *s.Night.job(at), true
}

// set writes to a map of a state, to a copy of it when it is not the state's own yet.
func set[V any](m *map[string]V, own *bool, key string, value V) {
	*m = writable(*m, own)
	(*m)[key] = value
}

// drop takes a key out of a map of a state, as set writes one.
func drop[V any](m *map[string]V, own *bool, key string) {
	if _, ok := (*m)[key]; ok {
		*m = writable(*m, own)
		delete(*m, key)
	}
}

func writable[V any](m map[string]V, own *bool) map[string]V {
	if !*own {
		*own = true
		m = maps.Clone(m)
	}
	if m == nil {
		m = map[string]V{}
	}
	return m
}
