// Package view puts what the box knows into the shapes that leave it: the answers of
// the control socket, the retained MQTT topics and the status line. All of them say
// the same with the same words. It is pure: values in, values out.
package view

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Facts is everything that the views are made of.
type Facts struct {
	Store     site.Store
	State     run.State
	Catalog   site.Catalog
	CatalogNo *site.Reason   // why there is no usable catalog; nil = there is one
	Preparing *site.Reason   // why no night is planned yet after a start of the box; nil = it may
	Inventory site.Inventory // the newest look at each device, whole
	Report    ready.Report
	Tonight   *plan.Plan // what is planned for the coming window; nil = not known
	Now       time.Time
	Version   string // of the program
	ZoneData  string // version of the time zone data
	Stream    string // of the journal
	Last      uint64 // newest record of the journal
	Outbox    uint64 // records that headquarters has not stored yet
	Line      Line
	Console   *Console // nil = there is none
}

// Console says with which certificate the technician's console answers.
type Console struct {
	Address     string    `json:"address"`
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, as browsers show it
	Until       time.Time `json:"until"`
	Own         bool      `json:"own"` // the box made it
}

// Line says how the box stands with the broker.
type Line struct {
	Wanted    bool      `json:"wanted"` // false: the store file names no broker
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"`
}

// Device is one device as every surface shows it. Field names follow the update entities
// of common dashboards.
type Device struct {
	Schema           string       `json:"schema"` // device/1
	Device           string       `json:"device"`
	Class            site.Class   `json:"class"`
	Model            string       `json:"model,omitempty"`
	Groups           []string     `json:"groups,omitempty"`
	Title            string       `json:"title,omitempty"` // of the patch that the state speaks of
	Patch            string       `json:"patch,omitempty"`
	InstalledVersion string       `json:"installed_version,omitempty"`
	LatestVersion    string       `json:"latest_version,omitempty"`
	InProgress       bool         `json:"in_progress"`
	UpdatePercentage *int         `json:"update_percentage"` // of tonight's patches that are settled; null when nothing is in progress
	State            site.State   `json:"state"`
	Since            time.Time    `json:"since,omitzero"`
	Reason           *site.Reason `json:"reason,omitempty"`
	LastState        site.State   `json:"last_state,omitempty"` // with no_answer
	Attempt          int          `json:"attempt,omitempty"`
	VerifiedAt       *time.Time   `json:"verified_at"`
	Answers          bool         `json:"answers"`
	SeenAt           time.Time    `json:"seen_at,omitzero"`
	System           string       `json:"system,omitempty"`
	Held             *site.Hold   `json:"held,omitempty"`
	Hand             *run.Hand    `json:"by_hand,omitempty"` // who works on it now
	Asset            *site.Asset  `json:"asset,omitempty"`   // as the store file has it
	Rev              uint64       `json:"rev"`
}

// Devices shows every device of the store, in the order of the store file.
func Devices(f Facts) []Device {
	devices := make([]Device, 0, len(f.Store.Devices))
	whether := run.Whethers(f.State)
	for _, d := range f.Store.Devices {
		devices = append(devices, device(f, d, whether))
	}
	return devices
}

func device(f Facts, d site.Device, whether func(run.Job) *site.Reason) Device {
	v := Device{Schema: "device/1", Device: d.ID, Class: d.Class, Model: d.Model, Groups: d.Groups, Asset: d.Asset, State: site.NotDue, Rev: f.State.Seq}
	if o, seen := f.Inventory[d.ID]; seen {
		v.SeenAt, v.Answers, v.System = o.At, o.Error == nil, o.System
		if o.Error != nil {
			v.State, v.Since, v.Reason = site.NoAnswer, o.At, o.Error
		}
	}
	for _, name := range []string{site.AllDevices, d.ID} {
		if h, ok := f.State.Holds[name]; ok && f.Now.Before(h.Until) {
			v.Held = &h
		}
	}
	if h, ok := f.State.Hands[d.ID]; ok {
		v.Hand = &h
	}
	if f.State.Night == nil {
		return v
	}
	jobs := JobsOf(f.State, d.ID)
	for _, left := range f.State.Night.Report {
		if left.Device == d.ID && left.Patch == "" && len(jobs) == 0 && v.Reason == nil {
			v.State, v.Reason, v.Since = left.State, left.Reason, f.State.Night.Opened
		}
	}
	if len(jobs) > 0 {
		v.speakOf(f, jobs, whether)
	}
	return v
}

