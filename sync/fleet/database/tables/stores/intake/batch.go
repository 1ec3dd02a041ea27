package intake

import (
	"context"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/stores"
)

// batch is what a batch of messages comes to: nothing of it is in the database until it is stored.
type batch struct {
	shared bool
	rows   []*stores.Row // of its stores, by id
	of     map[string]*stores.Row
	events []newEvent
	facts  *registers
	taken  feed.Taken
}

// newBatch returns a batch that no message was taken into yet. rows are those of the stores with these ids.
func newBatch(shared bool, ids []string, rows []*stores.Row, messages int) *batch {
	b := &batch{shared: shared, rows: rows, of: make(map[string]*stores.Row, len(rows)), facts: newRegisters(messages + messages/2)}
	for i, id := range ids {
		b.of[id] = rows[i]
	}
	return b
}

// take takes in one message. One that is from no store says nothing.
func (b *batch) take(m *feed.Message) {
	if m.Store == stores.FleetWide {
		return
	}
	row := b.of[m.Store]
	switch {
	case m.Event != nil:
		b.takeEvent(m, row)
	case m.Contact != nil:
		takeContact(m, row)
	default:
		b.takeSnapshot(m, row)
	}
	if row.Touched() && m.Live {
		row.Heard(m.Received, b.shared)
	}
}

// takeEvent takes in an event, and if it is new what it tells.
func (b *batch) takeEvent(m *feed.Message, row *stores.Row) {
	row.Spoke()
	stream := row.Stream(m.Event.Stream)
	switch stream.Take(m.Event.Seq, m.Received) {
	case stores.Repeat:
		b.taken.Repeats++
	case stores.Refused:
		b.taken.Refused++
	case stores.New:
		b.taken.Events++
		b.events = append(b.events, newEvent{m, stream})
		// What is later than all that its store told is later than every fact that an event of it told.
		latest := row.Tops(stream, m.Event.Seq)
		for _, f := range m.Facts {
			if f.Kind.FleetWide() {
				b.facts.add(stores.FleetWide, fact{Fact: f, received: m.Received})
				continue
			}
			f.Mark.Stream = stream.No
			b.facts.add(row.ID, fact{Fact: f, received: m.Received, replaces: latest})
		}
	}
}

// takeSnapshot takes in a retained message. One that only clears is nothing new from a store that is silent.
func (b *batch) takeSnapshot(m *feed.Message, row *stores.Row) {
	tells := slices.ContainsFunc(m.Facts, func(f board.Fact) bool { return f.Body != nil })
	if !tells && row.Silent() {
		return
	}
	row.Spoke()
	var no int64
	if m.Stream != "" {
		stream := row.Stream(m.Stream)
		row.Present(stream)
		no = stream.No
	}
	for _, f := range m.Facts {
		if f.Body != nil || !m.Latest {
			f.Mark = row.SnapshotMark(f.Mark.Seq, m.Latest)
		}
		if no > 0 {
			f.Mark.Stream = no
		}
		b.facts.add(row.ID, fact{Fact: f, received: m.Received, byArrival: m.Latest})
	}
}

// takeContact takes in a state. One that only clears is nothing new from a store that is silent.
func takeContact(m *feed.Message, row *stores.Row) {
	clears := m.Contact.State == ""
	if clears && row.Silent() || row.Outdated(*m.Contact, m.Live) {
		return
	}
	row.Spoke()
	row.Contacted(*m.Contact, m.Received)
}

// store writes the batch and returns what it changed.
func (b *batch) store(ctx context.Context, t *tables.Tx) (feed.Taken, error) {
	if err := stores.Begin(ctx, t, b.rows); err != nil {
		return b.taken, err
	}
	if err := storeEvents(ctx, t, b.events); err != nil {
		return b.taken, err
	}
	facts, err := b.facts.holding(ctx, t)
	if err != nil {
		return b.taken, err
	}
	if facts, err = storeFacts(ctx, t, facts); err != nil {
		return b.taken, err
	}
	held := byStore(facts)
	if fleet := b.of[stores.FleetWide]; fleet != nil && len(held[stores.FleetWide]) > 0 {
		fleet.Touch()
	}
	if err := stores.Save(ctx, t, b.rows); err != nil {
		return b.taken, err
	}
	return b.changed(held), nil
}

// changed returns what the batch changed, after it was stored.
func (b *batch) changed(held map[string][]feed.Held) feed.Taken {
	taken := b.taken
	taken.Patches = held[stores.FleetWide]
	taken.Stores = make([]feed.Change, 0, len(b.rows))
	for _, row := range b.rows {
		if row.ID == stores.FleetWide || !row.Touched() {
			continue
		}
		change := row.Change()
		change.Facts = held[row.ID]
		taken.Stores = append(taken.Stores, change)
	}
	return taken
}

// byStore returns facts as headquarters holds them, by their store.
func byStore(facts []*fact) map[string][]feed.Held {
	held := map[string][]feed.Held{}
	for _, f := range facts {
		held[f.store] = append(held[f.store], feed.Held{Fact: f.Fact, Received: f.received})
	}
	return held
}
