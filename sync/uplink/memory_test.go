package uplink

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// memory is a journal in memory that outlives the uplinks that read it. It is as
// strict as the real one.
type memory struct {
	mu      sync.Mutex
	records []run.Record
	cursors map[string]uint64
	changed chan struct{}
	first   uint64 // what is before was forgotten
	unsafe  int    // this many at the end are not on the disk
	writes  int    // of cursors
	widest  int    // the largest limit that was asked for
	fail    error
}

func newMemory() *memory {
	return &memory{cursors: map[string]uint64{}, changed: make(chan struct{}), first: 1}
}

func (m *memory) add(events ...run.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if e.At.IsZero() {
			e.At = time.Now()
		}
		m.records = append(m.records, run.Record{Seq: uint64(len(m.records)) + 1, Event: e})
	}
	m.notify()
}

// grow adds n events that differ only in their number.
func (m *memory) grow(n int) {
	for range n {
		m.add(run.Event{Kind: run.CheckEnded})
	}
}

// risk says how many of the newest events are not on the disk.
func (m *memory) risk(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsafe = n
	m.notify()
}

func (m *memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Since(from uint64, limit int) ([]run.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from == 0 {
		from = m.first
	}
	switch {
	case m.fail != nil:
		return nil, m.fail
	case from < m.first:
		return nil, errors.New("the record was forgotten")
	case from > uint64(len(m.records)):
		return nil, nil
	}
	m.widest = max(m.widest, limit)
	rest := m.records[from-1:]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (m *memory) durable() uint64 { return uint64(len(m.records) - m.unsafe) }

func (m *memory) Durable() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.durable()
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) Stream() string { return "01JD3Q" }

func (m *memory) Cursor(name string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[name], m.fail
}

func (m *memory) SetCursor(name string, n uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.fail != nil:
		return m.fail
	case n > m.durable():
		return errors.New("the cursor is above what is on the disk")
	}
	m.cursors[name] = max(m.cursors[name], n)
	m.writes++
	return nil
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}
