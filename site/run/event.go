// Package run is the night as the fold of its journal: Event is what happened,
// Fold turns events into a State, Next says what to do now, Recover says what to
// ask after a crash. It acts on nothing: the same functions plan a forecast, drive
// a real night and replay an old one.
package run

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/window"
)

// Kind names what an event tells. The list is closed; names are part of the outside contract.
type Kind string

// The kinds of event.
const (
	DaemonStarted  Kind = "daemon.started"
	DaemonStopped  Kind = "daemon.stopped"
	ClockChanged   Kind = "clock.changed"    // the box began or ceased to trust its clock: Text, Reason
	ClockConfirmed Kind = "clock.confirmed"  // a person says that the clock is right, and the journal's later times are not: Actor, Text is his reason
	DiskChanged    Kind = "disk.changed"     // the box began or ceased to lack disk space for its journal: Reason
	CatalogUpdated Kind = "catalog.updated"  // a new generation was verified: Catalog
	CatalogRefused Kind = "catalog.refused"  // what the server offers was not accepted: Reason
	ArtifactCached Kind = "artifact.cached"  // the bytes of an artifact are verified in the store: Text is its digest
	DeviceEnrolled Kind = "device.enrolled"  // a person pinned a host key: Text is the key
	DeviceTaken    Kind = "device.taken"     // a person wants this box to work on a device that works for another box; written before the device is told: Device, Actor, Text says why
	DeviceObserved Kind = "device.observed"  // the device was looked at for a night: Observed
	DeviceSilent   Kind = "device.silent"    // it does not answer: with Patch, while a step runs on it; without, when it was looked at in a night
	DeviceAnswered Kind = "device.answered"  // it answers again
	HoldSet        Kind = "hold.set"         // Hold
	HoldReleased   Kind = "hold.released"    // Device; or Patch, which was quarantined for Reason, and Text when nobody asked
	CheckEnded     Kind = "check.ended"      // the outcome of a readiness check changed, or a round was journalled: Check
	VerdictChanged Kind = "verdict.changed"  // the store's word changed: Verdict, Text
	AlarmRaised    Kind = "alarm.raised"     // a person must know of something, or it changed: Alarm, Text
	AlarmTold      Kind = "alarm.told"       // a tier of the escalation is told: Alarm
	AlarmSent      Kind = "alarm.sent"       // how the webhook of a tier ended: Alarm, Outcome, Text
	AlarmAcked     Kind = "alarm.acked"      // a person takes it on: Alarm, Actor, Text
	AlarmCleared   Kind = "alarm.cleared"    // it is over: Alarm
	RepairBegun    Kind = "repair.begun"     // the intent of a repair by the box: Device, Repair, Work or Patch, Deadline, Text
	RepairEnded    Kind = "repair.ended"     // Device, Repair, Outcome, Output
	NightOpened    Kind = "night.opened"     // the window opened and the plan stands: Plan, Report
	NightExtended  Kind = "night.extended"   // a later look found more to do in the same window: Plan holds what is new, Report what is left out now
	NightClosed    Kind = "night.closed"     // nothing more happens this night: Text sums it up
	StoreOpened    Kind = "store.opened"     // the store opened to customers at Opens, and this was its word: Verdict, Text, Since; Next is when it opens again
	NightCompared  Kind = "night.compared"   // the checks when the night was over, or later before the store opened, against those before it: Compared
	StepStarted    Kind = "step.started"     // the intent, on disk before the act: Device Patch Step Attempt Work Deadline Observed
	StepClaimed    Kind = "step.claimed"     // the device confirmed that it took the work
	StepEnded      Kind = "step.ended"       // Outcome, ExitCode, Output
	PatchSettled   Kind = "patch.settled"    // a decision without a step: To, Reason
	PatchDelayed   Kind = "patch.delayed"    // nothing was changed, for a reason that may pass, and it is tried again tonight: Device, Patch, Reason, Again
	PatchRetried   Kind = "patch.retried"    // a person wants a settled patch to be tried once more: Device, Patch, Actor, Text
	PatchTakenBack Kind = "patch.taken_back" // a person wants a proven patch to be taken off again: Device, Patch, Actor, Text
	TerminalOpened Kind = "terminal.opened"  // a person works on a device: Device, Actor, Work names the recording, Text says why
	TerminalClosed Kind = "terminal.closed"  // Device, Actor, Work, Took; Text is the digest of the recording, Reason why it did not end by itself
	RestartAsked   Kind = "restart.asked"    // the intent of a restart by a person: Device, Actor, Work, BootID, Deadline, Text says why
	LookAsked      Kind = "look.asked"       // a person had the devices looked at at the console: Actor, Device or none, Text is the verb, with the check where it was one
	RestartEnded   Kind = "restart.ended"    // Device, Work, Outcome, BootID, Reason
	AccountChanged Kind = "account.changed"  // an account of the console was made, changed or removed: Actor, Text
	LoginEnded     Kind = "login.ended"      // somebody logged in at the console: Actor, Text, Outcome ok; or attempts failed: Text, Outcome refused
	BundleSplit    Kind = "bundle.split"     // a bundle that was taken back goes on in halves: Device, Halves
	// EvidenceExported is that an evidence pack left the box: Actor, Evidence, Text; Outcome failed when it was broken off.
	EvidenceExported Kind = "evidence.exported"
	// StoreRenamed is that a person gave the store of this journal another id: Renamed, Actor, Text is his reason.
	StoreRenamed Kind = "store.renamed"
	// OldTopicsCleared is that nothing of this store hangs under an earlier id at the broker any more: Text is that id.
	OldTopicsCleared Kind = "old_topics.cleared"
	// PatchQuarantined is a patch that proved itself guilty in this store: Patch, Reason; Text is its digest.
	PatchQuarantined Kind = "patch.quarantined"
)