// speakOf fills in the job that tells most about the device: what is under way, else what is worst.
func (v *Device) speakOf(f Facts, jobs []run.Job, whether func(run.Job) *site.Reason) {
	settled := 0
	for _, j := range jobs {
		if j.Settled {
			settled++
		}
		if end, ok := j.Ends[run.Verify]; ok && j.State == site.Done {
			v.VerifiedAt = &end.At
		}
	}
	j := telling(jobs)
	v.Patch, v.State, v.Since, v.LastState, v.Reason = j.Patch, j.State, j.Since, j.LastState, whether(j)
	if j.Intent != nil {
		v.Attempt = j.Intent.Attempt
	}
	v.InProgress = f.State.Night.Open() && settled < len(jobs)
	if v.InProgress {
		percent := 100 * settled / len(jobs)
		v.UpdatePercentage = &percent
	}
	p, ok := f.State.Night.Plan.Patch(j.Patch)
	if !ok {
		return
	}
	v.Title, v.LatestVersion = p.Title, p.Applies.Below
	if o, seen := f.State.Observed[v.Device]; seen {
		v.InstalledVersion = o.Packages[p.Applies.Package]
	}
}

// gravity orders states by how much a person has to know of them, the gravest first. What
// is under way comes before what is over.
func gravity(j run.Job) int {
	order := []site.State{
		site.NoAnswer, site.RollbackFailed, site.Failed, site.Installing, site.Restarting, site.Verifying, site.Fetching,
		site.RolledBack, site.Waiting, site.Staged, site.Queued, site.Skipped, site.Held, site.Done, site.NotDue,
	}
	return slices.Index(order, j.State)
}

func telling(jobs []run.Job) run.Job {
	return slices.MinFunc(jobs, func(a, b run.Job) int { return gravity(a) - gravity(b) })
}

// JobsOf returns the jobs of a device in the newest night, in order.
func JobsOf(s run.State, device string) []run.Job {
	if s.Night == nil {
		return nil
	}
	return s.Night.JobsOf(device)
}

// Night is the newest night, or an older one, as every surface shows it.
type Night struct {
	Schema  string             `json:"schema"` // night/1
	Night   window.Date        `json:"night"`
	Open    bool               `json:"open"`
	Opens   time.Time          `json:"opens"`
	Cutoff  time.Time          `json:"cutoff"`
	Closes  time.Time          `json:"closes"`
	Opened  time.Time          `json:"opened"`
	Closed  time.Time          `json:"closed,omitzero"`
	Ends    time.Time          `json:"ends,omitzero"` // expected, while it is open
	Summary string             `json:"summary"`
	Total   int                `json:"total"`   // jobs
	Settled int                `json:"settled"` // of them
	States  map[site.State]int `json:"states"`  // jobs by state
	Patches []string           `json:"patches"`
	Passes  int                `json:"passes,omitempty"` // how often something to do was looked for and found; absent: not known
	Jobs    []Job              `json:"jobs,omitempty"`
	Left    plan.Report        `json:"left_out,omitempty"`
	// Quarantine is of patches that proved themselves guilty in this night and are not released.
	Quarantine []site.Quarantine `json:"quarantine,omitempty"`
	Rev        uint64            `json:"rev"`

	// Only as WithEvidence makes it:

	Rehearsal bool `json:"rehearsal,omitempty"` // nothing of it has happened: see Rehearsal

	Store   string        `json:"store,omitempty"`
	Name    string        `json:"name,omitempty"`    // of the store
	AsOf    time.Time     `json:"as_of,omitzero"`    // all of this is what the box knew then
	Devices []NightDevice `json:"devices,omitempty"` // every one of the store, in the order of its file
	Checks  []NightCheck  `json:"checks,omitempty"`  // every one of the store, before the night's work and after it
}

