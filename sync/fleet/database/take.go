package database

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// Take stores a batch of messages, in their order, in one transaction, and returns what changed.
// After an error nothing is stored and the batch may be given again; Refused tells whether that is
// of use.
func (db *DB) Take(ctx context.Context, batch []feed.Message) (feed.Taken, error) {
	var result feed.Taken
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		b := &taking{tx: t, batch: batch, facts: newRegisters(len(batch) + len(batch)/2)}
		err := b.run(ctx)
		result = b.result
		return err
	})
	if err != nil {
		return feed.Taken{}, err
	}
	return result, nil
}

// taking is one batch on its way into the database.
type taking struct {
	*tx
	batch  []feed.Message
	stores map[string]*storeRow
	order  []*storeRow // those of the batch, by id
	events []placed
	facts  *registers
	result feed.Taken
}

// placed is an event with the row of its stream.
type placed struct {
	message *feed.Message
	stream  *streamRow
}

func (b *taking) run(ctx context.Context) error {
	if err := b.open(ctx); err != nil {
		return err
	}
	for i := range b.batch {
		if m := &b.batch[i]; m.Store != fleetWide {
			b.take(m, b.stores[m.Store])
		}
	}
	for _, s := range b.order {
		if err := b.begin(ctx, s); err != nil {
			return err
		}
	}
	if err := b.storeEvents(ctx); err != nil {
		return err
	}
	held, err := b.storeFacts(ctx, b.facts)
	if err != nil {
		return err
	}
	if s := b.stores[fleetWide]; s != nil && len(held[fleetWide]) > 0 {
		s.touched = true
	}
	if err := b.save(ctx, b.order); err != nil {
		return err
	}
	b.report(held)
	return nil
}

// fleetWide is the store of facts that are about none in particular.
const fleetWide = ""

