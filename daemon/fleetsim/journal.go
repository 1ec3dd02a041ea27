package fleetsim

import (
	"encoding/json"
	"errors"
	"sync"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// memory is a store's journal that forgets everything with the process, and what headquarters has
// stored as soon as it says so, but for the last record. It has the sequence and the hash chain of a real one.
type memory struct {
	stream string

	mu      sync.Mutex
	records []run.Record // the kept ones, without a gap
	last    uint64
	hash    string // of the last record
	cursors map[string]uint64
	changed chan struct{}
}

func newMemory(stream string) *memory {
	return &memory{stream: stream, cursors: map[string]uint64{}, changed: make(chan struct{})}
}

// add appends events, which are stamped already, and returns their records.
func (m *memory) add(events ...run.Event) ([]run.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := len(m.records)
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		r := run.Record{Seq: m.last + 1, Prev: m.hash, Event: e}
		r.Hash = journal.Hash(r.Seq, r.Prev, body)
		m.records, m.last, m.hash = append(m.records, r), r.Seq, r.Hash
	}
	fresh := append([]run.Record{}, m.records[first:]...)
	close(m.changed)
	m.changed = make(chan struct{})
	return fresh, nil
}

// waiting returns how many records headquarters has not stored.
func (m *memory) waiting() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last - min(m.last, m.cursors["hq"])
}

// Since implements uplink.Journal.
func (m *memory) Since(from uint64, limit int) ([]run.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records) == 0 {
		return nil, nil
	}
	first := m.records[0].Seq
	if from == 0 {
		from = first
	}
	if from < first {
		return nil, errors.New("it was stored at headquarters and is no longer kept")
	}
	begin := int(min(from-first, uint64(len(m.records))))
	end := min(begin+limit, len(m.records))
	return append([]run.Record{}, m.records[begin:end]...), nil
}

// Durable implements uplink.Journal.
func (m *memory) Durable() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Changed implements uplink.Journal.
func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// Stream implements uplink.Journal.
func (m *memory) Stream() string { return m.stream }

// Cursor implements uplink.Journal.
func (m *memory) Cursor(name string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[name], nil
}

// SetCursor implements uplink.Journal. What headquarters stored is forgotten.
func (m *memory) SetCursor(name string, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursors[name] = max(m.cursors[name], seq)
	if name != "hq" || len(m.records) == 0 || seq < m.records[0].Seq {
		return nil
	}
	gone := int(min(seq-m.records[0].Seq+1, uint64(len(m.records)-1)))
	m.records = append([]run.Record{}, m.records[gone:]...)
	return nil
}
