// Package played shows nights that were played and are no new ones: a rehearsal, and what the rules of this program
// decide about the records of a night that was.
package played

import (
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/run"
)

// NoLuck is the seed of a rehearsal in which everything takes its estimate, and nothing goes wrong but
// what is asked for.
const NoLuck = 0

// Rehearsal is a night that was played and has not happened.
type Rehearsal struct {
	Schema    string           `json:"schema"`    // rehearsal/1
	Rehearsal bool             `json:"rehearsal"` // always true
	Seed      uint64           `json:"seed"`
	Faults    []string         `json:"faults"` // as they were asked for
	AllDone   bool             `json:"all_done"`
	Opens     bool             `json:"opens"` // the store has its floors after it
	Floors    []forecast.Floor `json:"floors"`
	Ends      time.Time        `json:"ends"` // when the last step ended
	Timeline  []Beat           `json:"timeline"`
	Night     view.Night       `json:"night"`
}

// Beat is one moment of a rehearsal: a step, a decision without one, or what befell a device or the box.
type Beat struct {
	At      time.Time    `json:"at"`
	Until   time.Time    `json:"until,omitzero"` // of a step that ended
	Device  string       `json:"device,omitempty"`
	Patch   string       `json:"patch,omitempty"`
	Step    run.Step     `json:"step,omitempty"`
	Attempt int          `json:"attempt,omitempty"`
	Outcome run.Outcome  `json:"outcome,omitempty"` // empty: the step did not end
	State   site.State   `json:"state,omitempty"`   // where the patch stands after it, where that has changed
	Text    string       `json:"text,omitempty"`    // what befell, in words
	Reason  *site.Reason `json:"reason,omitempty"`
}

// RehearsalOf plays a scene once. Faults are told as they were asked for; now is the moment of asking.
func RehearsalOf(scene forecast.Scene, seed uint64, faults []forecast.Fault, told []string, now time.Time) Rehearsal {
	odds := forecast.Usual()
	if seed == NoLuck {
		odds = forecast.Calm()
	}
	played := forecast.Rehearse(scene, odds, seed, faults...)
	v := Rehearsal{
		Schema: "rehearsal/1", Rehearsal: true, Seed: seed, Faults: append([]string{}, told...), AllDone: played.Done,
		Opens: played.Opens(), Floors: append([]forecast.Floor{}, played.Floors...), Ends: played.Ends, Timeline: timeline(played.Records),
	}
	v.Night = *view.WithEvidence(scene.Store, played.State, played.Records, now)
	v.Night.Rehearsal, v.Night.AsOf, v.Night.Rev = true, now, scene.State.Seq
	return v
}

// timeline tells the records of a night, each step at the moment at which it was begun.
func timeline(records []run.Record) []Beat {
	beats := []Beat{}
	begun := map[string]int{} // by work, where its beat is
	for _, r := range records {
		e := r.Event
		beat := Beat{At: e.At, Device: e.Device, Patch: e.Patch, Step: e.Step, Attempt: e.Attempt, State: e.To, Reason: e.Reason}
		switch e.Kind {
		case run.StepStarted:
			begun[e.Work], beat.State = len(beats), ""
		case run.StepEnded:
			if i, known := begun[e.Work]; known {
				beats[i].Until, beats[i].Outcome, beats[i].State, beats[i].Reason = e.At, e.Outcome, e.To, e.Reason
			}
			continue
		case run.DeviceSilent:
			beat.Text = "it does not answer"
		case run.DeviceAnswered:
			beat.Text = "it answers again"
		case run.DaemonStarted, run.BundleSplit:
			beat.Text = e.Text
		case run.PatchSettled:
		case run.NightClosed:
			beat.Text = "the night is closed: " + e.Text
		default:
			continue
		}
		beats = append(beats, beat)
	}
	return beats
}