// Job is one patch on one device in a night, with the evidence of each step.
type Job struct {
	Device string       `json:"device"`
	Patch  string       `json:"patch"`
	Title  string       `json:"title"`
	State  site.State   `json:"state"`
	Since  time.Time    `json:"since"`
	Step   run.Step     `json:"step,omitempty"` // under way
	Reason *site.Reason `json:"reason,omitempty"`
	Before string       `json:"before,omitempty"` // version before, where the patch is of a package
	After  string       `json:"after,omitempty"`
	Steps  []Step       `json:"steps,omitempty"`

	// Only as WithEvidence makes them:

	Attempts []Attempt `json:"attempts,omitempty"` // of every step, in the order in which they were begun
	Silent   []Silence `json:"silent,omitempty"`   // while a step was under way
}

// Step is the evidence of one step: its newest attempt.
type Step struct {
	Step     run.Step      `json:"step"`
	Outcome  run.Outcome   `json:"outcome"`
	At       time.Time     `json:"at"`
	Took     site.Duration `json:"took"`
	Attempt  int           `json:"attempt"`
	ExitCode *int          `json:"exit_code,omitempty"`
	Output   string        `json:"output,omitempty"`
	Work     string        `json:"work"`
}

// NightOf shows the newest night of a state; nil when there never was one. Details are
// the jobs, their evidence and what was left out.
func NightOf(s run.State, details bool) *Night {
	n := s.Night
	if n == nil {
		return nil
	}
	v := &Night{
		Schema: "night/1", Night: n.Plan.Night, Open: n.Open(), Opens: n.Plan.Opens, Cutoff: n.Plan.Cutoff, Closes: n.Plan.Closes,
		Opened: n.Opened, Closed: n.Closed, Summary: run.Summary(n), Total: n.Total(), Settled: n.Settled(), States: map[site.State]int{}, Patches: []string{}, Passes: n.Passes, Rev: s.Seq,
	}
	for _, p := range n.Plan.Patches {
		v.Patches = append(v.Patches, p.ID)
	}
	for j := range n.Jobs() {
		v.States[j.State]++
	}
	if v.Open {
		v.Ends = Ends(n)
	}
	v.Quarantine = quarantined(s, n.Opened)
	if details {
		whether := run.Whethers(s)
		for j := range n.Jobs() {
			v.Jobs = append(v.Jobs, job(s, j, whether(j)))
		}
		v.Left = n.Report
	}
	return v
}

// Ends is when the last unsettled job of a night is expected to be over.
func Ends(n *run.Night) time.Time {
	var ends time.Time
	for _, lane := range n.Plan.Lanes {
		if until, _ := laneEnds(n, lane); until.After(ends) {
			ends = until
		}
	}
	return ends
}

// JobsShown shows the jobs of any device in the newest night, in order, with the evidence of each step.
func JobsShown(s run.State) func(device string) []Job {
	whether := run.Whethers(s)
	return func(device string) (jobs []Job) {
		for _, j := range JobsOf(s, device) {
			jobs = append(jobs, job(s, j, whether(j)))
		}
		return jobs
	}
}

func job(s run.State, j run.Job, why *site.Reason) Job {
	v := Job{Device: j.Device, Patch: j.Patch, State: j.State, Since: j.Since, Reason: why}
	p, _ := s.Night.Plan.Patch(j.Patch)
	v.Title = p.Title
	if j.Intent != nil {
		v.Step = j.Intent.Step
	}
	if j.Before != nil {
		v.Before = j.Before.Packages[p.Applies.Package]
	}
	for _, step := range []run.Step{run.Stage, run.Gate, run.Install, run.Reboot, run.Verify, run.Revert, run.Reboot2, run.Prove} {
		e, ok := j.Ends[step]
		if !ok {
			continue
		}
		if e.Observed != nil && step != run.Gate {
			v.After = e.Observed.Packages[p.Applies.Package]
		}
		v.Steps = append(v.Steps, Step{Step: step, Outcome: e.Outcome, At: e.At, Took: e.Took, Attempt: e.Attempt, ExitCode: e.ExitCode, Output: e.Output, Work: e.Work})
	}
	return v
}

// quarantined are the patches in quarantine since a moment, by id.
func quarantined(s run.State, since time.Time) []site.Quarantine {
	var list []site.Quarantine
	for _, id := range slices.Sorted(maps.Keys(s.Quarantine)) {
		if q := s.Quarantine[id]; !q.Since.Before(since) {
			list = append(list, q)
		}
	}
	return list
}
