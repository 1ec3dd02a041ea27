// Package ledgertest is a journal in memory for the tests of what keeps a ledger. It forgets
// everything with the process, and is no place for anything else.
package ledgertest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/site/run"
)

// Journal is a journal in memory. It refuses two writers at once, and one that does not wait for
// the disk.
type Journal struct {
	Records []run.Record // what is written, in order; only for one goroutine at a time
	Broken  error        // what every call returns; nil = it works

	writing atomic.Bool
	mu      sync.Mutex
}

// Open returns a ledger that begins with the events, and the journal below it.
func Open(tb testing.TB, events ...run.Event) (*ledger.Ledger, *Journal) {
	tb.Helper()
	j := &Journal{}
	l, err := ledger.Open(j)
	if err == nil && len(events) > 0 {
		err = l.Add(events...)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return l, j
}

// Events are what was written so far. Any goroutine may ask.
func (j *Journal) Events() []run.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	events := make([]run.Event, 0, len(j.Records))
	for _, r := range j.Records {
		events = append(events, r.Event)
	}
	return events
}

// Append implements ledger.Journal.
func (j *Journal) Append(events []run.Event, durable bool) ([]run.Record, error) {
	if !j.writing.CompareAndSwap(false, true) || !durable {
		return nil, errors.New("two writers at once, or one that does not wait for the disk")
	}
	defer j.writing.Store(false)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.Broken != nil {
		return nil, j.Broken
	}
	first := len(j.Records)
	for _, e := range events {
		j.Records = append(j.Records, run.Record{Seq: uint64(len(j.Records) + 1), Event: e})
	}
	return slices.Clone(j.Records[first:]), nil
}

// Each implements ledger.Journal.
func (j *Journal) Each(from uint64, visit func(run.Record) error) error {
	if j.Broken != nil {
		return j.Broken
	}
	for _, r := range j.Records {
		if r.Seq < from {
			continue
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}
