// Package forecast plays a night before it comes: the rules of site/run decide in virtual time, and
// devices that are only drawn take their time and fail as often as real ones do. One night is a
// rehearsal; many of them tell the chance that all of it is done and that the store opens.
//
// Everything is drawn from a seed: the same scene, odds, seed and faults give the same night.
package forecast

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

// Scene is what a night is played from. Nothing in it is changed.
type Scene struct {
	Store     site.Store
	State     run.State      // as of now: its holds, withdrawals and dirty devices count; its own night does not
	Inventory site.Inventory // as the devices were last seen
	Plan      plan.Plan
	Report    plan.Report
	Passed    *site.Reason // why a window before that of the plan is not the one; nil = none is passed over
	Begins    time.Time    // when the plan begins: its window's opening, or a moment inside the window
	// Prints is what a device prints when a step of a patch fails; nil: that it is rehearsed, and what
	// went wrong.
	Prints func(s run.Step, p site.Patch, wrong string) string
}

// Night is one night that was played to its end.
type Night struct {
	State   run.State
	Records []run.Record // from the night's opening on; none where a night was played for its outcome only
	Jobs    []Job        // in the order of the plan
	Ends    time.Time    // when the last step ended; the night's beginning where nothing was begun
	Done    bool         // every planned job was done before the cut-off
	Floors  []Floor      // by name
	played  int          // decisions that were asked for, times the jobs that each looks at
}

// Job is how one patch on one device ended.
type Job struct {
	Device  string
	Patch   string
	State   site.State
	At      time.Time // since when
	Reason  *site.Reason
	Settled bool
	Done    bool // before the cut-off
	NoRoom  bool // nothing was begun, since it did not fit into the time or its groups
}

// Floor is one capability that the store needs, and the devices that have it after the night.
type Floor struct {
	Capability string   `json:"capability"`
	Needs      int      `json:"needs"`
	Has        int      `json:"has"`
	Missing    []string `json:"missing,omitempty"` // devices that should have it and are not at work
}

// Opens reports whether the store has all of its floors after the night.
func (n Night) Opens() bool {
	for _, f := range n.Floors {
		if f.Has < f.Needs {
			return false
		}
	}
	return true
}
