package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// memory is a journal that outlives the box which writes it. Records are kept as the bytes
// that a file would hold, so that a box which starts again reads what JSON kept.
type memory struct {
	mu      sync.Mutex
	lines   [][]byte
	appends int
	fate    func(call int) fate
	crash   func()
	dead    func() bool
	stand   func()                     // returns when the box does not stand still
	wrote   func(records []run.Record) // told of what is on disk now

	disk   *disk           // the real one beside it; nil in most nights
	damage func(err error) // told when they differ

	lazy    bool // it acknowledges what reaches the disk only with the next append
	waiting written
}

// written are records, and the bytes of each.
type written struct {
	records []run.Record
	lines   [][]byte
}

// Append implements ledger.Journal.
func (m *memory) Append(events []run.Event, _ bool) ([]run.Record, error) {
	m.stand()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead() {
		return nil, errCrash
	}
	m.appends++
	becomes := m.fate(m.appends)
	switch becomes {
	case lost:
		m.crash()
		return nil, errCrash
	case refused:
		return nil, errFull
	}
	placed, err := m.places(events)
	if err != nil {
		return nil, err
	}
	if m.lazy {
		m.write(m.waiting)
		m.waiting = placed
	} else {
		m.write(placed)
	}
	if becomes == unheard {
		m.crash()
		return nil, errCrash
	}
	return placed.records, nil
}

// places gives events their places behind what was acknowledged, as they will be read again.
func (m *memory) places(events []run.Event) (placed written, err error) {
	next := uint64(len(m.lines) + len(m.waiting.lines) + 1)
	for i, e := range events {
		line, err := json.Marshal(run.Record{Seq: next + uint64(i), Event: e})
		if err != nil {
			return written{}, err
		}
		placed.records, placed.lines = append(placed.records, decode(line)), append(placed.lines, line)
	}
	return placed, nil
}

func (m *memory) write(w written) {
	m.lines = append(m.lines, w.lines...)
	if m.disk != nil && len(w.records) > 0 {
		m.differ(m.disk.write(w.records))
	}
	m.wrote(w.records)
}

// restart is the loss of what was acknowledged and is not on disk.
func (m *memory) restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting = written{}
	if m.disk != nil {
		m.disk.crash()
		m.differ(m.disk.check(m.lines))
	}
}

func (m *memory) differ(err error) {
	if err != nil {
		m.damage(err)
	}
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
		panic("sim: the journal holds a record that cannot be read: " + err.Error())
	}
	return r
}

// text is the journal for people, one line a record.
func (m *memory) text() string {
	var b strings.Builder
	for _, line := range m.lines {
		e := decode(line).Event
		fmt.Fprintf(&b, "%s %s", e.At.UTC().Format("02 15:04:05.000"), e.Kind)
		for _, part := range []string{e.Device, e.Patch, string(e.Step), string(e.Outcome)} {
			if part != "" {
				b.WriteString(" " + part)
			}
		}
		if e.Attempt > 1 {
			fmt.Fprintf(&b, " #%d", e.Attempt)
		}
		if e.To != "" {
			fmt.Fprintf(&b, " -> %s", e.To)
		}
		if !e.Deadline.IsZero() {
			b.WriteString(" until " + e.Deadline.UTC().Format("15:04:05"))
		}
		if e.Reason != nil {
			b.WriteString(": " + e.Reason.Text)
		}
		b.WriteString("\n")
	}
	return b.String()
}
