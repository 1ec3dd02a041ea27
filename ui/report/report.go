// Package report writes what a night was for every device: as a table for spreadsheets and as a
// page for paper. It turns plain values into bytes, the same for the same values. The page stands
// by itself: no script, nothing from elsewhere.
//
// It decides nothing and leaves nothing out: a device without a row has no outcome, and that is
// not for this package to hide.
package report

import (
	"fmt"
	"strings"
	"time"
)

// Report is a night.
type Report struct {
	Store   string         // its number
	Name    string         // its name
	Night   string         // the date on which the window opened
	Zone    *time.Location // of the store; nil = UTC
	Open    bool           // it is not over
	Played  bool           // it is a rehearsal: nothing of it has happened
	Opens   time.Time      // the window
	Cutoff  time.Time
	Closes  time.Time
	Opened  time.Time // the night
	Closed  time.Time // zero while it is open
	AsOf    time.Time // all of this is what the box knew then
	Devices []Device
	Rows    []Row
	Checks  []Check
	Passes  int    // how often something to do was looked for and found; 0 = not known
	Chart   []byte // an svg element for the page, trusted as it is; nil = none
}

// Device is what the night was for one device. Every device of the store has one.
type Device struct {
	Device string
	Class  string
	State  string // as in the journal: "rolled_back"
	Tone   Tone
	Total  int // patches that were due
	Done   int // of them
	Code   string
	Reason string
	Since  time.Time
	Before string // what was broken on it before the night; empty = nothing that is known
}

// Check is one readiness check before the night's work and after it, as outcomes: "pass".
type Check struct {
	Check   string
	Device  string // empty: it is of the store
	Before  string
	AtClose string // empty: not known yet
	Last    string // now while the night is open, else when the store opened
	Tone    Tone
	Text    string // when it broke; empty = it does not fail
}

// Row is one patch on one device, or a device without any: then Patch is empty.
type Row struct {
	Device   string
	Class    string
	Patch    string
	Title    string
	State    string
	Tone     Tone
	Code     string // of the reason
	Reason   string
	Since    time.Time
	Before   string // version
	After    string
	Attempts int           // how often its installation was begun
	Took     time.Duration // all steps together
	Verified time.Time     // zero = never
}

// Tone is how much of a person's attention a state wants.
type Tone int

// The tones.
const (
	Quiet Tone = iota // nothing was due, or its turn has not come
	Good              // proven
	Busy              // under way
	Note              // left alone for a reason that is known
	Back              // taken back: it works as before, and a person has to look
	Bad               // a person has to look
)

// class names a tone in the style of the page.
func (t Tone) class() string { return [...]string{"quiet", "good", "busy", "note", "back", "bad"}[t] }

// sign is a letter that tells a tone without colour.
func (t Tone) sign() string {
	return [...]string{"\u2013", "\u2713", "\u25b6", "\u2016", "\u21b6", "\u2715"}[t]
}

// Sentence sums a report up: who needs a person first, then every device once.
func (r Report) Sentence() string {
	if r.Played {
		return "This is a rehearsal: nothing of it has happened. " + r.sum()
	}
	return r.sum()
}

// Title names the night.
func (r Report) Title() string {
	if r.Played {
		return "Rehearsal of the night of " + r.Night
	}
	return "Night of " + r.Night
}

func (r Report) sum() string {
	if len(r.Devices) == 0 {
		return "The store has no devices."
	}
	var need []string
	var order []string
	counts := map[string]int{}
	for _, tone := range []Tone{Bad, Back, Busy, Note, Good, Quiet} {
		for _, d := range r.Devices {
			if d.Tone != tone {
				continue
			}
			if tone >= Back {
				need = append(need, d.Device)
			}
			if counts[d.State] == 0 {
				order = append(order, d.State)
			}
			counts[d.State]++
		}
	}
	var parts []string
	for _, state := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[state], words(state)))
	}
	first := "No device needs a person."
	switch {
	case len(need) == 1:
		first = need[0] + " needs a person."
	case len(need) > 1:
		first = fmt.Sprintf("%d devices need a person: %s.", len(need), strings.Join(need, ", "))
	}
	if r.Open {
		first = "The night is not over. " + first
	}
	devices := "devices"
	if len(r.Devices) == 1 {
		devices = "device"
	}
	return fmt.Sprintf("%s Of %d %s: %s.", first, len(r.Devices), devices, strings.Join(parts, ", "))
}

func words(state string) string { return strings.ReplaceAll(state, "_", " ") }

func (r Report) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}
