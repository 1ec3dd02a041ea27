package database

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

const (
	// maxBeyond is how many separate spans of events may be stored beyond a gap. A store whose
	// numbers are more scattered waits until its gaps close.
	maxBeyond = 4096
	// heardEvery is how far the kept time of contact may lag behind in SQLite.
	heardEvery = time.Minute
)

// storeRow is a row of stores with its rows of streams, as the transaction sees and changes them.
type storeRow struct {
	id      string
	contact board.Contact
	present int64 // number of the stream that the newest info named; 0: none did
	closed  bool
	version int64
	heard   time.Time // as it is kept in the row
	streams []*streamRow

	changed bool
	touched bool // in this batch
}

// streamRow is a row of streams.
type streamRow struct {
	key     int64 // 0: not in the database yet
	no      int64
	id      string
	stored  uint64
	highest uint64
	beyond  spans // stored or given up, after a gap
	lost    spans // given up
	repeats uint64
	last    time.Time

	before  uint64 // highest when the batch began
	changed bool
}

// outcome is what became of an event.
type outcome int

const (
	isNew outcome = iota
	isRepeat
	isRefused
)

// take notes that the event with number seq is stored.
func (r *streamRow) take(seq uint64, received time.Time) outcome {
	r.changed = true
	switch {
	case r.lost.has(seq):
		r.lost = r.lost.cut(seq) // it came after all
	case seq <= r.stored, r.beyond.has(seq):
		r.repeats++
		return isRepeat
	case seq == r.stored+1:
		r.stored = seq
		r.close()
	case len(r.beyond) >= maxBeyond:
		return isRefused
	default:
		r.beyond = r.beyond.add(seq)
	}
	r.highest = max(r.highest, seq)
	if received.After(r.last) {
		r.last = received
	}
	return isNew
}

// close moves stored over what follows it without a gap.
func (r *streamRow) close() {
	for len(r.beyond) > 0 && r.beyond[0].From == r.stored+1 {
		r.stored = r.beyond[0].To
		r.beyond = slices.Delete(r.beyond, 0, 1)
	}
}

// giveUp notes that what lies in the gap will not come any more. Only a part of a gap that is
// still open is given up; it reports whether there was one.
func (r *streamRow) giveUp(gap board.Span) bool {
	given := false
	for _, open := range r.beyond.between(r.stored) {
		part := board.Span{From: max(open.From, gap.From), To: min(open.To, gap.To)}
		if part.From > part.To {
			continue
		}
		given = true
		r.lost, r.beyond = r.lost.join(part), r.beyond.join(part)
	}
	if given {
		r.changed = true
		r.close()
	}
	return given
}

// board returns the stream as the board shows it.
func (r *streamRow) board() board.Stream {
	s := board.Stream{ID: r.id, No: r.no, Stored: r.stored, Highest: r.highest, Repeats: r.repeats, Last: r.last}
	if len(r.beyond) > 0 {
		s.Gaps = r.beyond.between(r.stored)
	}
	if len(r.lost) > 0 {
		s.Lost = slices.Clone(r.lost)
	}
	return s
}

// stream returns the stream of the store with this id, and begins one where there is none.
func (s *storeRow) stream(id string) *streamRow {
	for i := len(s.streams) - 1; i >= 0; i-- {
		if s.streams[i].id == id {
			return s.streams[i]
		}
	}
	r := &streamRow{id: id, no: int64(len(s.streams)) + 1, changed: true}
	s.streams = append(s.streams, r)
	return r
}

// unknown reports whether nothing was ever heard of the store.
func (s *storeRow) unknown() bool { return s.version == 0 && !s.touched }

// newest returns the number of the newest stream; 0: there is none.
func (s *storeRow) newest() int64 { return int64(len(s.streams)) }

// now returns the mark of a snapshot that has this rev, or of the latest without one.
func (s *storeRow) now(rev uint64, latest bool) board.Mark {
	no := s.present
	if no == 0 {
		no = s.newest()
	}
	if latest && no > 0 {
		rev = max(rev, s.streams[no-1].highest)
	}
	return board.Mark{Stream: no, Seq: rev}
}

// heardAt notes that something live was received.
func (s *storeRow) heardAt(t time.Time, shared bool) {
	if t.After(s.contact.Heard) {
		s.contact.Heard = t
	}
	if shared || s.contact.Heard.Sub(s.heard) >= heardEvery {
		s.changed = true
	}
}