// Step is one thing done to a device for a patch.
type Step string

// The steps, in the order of a patch that goes well, then of one that is taken back.
const (
	Stage   Step = "stage"
	Gate    Step = "gate"
	Install Step = "install"
	Reboot  Step = "reboot"
	Verify  Step = "verify"
	Revert  Step = "revert"
	Reboot2 Step = "reboot-back" // the restart that a rollback needs
	Prove   Step = "prove"       // proof that the rollback restored what was there
)

// Outcome is how a step ended.
type Outcome string

// The outcomes of a step.
const (
	OK          Outcome = "ok"
	Bad         Outcome = "failed"
	TimedOut    Outcome = "timed_out"
	Interrupted Outcome = "interrupted" // the device restarted under it, or lost it: its effect is not known
	Refused     Outcome = "refused"     // nothing was done: Reason tells why
	Unreached   Outcome = "unreached"   // the device did not take it; nothing was done
)

// Event is one thing that happened, was decided, or is about to be done. It is the
// body of a journal record and, over MQTT, the data of a CloudEvent. A field that
// does not belong to the kind is empty.
type Event struct {
	Kind     Kind              `json:"kind"`
	At       time.Time         `json:"at"`
	Night    window.Date       `json:"night,omitzero"`
	Device   string            `json:"device,omitempty"`
	Patch    string            `json:"patch,omitempty"`
	Step     Step              `json:"step,omitempty"`
	Attempt  int               `json:"attempt,omitempty"`
	Work     string            `json:"work,omitempty"`
	Deadline time.Time         `json:"deadline,omitzero"`
	BootID   string            `json:"boot_id,omitempty"` // reboots: before (step.started), after (step.ended)
	Outcome  Outcome           `json:"outcome,omitempty"`
	ExitCode *int              `json:"exit_code,omitempty"`
	Output   string            `json:"output,omitempty"` // the end of what the step printed
	Took     site.Duration     `json:"took,omitempty"`   // on the device where it knows, else on the box
	From     site.State        `json:"from,omitempty"`   // filled by Stamp
	To       site.State        `json:"to,omitempty"`     // filled by Stamp; given with patch.settled
	Reason   *site.Reason      `json:"reason,omitempty"`
	Actor    string            `json:"actor,omitempty"` // who asked; empty = the box itself
	Text     string            `json:"text,omitempty"`
	Why      string            `json:"why,omitempty"` // the reason that a person gave, where Text tells something else
	Hold     *site.Hold        `json:"hold,omitempty"`
	Observed *site.Observation `json:"observed,omitempty"`
	Check    *site.CheckResult `json:"check,omitempty"`
	Verdict  site.Verdict      `json:"verdict,omitempty"`
	Catalog  *CatalogNote      `json:"catalog,omitempty"`
	Alarm    *AlarmNote        `json:"alarm,omitempty"`
	Repair   *RepairNote       `json:"repair,omitempty"`
	Evidence *EvidenceNote     `json:"evidence,omitempty"`
	Renamed  *Renaming         `json:"renamed,omitempty"`
	Halves   [][]string        `json:"halves,omitempty"` // the patches of each half
	Plan     *plan.Plan        `json:"plan,omitempty"`
	Report   plan.Report       `json:"report,omitempty"`
	Compared []site.Compared   `json:"compared,omitempty"`
	// Again is when a delayed patch is tried again, at the earliest: of patch.delayed.
	Again time.Time `json:"again,omitzero"`
	// Opens is an opening to customers, in the zone of the store: of store.opened, and of a verdict.changed within AfterOpening.
	Opens time.Time `json:"opens,omitzero"`
	Next  time.Time `json:"next,omitzero"`  // the opening after it; zero: there is none
	Since time.Time `json:"since,omitzero"` // since when the store can trade; zero: it cannot, or nobody knows
}

// AfterOpening is how long after an opening a change of the verdict says something about the word at the opening.
const AfterOpening = 2 * time.Hour

// CatalogNote says which generation of the catalog the store now goes by.
type CatalogNote struct {
	Version int64     `json:"version"`
	Issued  time.Time `json:"issued"`
	Patches []string  `json:"patches"`
	// Digest is of the signed timestamp, which leads to every other byte of the generation; empty in
	// records of earlier versions.
	Digest string `json:"digest,omitempty"`
	// Withdrawn are the patches that headquarters took back, with its reason for each.
	Withdrawn map[string]string `json:"withdrawn,omitempty"`
	// Held are the patches that headquarters stopped for now, with its reason for each.
	Held map[string]string `json:"held,omitempty"`
	// StoreHeld is why headquarters wants nothing to be begun in this store for now; nil when it may.
	StoreHeld *site.StoreHold `json:"store_held,omitempty"`
	// Exceptions are those of this store.
	Exceptions []site.Exception `json:"exceptions,omitempty"`
}

// Renaming says which id the store of a journal had, and which one it has from then on. Both are an organisation
// and a store, like acme/0142.
type Renaming struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// EvidenceNote says what an evidence pack held.
type EvidenceNote struct {
	From   window.Date `json:"from"` // the nights
	To     window.Date `json:"to"`
	AsOf   time.Time   `json:"as_of"`
	First  uint64      `json:"first"` // the records
	Last   uint64      `json:"last"`
	SHA256 string      `json:"sha256,omitempty"` // of the file; empty when it was broken off
	Bytes  int64       `json:"bytes"`
}

// Record is an event in its place in the journal.
type Record struct {
	Seq   uint64 `json:"seq"`  // from 1, without a gap
	Prev  string `json:"prev"` // hash of the record before, lower-case hex; "" for the first
	Hash  string `json:"hash"` // of this record
	Event Event  `json:"event"`
}
