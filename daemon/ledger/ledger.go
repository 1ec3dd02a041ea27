// Package ledger keeps the journal and its fold together: what is on disk and what
// the box therefore knows never differ. It decides nothing.
package ledger

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nightfill/nightfill/site/run"
)

// Journal is where records are kept.
type Journal interface {
	// Append writes the events durably when durable is true, and returns them in their places.
	Append(events []run.Event, durable bool) ([]run.Record, error)
	// Each visits the records from a sequence number on, in order.
	Each(from uint64, visit func(run.Record) error) error
}

// Ledger is the journal with its fold. Any number of goroutines may use it.
type Ledger struct {
	journal Journal
	state   atomic.Pointer[run.State]

	order   sync.Mutex // the journal has one writer at a time; held while it writes, by nobody who waits for a device
	changed atomic.Pointer[chan struct{}]
}

// Open folds the whole journal.
func Open(journal Journal) (*Ledger, error) { return Resume(journal, run.State{}) }

// Resume folds the records after those that start is the fold of: the rest of a journal whose
// beginning was trimmed.
func Resume(journal Journal, start run.State) (*Ledger, error) {
	l := &Ledger{journal: journal}
	state, err := fold(journal, start)
	if err != nil {
		return nil, err
	}
	l.state.Store(&state)
	first := make(chan struct{})
	l.changed.Store(&first)
	return l, nil
}

// batch is how many records are folded at once: a fold copies the state it starts from.
const batch = 512

func fold(journal Journal, state run.State) (run.State, error) {
	pending := make([]run.Record, 0, batch)
	err := journal.Each(state.Seq+1, func(r run.Record) error {
		if pending = append(pending, r); len(pending) == batch {
			state = run.Fold(state, pending...)
			pending = pending[:0]
		}
		return nil
	})
	if err != nil {
		return run.State{}, fmt.Errorf("cannot fold the journal: %w", err)
	}
	return run.Fold(state, pending...), nil
}

// State is what the box knows now. The value may be kept; it does not change.
func (l *Ledger) State() run.State { return *l.state.Load() }

// Changed is closed at the next commit. Ask for it before looking at State.
func (l *Ledger) Changed() <-chan struct{} { return *l.changed.Load() }

// Commit lets decide choose events from the newest state, with no other commit in
// between, and returns when they are on disk. When that fails nothing has happened: the
// state is as before, and nothing may be acted on.
func (l *Ledger) Commit(decide func(run.State) []run.Event) ([]run.Record, error) {
	l.order.Lock()
	defer l.order.Unlock()
	state := l.State()
	events := decide(state)
	if len(events) == 0 {
		return nil, nil
	}
	records, err := l.journal.Append(run.Stamped(state, events), true)
	if err != nil {
		return nil, err // it says what could not be written, and where
	}
	state = run.Fold(state, records...)
	l.state.Store(&state)
	next := make(chan struct{})
	close(*l.changed.Swap(&next))
	return records, nil
}

// Add commits events that depend on nothing.
func (l *Ledger) Add(events ...run.Event) error {
	_, err := l.Commit(func(run.State) []run.Event { return events })
	return err
}
