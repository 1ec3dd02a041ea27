package nights

import (
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
)

// Tally counts from the events of one store what became of the patches in those of its nights of which the store's
// own count never came. A patch whose outcome is in an event that headquarters lacks stays open.
type Tally struct {
	rows        map[board.Mark]*Row // by the event that opened the night
	first, last board.Mark
	row         *Row // the night of the events that are added; nil: it needs no count
	states      map[job]site.State
}

type job struct{ device, patch string }

// NewTally is for the nights of one store. It changes the rows themselves.
func NewTally(rows []Row) *Tally {
	t := &Tally{rows: map[board.Mark]*Row{}}
	for i := range rows {
		at := rows[i].opened
		if at == (board.Mark{}) {
			continue
		}
		t.rows[at] = &rows[i]
		if len(t.rows) == 1 || t.first.After(at) {
			t.first = at
		}
		if at.After(t.last) {
			t.last = at
		}
	}
	return t
}

// Query asks for the events that are to be added, in their order. false: there is nothing to count.
func (t *Tally) Query(store string) (board.Query, bool) {
	after := t.first
	after.Seq = max(after.Seq, 1) - 1
	return board.Query{Store: store, After: after, Kinds: []run.Kind{
		run.NightOpened, run.NightExtended, run.StepEnded, run.PatchSettled, run.PatchDelayed, run.PatchRetried, run.PatchTakenBack, run.DeviceSilent, run.DeviceAnswered,
	}}, len(t.rows) > 0
}

// Add takes in an event. false: it is none of the nights' any more, nor is what comes after it.
func (t *Tally) Add(e board.Event) (more bool) {
	at, v := board.Mark{Stream: e.No, Seq: e.Seq}, e.Event()
	if row := t.rows[at]; row != nil || v.Kind == run.NightOpened {
		t.Done()
		t.row, t.states = row, map[job]site.State{}
	}
	if t.row == nil {
		return !at.After(t.last)
	}
	if v.Plan != nil {
		for _, lane := range v.Plan.Lanes {
			for _, j := range lane.Jobs {
				t.states[job{lane.Device, j.Patch}] = site.Queued
			}
		}
	}
	if v.To != "" && v.Device != "" && v.Patch != "" {
		t.states[job{v.Device, v.Patch}] = v.To
	}
	return true
}

// Done ends the night whose events were added.
func (t *Tally) Done() {
	if t.row == nil {
		return
	}
	t.row.states = map[site.State]int{}
	for _, state := range t.states {
		t.row.states[state]++
	}
	t.row.Counts = countsOf(max(t.row.Planned, len(t.states)), t.row.states)
	t.row = nil
}
