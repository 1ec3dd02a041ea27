package played

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Replay is a night as its journal tells it, with what the rules of this program would have
// decided in the same states at the same times.
type Replay struct {
	Schema    string      `json:"schema"` // replay/1
	Night     window.Date `json:"night"`
	Open      bool        `json:"open"`      // the night is not over: there is more to come
	Decisions int         `json:"decisions"` // that the box took
	Differ    int         `json:"differ"`    // on how many the rules of this program do not agree
	Moments   []Moment    `json:"moments"`
}

// Moment is one record. Plans, observations and what steps printed are left out: see the journal.
type Moment struct {
	Seq     uint64       `json:"seq"`
	Event   run.Event    `json:"event"`
	Decided bool         `json:"decided"` // by the rules; all else is what happened
	Differs []Difference `json:"differs,omitempty"`
	Waits   []Wait       `json:"waits,omitempty"` // what jobs begin to wait for
}

// Difference is a decision on which the journal and the rules of this program do not agree.
type Difference struct {
	Then *run.Event `json:"then"` // as recorded; null: nothing of the kind
	Now  *run.Event `json:"now"`  // as these rules decide; null: nothing of the kind
}

// Wait is why a job cannot go on.
type Wait struct {
	Device string       `json:"device"`
	Patch  string       `json:"patch"`
	Since  time.Time    `json:"since"`
	Reason *site.Reason `json:"reason"`
}

// ReplayOf replays the records of one night in the state before them.
func ReplayOf(night window.Date, before run.State, records []run.Record) *Replay {
	v := &Replay{Schema: "replay/1", Night: night, Open: true, Moments: []Moment{}}
	for _, m := range run.Replay(before, records) {
		shown := Moment{Seq: m.Record.Seq, Event: bare(m.Record.Event), Decided: m.Decided}
		if m.Decided {
			v.Decisions++
		}
		switch m.Record.Event.Kind {
		case run.NightClosed:
			v.Open = false
		case run.NightExtended:
			v.Open = true
		}
		for _, d := range m.Differs {
			v.Differ++
			shown.Differs = append(shown.Differs, Difference{Then: bareOrNil(d.Then), Now: bareOrNil(d.Now)})
		}
		for _, w := range m.Waits {
			shown.Waits = append(shown.Waits, Wait{Device: w.Device, Patch: w.Patch, Since: m.Record.Event.At, Reason: w.Reason})
		}
		v.Moments = append(v.Moments, shown)
	}
	return v
}

func bareOrNil(e *run.Event) *run.Event {
	if e == nil {
		return nil
	}
	cut := bare(*e)
	return &cut
}

// bare leaves out what is long and decides nothing.
func bare(e run.Event) run.Event {
	e.Plan, e.Report, e.Observed, e.Output = nil, nil, nil, ""
	return e
}