// open loads the rows of the stores of the batch.
func (b *taking) open(ctx context.Context) error {
	seen := map[string]bool{}
	for i := range b.batch {
		m := &b.batch[i]
		seen[m.Store] = true
		if b.db.postgres && slices.ContainsFunc(m.Facts, func(f board.Fact) bool { return f.Kind.FleetWide() }) {
			seen[fleetWide] = true
		}
	}
	ids := make([]string, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var err error
	if b.stores, err = b.rows(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		s := b.stores[id]
		s.touched = false
		for _, r := range s.streams {
			r.before, r.changed = r.highest, false
		}
		b.order = append(b.order, s)
	}
	return nil
}

// rows returns the rows of stores. In SQLite they are remembered for as long as nobody else wrote.
func (t *tx) rows(ctx context.Context, ids []string) (map[string]*storeRow, error) {
	if t.db.postgres {
		return t.load(ctx, ids)
	}
	version, err := t.number(ctx, "pragma data_version")
	if err != nil {
		return nil, err
	}
	if version != t.db.dataVersion {
		clear(t.db.known)
		t.db.dataVersion = version
	}
	var missing []string
	for _, id := range ids {
		if t.db.known[id] == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		loaded, err := t.load(ctx, missing)
		if err != nil {
			return nil, err
		}
		for id, s := range loaded {
			t.db.known[id] = s
		}
	}
	return t.db.known, nil
}

// take places one message.
func (b *taking) take(m *feed.Message, s *storeRow) {
	switch {
	case m.Event != nil:
		b.takeEvent(m, s)
	case m.Contact != nil:
		b.takeContact(m, s)
	default:
		b.takeSnapshot(m, s)
	}
	if s.touched && m.Live {
		s.heardAt(m.Received, b.db.postgres)
	}
}

// touch notes that the store spoke.
func (b *taking) touch(s *storeRow) {
	s.touched = true
	if s.closed {
		s.closed, s.changed = false, true
	}
}

func (b *taking) takeEvent(m *feed.Message, s *storeRow) {
	b.touch(s)
	r := s.stream(m.Event.Stream)
	switch r.take(m.Event.Seq, m.Received) {
	case isRepeat:
		b.result.Repeats++
		return
	case isRefused:
		b.result.Refused++
		return
	}
	b.result.Events++
	b.events = append(b.events, placed{m, r})
	// An event that is later than all that its store told is later than every fact of an event.
	sure := r.no == s.newest() && m.Event.Seq > r.before
	for _, f := range m.Facts {
		at := key{store: s.id, Key: f.Key()}
		if f.Kind.FleetWide() {
			at.store = fleetWide
			b.facts.add(at, pending{fact: f, received: m.Received})
			continue
		}
		f.Mark.Stream = r.no
		b.facts.add(at, pending{fact: f, received: m.Received, sure: sure})
	}
}

// takeSnapshot places a retained message. What clears is nothing new from a store that is not known.
func (b *taking) takeSnapshot(m *feed.Message, s *storeRow) {
	clears := !slices.ContainsFunc(m.Facts, func(f board.Fact) bool { return f.Body != nil })
	if clears && (s.unknown() || s.closed) {
		return
	}
	b.touch(s)
	var no int64
	if m.Stream != "" {
		no = s.stream(m.Stream).no
		if no > s.present {
			s.present, s.changed = no, true
		}
	}
	for _, f := range m.Facts {
		if f.Body != nil || !m.Latest {
			f.Mark = s.now(f.Mark.Seq, m.Latest)
		}
		if no > 0 {
			f.Mark.Stream = no
		}
		b.facts.add(key{store: s.id, Key: f.Key()}, pending{fact: f, received: m.Received, latest: m.Latest})
	}
}

// takeContact places a state. The last will of an older connection than the newest says nothing.
func (b *taking) takeContact(m *feed.Message, s *storeRow) {
	c := *m.Contact
	switch {
	case c.State == "" && (s.unknown() || s.closed):
		return
	case c.State == "lost" && m.Live && s.contact.Birth != 0 && c.Birth != s.contact.Birth:
		return
	}
	b.touch(s)
	s.changed = true
	s.contact.State, s.contact.At = c.State, m.Received
	if c.State == "" {
		s.contact.Birth = 0
		return
	}
	s.contact.Birth = c.Birth
	if c.Version != "" {
		s.contact.Version = c.Version
	}
}

// storeEvents writes the events that are new, those of a stream side by side.
func (b *taking) storeEvents(ctx context.Context) error {
	slices.SortFunc(b.events, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.stream.key, y.stream.key), cmp.Compare(x.message.Event.Seq, y.message.Event.Seq))
	})
	const columns = "events (id, at, received, kind, device, patch, night, prev, hash, body)"
	return b.insert(ctx, columns, 10, "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "", len(b.events), func(i int, args []any) []any {
		m := b.events[i].message
		e := m.Event
		return append(args, eventID(b.events[i].stream.key, e.Seq), micros(e.At), micros(m.Received), e.Kind, e.Device, e.Patch, e.Night, orNull(unhex(e.Prev)), orNull(unhex(e.Hash)), e.Data)
	})
}

// eventID names an event in the database.
func eventID(stream int64, seq uint64) int64 { return stream<<feed.SeqBits | int64(seq&feed.MaxSeq) }

// unhex returns the bytes of a hash; nil where it is none.
func unhex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// report tells what changed.
func (b *taking) report(held map[string][]feed.Held) {
	b.result.Patches = held[fleetWide]
	b.result.Stores = make([]feed.Change, 0, len(b.order))
	for _, s := range b.order {
		if s.id == fleetWide || !s.touched {
			s.changed = false
			continue
		}
		c := feed.Change{Store: s.id, Facts: held[s.id], Contact: s.contact, Version: s.version}
		for _, r := range s.streams {
			if r.changed {
				c.Streams = append(c.Streams, r.board())
			}
		}
		s.changed = false
		b.result.Stores = append(b.result.Stores, c)
	}
}
