// Package ledgertest is a journal in memory for the tests of what keeps a ledger. It forgets
// everything with the process, and is no place for anything else.
package ledgertest

import (
	"errors"
	"slices"
	"sync"

	"github.com/nightfill/nightfill/site/run"
)

// Journal is a journal in memory. It refuses two writers at once, and one that does not wait for
// the disk.
type Journal struct {
	Records []run.Record // what is written, in order; only for one goroutine at a time
	Broken  error        // what every call returns; nil = it works

	mu sync.Mutex
}

// Append implements ledger.Journal.
func (j *Journal) Append(events []run.Event, durable bool) ([]run.Record, error) {
	if !j.mu.TryLock() || !durable {
		return nil, errors.New("two writers at once, or one that does not wait for the disk")
	}
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
