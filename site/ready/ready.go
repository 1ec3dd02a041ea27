package ready

import (
	"time"

	"github.com/nightfill/nightfill/site"
)

// DefaultMaxAge is how long a result counts when its check names no max_age.
const DefaultMaxAge = 15 * time.Minute

// Input is everything that a judgement is made of.
type Input struct {
	Store   site.Store
	Results map[string]site.CheckResult // the newest result of each check, by check id
	Since   map[string]time.Time        // since when a check has had its present outcome; a missing one is the time of its result
	// Ages is how long ago each result was taken, by a clock that nobody can set; a result without one
	// proves nothing. Nil = only the times of the results are known.
	Ages    map[string]time.Duration
	Now     time.Time
	Started time.Time // when this process started; results from before it prove nothing
	Opens   time.Time // the next opening for trade; zero = not known
	Night   *Night    // nil: no night is running
	// Baseline is what was known before the newest night's work; nil = there never was a night.
	Baseline *Baseline
	Devices  []Fact
	Notes    []Note
	Risk     time.Time             // from then until it opens, a store that is not proven ready is told of; zero = it is too early
	Alarms   map[string]site.Alarm // what a person was told of, by code
	Repairs  map[string]Repair     // by check: what the box did by itself
	Tonight  *Plan                 // of the coming night, when it is time to tell the store; nil = nothing is told
	Busy     []Busy                // what must be left alone now, in the order in which it is told
	Rev      uint64                // number of the newest journal record that went into this input
	Language string                // tag of the language of every sentence; unknown or empty = English
}

// Night is how far a running night has come.
type Night struct {
	Total   int       // devices that get something tonight
	Settled int       // of these, devices on which nothing more happens
	Ends    time.Time // when the last of them is expected to be finished; zero = not known
	Closes  time.Time // end of the maintenance window; at and after it the night has overrun
	Busy    []string  // devices that are not settled
}

// Fact is what is known of a device beyond its checks. State is one of
// site.NoAnswer (it is down), site.Restarting, site.Installing, site.Verifying
// (it is away for a short time) and site.RollbackFailed (a person must look). Other states say
// nothing about trading and are ignored.
type Fact struct {
	Device  string
	State   site.State
	Since   time.Time
	Answers bool // of one that is down: something answers there, and the box cannot work with it, as with another host key
}

// NoteKind is something worth knowing that no check looks at.
type NoteKind string

// The kinds of note.
const (
	LineDown    NoteKind = "line_down"            // the store cannot reach headquarters: Since
	HeldBack    NoteKind = "held"                 // a person stopped updates: Device (empty or site.AllDevices = the store), Until
	HeldAbove   NoteKind = "held_by_headquarters" // headquarters stopped the updates of the store: Since, Reason
	TakenBack   NoteKind = "rolled_back"          // an update failed and was taken back, with proof: Device
	NotFinished NoteKind = "not_finished"         // an update failed and there was nothing to take back, or it did not fit: Device
	ClockUnsure NoteKind = "clock"                // the box does not trust its clock
	BoxFull     NoteKind = "box_full"             // the box lacks disk space, and begins nothing
	CatalogOld  NoteKind = "catalog"              // nothing new from headquarters for longer than the store allows: Since
)

// Note is one thing to know. It never changes whether the store can open.
type Note struct {
	Kind   NoteKind
	Device string
	Since  time.Time
	Until  time.Time
	Reason string // as headquarters wrote it, in whatever language
}

// Report is the judgement at one moment. It must be made anew for every reader: it grows stale by itself.
type Report struct {
	Language     string // of its sentences
	Verdict      site.Verdict
	Text         string    // the sentence under the word
	Fix          []Finding // what keeps the store from trading, red
	Notes        []Finding // what is worth knowing, amber
	Working      []string  // a line for each check that passed
	Capabilities []Capability
	Tonight      *Notice       // what will be done tonight; nil = nothing is told
	DoNotTouch   []Untouchable // what must not be switched off now
	Checks       Counts
	Looked       []Looked      // how every check of the store stands, in the order of the store file
	AsOf         time.Time     // the oldest result that the judgement rests on; without a fresh one the newest there is; zero = none
	MaxAge       time.Duration // after AsOf plus MaxAge the judgement no longer holds
	Rev          uint64
}

// Finding is one thing to do or to know, in shop words.
type Finding struct {
	Code          string     `json:"code"` // to say on the phone; the id of the check where there is one
	Device        string     `json:"device,omitempty"`
	What          string     `json:"what"`
	SoWhat        string     `json:"so_what,omitempty"`
	Steps         []string   `json:"steps,omitempty"`
	Else          string     `json:"else,omitempty"`   // what to do if it stays
	Call          string     `json:"call,omitempty"`   // whom to call
	Phone         string     `json:"phone,omitempty"`  // and the number
	Repair        string     `json:"repair,omitempty"` // what the box did about it by itself, as a sentence
	Told          []string   `json:"told,omitempty"`   // who was told of it and who is next, as sentences
	Since         time.Time  `json:"since,omitzero"`
	BlocksTrading bool       `json:"blocks_trading"`
	Broke         site.Broke `json:"broke,omitempty"`         // of what fails: whether it did before the newest night
	BrokeText     string     `json:"broke_text,omitempty"`    // the same as a sentence
	Hides         []string   `json:"hides,omitempty"`         // checks that tell nothing because of this one, and have no finding of their own
	HidesDevices  []string   `json:"hides_devices,omitempty"` // devices that do not answer because of this one, likewise
}

// Capability is how many devices can do one thing now.
type Capability struct {
	Name    string `json:"capability"`
	Working int    `json:"working"` // fresh proof for every one of them
	Unknown int    `json:"unknown"` // neither proof nor failure
	Total   int    `json:"total"`
	Floor   int    `json:"floor"` // how many the store needs
}

// Looked is how one check stands.
type Looked struct {
	Check string
	At    time.Time // of the newest look; zero = none since the box started
	Good  bool      // there is fresh proof; false also where nothing is known
}

// Counts is how the checks stand. Checks that do not apply are in none of the numbers.
type Counts struct {
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	Total   int `json:"total"`
}

// Judge decides whether the store can open. A night that runs is Working. Then a required
// check that failed or a floor that failures broke is NotReady; a required check or a floor about
// which nothing fresh is known is CannotTell, and so is a store in which nothing required is
// checked. What is left can open. A capability without a floor needs one device; an explicit floor of 0
// needs none.
// A check that hangs on one that failed or is unknown proves nothing; see site.Store.Parents.
func Judge(in Input) Report {
	j := newJudge(in)
	j.lookAtAll()
	j.weighCapabilities()
	j.findAll()
	j.tellWho()
	r := Report{
		Language: j.lang.Tag,
		Fix:      j.fix, Notes: j.notes, Working: j.working,
		Capabilities: j.capabilities(), Checks: j.counts(), Looked: j.looked(), Rev: in.Rev,
	}
	r.Tonight, r.DoNotTouch = j.notice(), j.untouchable()
	r.AsOf, r.MaxAge = j.freshness()
	r.Verdict = j.verdict()
	r.Text = j.text(r)
	return r
}

func (j *judge) verdict() site.Verdict {
	switch {
	case j.in.Night != nil:
		return site.Working
	case len(j.fix) > 0:
		return site.NotReady
	case j.unsure() > 0 || !j.proven():
		return site.CannotTell
	case len(j.notes) > 0:
		return site.ReadyNotes
	}
	return site.Ready
}