// load reads the rows of the stores with these ids, in the order of the ids, and in PostgreSQL
// keeps others from changing them until the transaction ends.
func (t *tx) load(ctx context.Context, ids []string) (map[string]*storeRow, error) {
	rows := map[string]*storeRow{}
	if t.db.postgres {
		if err := t.lockStores(ctx, ids); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(ids, 500) {
		if err := t.db.readRows(ctx, t.run, part, rows); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if rows[id] == nil {
			rows[id] = &storeRow{id: id, changed: true}
		}
	}
	return rows, nil
}

// lockStores makes the rows of stores that are missing and locks all of them in their order, so
// that two processes wait for each other in place of standing in each other's way.
func (t *tx) lockStores(ctx context.Context, ids []string) error {
	for part := range slices.Chunk(ids, 500) {
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		insert := "insert into stores (id, contact, birth, contact_at, heard, software, present, closed, version) values " +
			list(len(part), "(?, '', 0, 0, 0, '', 0, 0, 0)") + " on conflict (id) do nothing"
		if err := t.exec(ctx, insert, args...); err != nil {
			return err
		}
		lock := "select id from stores where id in (" + list(len(part), "?") + ") order by id for update"
		if err := t.exec(ctx, lock, args...); err != nil {
			return err
		}
	}
	return nil
}

// readRows adds the rows of stores and streams to what is known. Without ids: of all.
func (db *DB) readRows(ctx context.Context, q querier, ids []string, into map[string]*storeRow) error {
	where, args := func(string) string { return "" }, []any(nil)
	if ids != nil {
		where = func(column string) string { return " where " + column + " in (" + list(len(ids), "?") + ")" }
		for _, id := range ids {
			args = append(args, id)
		}
	}
	text := "select id, contact, birth, contact_at, heard, software, present, closed, version from stores" + where("id")
	err := each(ctx, q, db.text(text), args, func(scan func(...any) error) error {
		var s storeRow
		var birth, at, heard, closed int64
		if err := scan(&s.id, &s.contact.State, &birth, &at, &heard, &s.contact.Version, &s.present, &closed, &s.version); err != nil {
			return err
		}
		s.contact.Birth, s.contact.At, s.contact.Heard, s.closed = uint64(birth), timeOf(at), timeOf(heard), closed != 0
		s.heard = s.contact.Heard
		into[s.id] = &s
		return nil
	})
	if err != nil {
		return err
	}
	text = "select store, stream, no, id, stored, highest, beyond, lost, repeats, last from streams" + where("store") + " order by store, no"
	return each(ctx, q, db.text(text), args, func(scan func(...any) error) error {
		var r streamRow
		var store, beyond, lost string
		var stored, highest, repeats, last int64
		if err := scan(&store, &r.key, &r.no, &r.id, &stored, &highest, &beyond, &lost, &repeats, &last); err != nil {
			return err
		}
		r.stored, r.highest, r.repeats, r.last = uint64(stored), uint64(highest), uint64(repeats), timeOf(last)
		r.beyond, r.lost = parseSpans(beyond), parseSpans(lost)
		s := into[store]
		if s == nil {
			s = &storeRow{id: store}
			into[store] = s
		}
		if r.last.After(s.contact.Heard) {
			s.contact.Heard = r.last
		}
		s.streams = append(s.streams, &r)
		return nil
	})
}

// save writes the rows that changed.
func (t *tx) save(ctx context.Context, stores []*storeRow) error {
	var changed []*streamRow
	var whole []*storeRow
	for _, s := range stores {
		for _, r := range s.streams {
			if r.changed && r.key != 0 {
				changed = append(changed, r)
			}
		}
		if s.touched && (s.changed || t.db.postgres) {
			whole = append(whole, s)
		}
	}
	if err := t.saveStores(ctx, whole); err != nil {
		return err
	}
	const set = "on conflict (stream) do update set stored = excluded.stored, highest = excluded.highest, beyond = excluded.beyond, lost = excluded.lost, repeats = excluded.repeats, last = excluded.last"
	return t.insert(ctx, "streams (stream, store, no, id, stored, highest, beyond, lost, repeats, last)", 7, "(?, '', 0, '', ?, ?, ?, ?, ?, ?)", set, len(changed), func(i int, args []any) []any {
		r := changed[i]
		return append(args, r.key, int64(r.stored), int64(r.highest), r.beyond.text(), r.lost.text(), int64(r.repeats), micros(r.last))
	})
}

// begin writes the rows of streams that are new, so that they have a key.
func (t *tx) begin(ctx context.Context, s *storeRow) error {
	for _, r := range s.streams {
		if r.key != 0 {
			continue
		}
		text := "insert into streams (store, no, id, stored, highest, beyond, lost, repeats, last) values (?, ?, ?, 0, 0, '', '', 0, 0) returning stream"
		if err := t.run.QueryRowContext(ctx, t.db.text(text), s.id, r.no, r.id).Scan(&r.key); err != nil {
			return err
		}
		r.changed = true
	}
	return nil
}

// saveStores writes rows of stores.
func (t *tx) saveStores(ctx context.Context, rows []*storeRow) error {
	const set = "on conflict (id) do update set contact = excluded.contact, birth = excluded.birth, contact_at = excluded.contact_at, heard = excluded.heard, software = excluded.software, present = excluded.present, closed = excluded.closed, version = excluded.version"
	const columns = "stores (id, contact, birth, contact_at, heard, software, present, closed, version)"
	return t.insert(ctx, columns, 9, "(?, ?, ?, ?, ?, ?, ?, ?, ?)", set, len(rows), func(i int, args []any) []any {
		s := rows[i]
		s.version++
		s.heard = s.contact.Heard
		closed := int64(0)
		if s.closed {
			closed = 1
		}
		c := s.contact
		return append(args, s.id, c.State, int64(c.Birth), micros(c.At), micros(c.Heard), strings.ToValidUTF8(c.Version, ""), s.present, closed, s.version)
	})
}
