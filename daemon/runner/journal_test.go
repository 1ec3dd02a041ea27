package runner_test

import (
	"encoding/json"
	"errors"
	"sync"

	"github.com/nightfill/nightfill/site/run"
)

var (
	errCrash = errors.New("the box crashed")
	errFull  = errors.New("no space left on device")
)

// fate is what becomes of one append.
type fate int

const (
	kept    fate = iota
	lost         // it is not on disk, and the caller is gone
	unheard      // it is on disk, and the caller is gone before it learns so
	refused      // it is not on disk, and the caller learns so
)

// memory is a journal that outlives the box which writes it. Records are kept as the
// bytes that a file would hold, so that a box which starts again reads what JSON kept.
type memory struct {
	mu      sync.Mutex
	lines   [][]byte
	appends int                        // calls of Append by living boxes
	fate    func(call int) fate        // nil: everything is kept
	crash   func()                     // ends the box
	dead    func() bool                // whether it ended
	wrote   func(records []run.Record) // told of what is on disk now
}

// Append implements ledger.Journal.
func (m *memory) Append(events []run.Event, _ bool) ([]run.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil && m.dead() {
		return nil, errCrash
	}
	m.appends++
	becomes := kept
	if m.fate != nil {
		becomes = m.fate(m.appends)
	}
	switch becomes {
	case lost:
		m.crash()
		return nil, errCrash
	case refused:
		return nil, errFull
	}
	records := make([]run.Record, 0, len(events))
	for _, e := range events {
		line, err := json.Marshal(run.Record{Seq: uint64(len(m.lines) + 1), Event: e})
		if err != nil {
			return nil, err
		}
		m.lines = append(m.lines, line)
		records = append(records, decode(line))
	}
	if m.wrote != nil {
		m.wrote(records)
	}
	if becomes == unheard {
		m.crash()
		return nil, errCrash
	}
	return records, nil
}

// Each implements ledger.Journal.
func (m *memory) Each(from uint64, visit func(run.Record) error) error {
	m.mu.Lock()
	lines := m.lines
	m.mu.Unlock()
	for i := int(from) - 1; i < len(lines); i++ {
		if err := visit(decode(lines[i])); err != nil {
			return err
		}
	}
	return nil
}

func decode(line []byte) run.Record {
	var r run.Record
	if err := json.Unmarshal(line, &r); err != nil {
		panic("the journal holds a record that cannot be read: " + err.Error())
	}
	return r
}
