package controltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Journal is a journal in memory. Its hashes say nothing. Any number of goroutines may use it.
type Journal struct {
	waiting atomic.Int64

	mu      sync.Mutex
	first   uint64
	records []run.Record
	changed chan struct{}
	broken  error
}

// NewJournal makes an empty journal whose first record has the number first.
func NewJournal(first uint64) *Journal {
	return &Journal{first: first, changed: make(chan struct{})}
}

// Append adds an event and returns it in its place.
func (j *Journal) Append(e run.Event) run.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := run.Record{Seq: j.first + uint64(len(j.records)), Event: e}
	r.Prev, r.Hash = fmt.Sprintf("%064x", r.Seq-1), fmt.Sprintf("%064x", r.Seq)
	j.records = append(j.records, r)
	close(j.changed)
	j.changed = make(chan struct{})
	return r
}

// Forge changes every event that was written so far.
func (j *Journal) Forge(change func(*run.Event)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.records {
		change(&j.records[i].Event)
	}
}

// Break lets Verify find what err says.
func (j *Journal) Break(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = err
}

// Since implements control.Journal.
func (j *Journal) Since(from uint64, limit int) ([]run.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if from == 0 {
		from = j.first
	}
	if from < j.first {
		return nil, fmt.Errorf("cannot read the journal from record %d: %w: the first one kept is %d", from, journal.ErrForgotten, j.first)
	}
	if from-j.first >= uint64(len(j.records)) {
		return nil, nil
	}
	found := j.records[from-j.first:]
	return found[:min(limit, len(found))], nil
}

// night returns the records from the opening of a night on, and those before it; the zero date is
// any night.
func (j *Journal) night(date window.Date) (before, records []run.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, r := range j.records {
		if r.Event.Kind == run.NightOpened && (date.IsZero() || r.Event.Night == date) {
			return slices.Clone(j.records[:i]), slices.Clone(j.records[i:])
		}
	}
	return nil, nil
}

// Last implements control.Journal.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first + uint64(len(j.records)) - 1
}

// Stream implements control.Journal.
func (j *Journal) Stream() string { return "01KAMB2Q9XN1GHTF1LLSTREAM0" }

// Wait implements control.Journal.
func (j *Journal) Wait(ctx context.Context, after uint64) error {
	for {
		j.mu.Lock()
		last, changed := j.first+uint64(len(j.records))-1, j.changed
		j.mu.Unlock()
		if last > after {
			return nil
		}
		j.waiting.Add(1)
		select {
		case <-ctx.Done():
		case <-changed:
		}
		j.waiting.Add(-1)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Waiting is how many readers wait for the next record.
func (j *Journal) Waiting() int { return int(j.waiting.Load()) }

// Verify implements control.Journal.
func (j *Journal) Verify(context.Context) (journal.Summary, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return journal.Summary{}, j.broken
	}
	if len(j.records) == 0 {
		return journal.Summary{}, errors.New("the journal is empty")
	}
	last := j.records[len(j.records)-1]
	return journal.Summary{
		Path: "/var/lib/nightfill/journal.db", Format: 1, Stream: j.Stream(), Records: uint64(len(j.records)), First: j.first, Last: last.Seq,
		FirstAt: j.records[0].Event.At, LastAt: last.Event.At, Head: last.Hash, Bytes: 65536,
	}, nil
}
