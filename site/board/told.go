package board

import (
	"encoding/json"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Info is the birth of a store as headquarters reads it.
type Info struct {
	Store    string    `json:"store"`
	Org      string    `json:"org"`
	Name     string    `json:"name"`
	Ring     site.Ring `json:"ring"`
	Timezone string    `json:"timezone"` // IANA name
	Window   string    `json:"window"`   // in words
	Devices  []string  `json:"devices"`
	Software string    `json:"software"`
	Stream   string    `json:"stream"`
	// ClockSuspect says that the box does not trust its clock: its times may be wrong.
	ClockSuspect bool `json:"clock_suspect,omitempty"`
	// Opens is when the store next opens to customers; zero: never, or not told.
	Opens time.Time `json:"opens,omitzero"`
	// WindowOpens and WindowCloses are the open maintenance window, or the next one; zero: none, or not told.
	WindowOpens  time.Time `json:"window_opens,omitzero"`
	WindowCloses time.Time `json:"window_closes,omitzero"`
}

// Finding is one thing about the readiness of a store, in the words that the manager reads.
type Finding struct {
	Code          string    `json:"code"`
	Device        string    `json:"device,omitempty"`
	What          string    `json:"what"`
	Since         time.Time `json:"since,omitzero"`
	BlocksTrading bool      `json:"blocks_trading,omitempty"`
}

// ReadyNow is the READY document as headquarters reads it.
type ReadyNow struct {
	Verdict site.Verdict `json:"verdict"`
	Text    string       `json:"text"`
	Fix     []Finding    `json:"fix"`
	Notes   []Finding    `json:"notes"`
	AsOf    time.Time    `json:"as_of,omitzero"`
	MaxAge  int          `json:"max_age_s"` // seconds after AsOf until it says nothing any more
}

// Night is a night of a store as its retained snapshot tells it.
type Night struct {
	Night   window.Date        `json:"night"`
	Open    bool               `json:"open"`
	Opens   time.Time          `json:"opens"`
	Cutoff  time.Time          `json:"cutoff"`
	Closes  time.Time          `json:"closes"`
	Opened  time.Time          `json:"opened"`
	Closed  time.Time          `json:"closed,omitzero"`
	Ends    time.Time          `json:"ends,omitzero"` // expected, while it is open
	Summary string             `json:"summary"`
	Total   int                `json:"total"`
	Settled int                `json:"settled"`
	States  map[site.State]int `json:"states"`
}

// DeviceNow is a device as its retained snapshot tells it.
type DeviceNow struct {
	Device           string       `json:"device"`
	Class            site.Class   `json:"class"`
	Model            string       `json:"model,omitempty"`
	Groups           []string     `json:"groups,omitempty"`
	Title            string       `json:"title,omitempty"`
	Patch            string       `json:"patch,omitempty"`
	InstalledVersion string       `json:"installed_version,omitempty"`
	LatestVersion    string       `json:"latest_version,omitempty"`
	State            site.State   `json:"state"`
	Since            time.Time    `json:"since,omitzero"`
	Reason           *site.Reason `json:"reason,omitempty"`
	LastState        site.State   `json:"last_state,omitempty"`
	Answers          bool         `json:"answers"`
	SeenAt           time.Time    `json:"seen_at,omitzero"`
	System           string       `json:"system,omitempty"`
	Held             *site.Hold   `json:"held,omitempty"`
	Asset            *site.Asset  `json:"asset,omitempty"`
}

// UnmarshalJSON reads the snapshot of a device. A reason that is a bare text, as other programs and older ones
// write it, is a code that shows as it is.
func (d *DeviceNow) UnmarshalJSON(raw []byte) error {
	type plain DeviceNow
	err := json.Unmarshal(raw, (*plain)(d))
	if err == nil {
		return nil
	}
	told := struct {
		*plain
		Reason json.RawMessage `json:"reason"`
	}{plain: &plain{}}
	var text string
	if json.Unmarshal(raw, &told) != nil || json.Unmarshal(told.Reason, &text) != nil {
		return err // what is wrong is something else
	}
	*d = DeviceNow(*told.plain)
	if text == "" {
		return nil
	}
	d.Reason = &site.Reason{Text: text}
	return json.Unmarshal(told.Reason, &d.Reason.Code)
}

// Alert is something open that a person of the store must know of.
type Alert struct {
	Code          string    `json:"code"`
	Device        string    `json:"device,omitempty"`
	Text          string    `json:"text"`
	Since         time.Time `json:"since,omitzero"`
	BlocksTrading bool      `json:"blocks_trading"`
	Ack           *site.Ack `json:"ack,omitempty"` // who of the store took it on
}

// VerdictTold is the word of a store when it changed.
type VerdictTold struct {
	Verdict site.Verdict `json:"verdict"`
	Text    string       `json:"text"`
}

// Observed is one look at a device, without its packages.
type Observed struct {
	At            time.Time    `json:"at"`
	Error         *site.Reason `json:"error,omitempty"`
	BootID        string       `json:"boot_id,omitempty"`
	System        string       `json:"system,omitempty"`
	DiskFree      int64        `json:"disk_free,omitempty"` // bytes
	RebootPending bool         `json:"reboot_pending,omitempty"`
	Broken        []string     `json:"broken,omitempty"`
}

// NightOpened is a night as it was when its window opened.
type NightOpened struct {
	At      time.Time `json:"at"`
	Opens   time.Time `json:"opens"`
	Cutoff  time.Time `json:"cutoff"`
	Closes  time.Time `json:"closes"`
	Catalog int64     `json:"catalog"`
	Planned int       `json:"planned"` // jobs
	LeftOut int       `json:"left_out"`
}

// NightClosed is how a night ended.
type NightClosed struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Morning is how a store opened to customers.
type Morning struct {
	Opens   time.Time    `json:"opens"`
	Next    time.Time    `json:"next,omitzero"` // when it opens again; zero: never
	Verdict site.Verdict `json:"verdict"`       // its word at that moment
	Text    string       `json:"text"`
	Since   time.Time    `json:"since,omitzero"` // since when it could trade
}

// After is the word of a store within two hours after it opened: the newest one that it told there.
type After struct {
	At      time.Time    `json:"at"`
	Verdict site.Verdict `json:"verdict"`
	Text    string       `json:"text"`
}

// JobTold is where one patch on one device stands.
type JobTold struct {
	State   site.State   `json:"state"`
	Night   window.Date  `json:"night,omitzero"`
	Step    run.Step     `json:"step,omitempty"` // under way, or the one that decided
	Attempt int          `json:"attempt,omitempty"`
	Reason  *site.Reason `json:"reason,omitempty"`
}

// Step is one stage on the way of a patch on a device that was reached.
type Step struct {
	At       time.Time     `json:"at"`
	Night    window.Date   `json:"night,omitzero"`
	Attempt  int           `json:"attempt,omitempty"`
	Took     site.Duration `json:"took,omitempty"`
	Reported time.Time     `json:"reported,omitzero"` // when headquarters received it
	Seq      uint64        `json:"seq"`               // of the event
	Reason   *site.Reason  `json:"reason,omitempty"`  // why it broke
	Step     run.Step      `json:"step,omitempty"`    // at which it broke
	Output   string        `json:"output,omitempty"`  // the end of what that step printed, at most 500 bytes
}

// LeftOut is one patch that one device does not get in the night. An empty Patch is the whole device,
// an empty Device the whole store.
type LeftOut struct {
	Device    string     `json:"device,omitempty"`
	Patch     string     `json:"patch,omitempty"`
	State     site.State `json:"state"`
	Code      site.Code  `json:"code,omitempty"`
	Installed string     `json:"installed,omitempty"` // the version that was observed, where it decided
}
