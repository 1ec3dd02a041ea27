package database

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// usualLimit is how many events Events returns at most where nothing is asked for.
const usualLimit = 1000

// errEnough ends a walk over events.
var errEnough = errors.New("enough")

// Events returns the events that a query asks for, at most its Limit.
func (db *DB) Events(ctx context.Context, q board.Query) ([]board.Event, error) {
	if q.Limit <= 0 {
		q.Limit = usualLimit
	}
	var all []board.Event
	err := db.EachEvent(ctx, q, func(e board.Event) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// EachEvent calls do for each event that a query asks for, without a limit where Limit is 0. They
// come store by store (by id), stream by stream, in the order of the stream. An error of do ends it
// and is returned.
func (db *DB) EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error {
	streams, err := db.streamsOf(ctx, q)
	if err != nil {
		return err
	}
	for _, s := range streams {
		err := db.eachOf(ctx, s, q, func(e board.Event) error {
			if err := do(e); err != nil {
				return err
			}
			if q.Limit--; q.Limit == 0 { // the next stream has what is left
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// history is a stream to read events of.
type history struct {
	key   int64
	store string
	no    int64
	id    string
}

// streamsOf returns the streams that a query is about, in its order.
func (db *DB) streamsOf(ctx context.Context, q board.Query) ([]history, error) {
	query, args := "select stream, store, no, id from streams where no >= ?", []any{q.After.Stream}
	if q.Store != "" {
		query, args = query+" and store = ?", append(args, q.Store)
	}
	if q.Stream != "" {
		query, args = query+" and id = ?", append(args, q.Stream)
	}
	if !q.From.IsZero() && q.To.IsZero() {
		query, args = query+" and last >= ?", append(args, micros(q.From.Add(-clockOff)))
	}
	var all []history
	err := each(ctx, db.read, db.text(query), args, func(scan func(...any) error) error {
		var h history
		err := scan(&h.key, &h.store, &h.no, &h.id)
		all = append(all, h)
		return err
	})
	slices.SortFunc(all, func(a, b history) int {
		c := cmp.Or(board.CompareIDs(a.store, b.store), strings.Compare(a.store, b.store), cmp.Compare(a.no, b.no))
		if q.Newest {
			return -c
		}
		return c
	})
	return all, err
}

// clockOff is how far the clock of a store may be ahead of that of headquarters.
const clockOff = 48 * time.Hour

// rowsOfPart is how many events that are not packed are read at a time.
const rowsOfPart = 256

// part is a range of the numbers of a stream.
type part struct{ from, to uint64 }

// eachOf calls do for the events of one stream, packed or not. Nothing is open in the database while do runs, and
// events that are packed meanwhile are found in their pack.
func (db *DB) eachOf(ctx context.Context, s history, q board.Query, do func(board.Event) error) error {
	all := part{0, feed.MaxSeq}
	if q.After.Stream == s.no {
		all.from = q.After.Seq + 1
	}
	if q.Newest {
		return db.eachBack(ctx, s, q, all, do)
	}
	for {
		packedTo, err := db.packedTo(ctx, s)
		if err != nil {
			return err
		}
		if packedTo >= all.from && packedTo > 0 {
			if err := db.eachOld(ctx, s, q, part{all.from, packedTo}, do); err != nil {
				return err
			}
			all.from = packedTo + 1
			continue
		}
		rows, more, err := db.rowsOf(ctx, s, q, all)
		if err != nil {
			return err
		}
		if packedTo, err = db.packedTo(ctx, s); err != nil {
			return err
		}
		if packedTo >= all.from && packedTo > 0 {
			continue // what was read may lack what was packed at that moment
		}
		if err := eachIn(rows, s, do); err != nil || !more {
			return err
		}
		all.from = rows[len(rows)-1].Seq + 1
	}
}

// eachBack is eachOf for the newest first.
func (db *DB) eachBack(ctx context.Context, s history, q board.Query, all part, do func(board.Event) error) error {
	packedTo, err := db.packedTo(ctx, s)
	if err != nil {
		return err
	}
	young := part{max(all.from, packedTo+1), all.to}
	for more := true; more; {
		var rows []packed
		if rows, more, err = db.rowsOf(ctx, s, q, young); err != nil {
			return err
		}
		if err := eachIn(rows, s, do); err != nil {
			return err
		}
		if len(rows) > 0 {
			young.to = rows[len(rows)-1].Seq - 1
		}
	}
	// What was packed meanwhile was not read above.
	return db.eachOld(ctx, s, q, part{all.from, young.to}, do)
}

func eachIn(events []packed, s history, do func(board.Event) error) error {
	for _, e := range events {
		if err := do(e.event(s)); err != nil {
			return err
		}
	}
	return nil
}

// eachOld calls do for the events of a part that are packed, and for those before the last pack that are not,
// because they came late.
func (db *DB) eachOld(ctx context.Context, s history, q board.Query, of part, do func(board.Event) error) error {
	packedTo, err := db.packedTo(ctx, s)
	if err != nil || packedTo == 0 {
		return err
	}
	of.to = min(of.to, packedTo)
	late, err := db.late(ctx, s, q, of)
	if err != nil {
		return err
	}
	before := func(a, b uint64) bool { return a < b != q.Newest }
	err = db.eachPacked(ctx, s, q, of, func(e board.Event) error {
		for len(late) > 0 && (before(late[0].Seq, e.Seq) || late[0].Seq == e.Seq) {
			if late[0].Seq != e.Seq { // else it was packed since it was read
				if err := do(late[0].event(s)); err != nil {
					return err
				}
			}
			late = late[1:]
		}
		return do(e)
	})
	if err != nil {
		return err
	}
	return eachIn(late, s, do)
}

// late returns the events of a part that are not packed, in the order of the query.
func (db *DB) late(ctx context.Context, s history, q board.Query, of part) ([]packed, error) {
	var all []packed
	for {
		rows, more, err := db.rowsOf(ctx, s, q, of)
		all = append(all, rows...)
		switch {
		case err != nil || !more:
			return all, err
		case q.Newest:
			of.to = rows[len(rows)-1].Seq - 1
		default:
			of.from = rows[len(rows)-1].Seq + 1
		}
	}
}

// rowsOf returns events of a part that are not packed, so many as are read at a time, and whether there may be more.
func (db *DB) rowsOf(ctx context.Context, s history, q board.Query, of part) (rows []packed, more bool, err error) {
	if of.from > of.to {
		return nil, false, nil
	}
	query := "select id, at, received, kind, device, patch, night, prev, hash, body from events where id >= ? and id <= ?"
	args := []any{eventID(s.key, of.from), eventID(s.key, of.to)}
	narrow := func(condition string, value any) {
		query += " and " + condition
		args = append(args, value)
	}
	for _, c := range []struct{ column, value string }{{"device", q.Device}, {"patch", q.Patch}, {"night", q.Night}} {
		if c.value != "" {
			narrow(c.column+" = ?", c.value)
		}
	}
	if !q.From.IsZero() {
		narrow("at >= ?", micros(q.From))
	}
	if !q.To.IsZero() {
		narrow("at < ?", micros(q.To))
	}
	if len(q.Kinds) > 0 {
		query += " and kind in (" + list(len(q.Kinds), "?") + ")"
		for _, k := range q.Kinds {
			args = append(args, string(k))
		}
	}
	order := " order by id"
	if q.Newest {
		order += " desc"
	}
	limit := rowsOfPart
	if q.Limit > 0 {
		limit = min(limit, q.Limit)
	}
	err = each(ctx, db.read, db.text(query+order+" limit ?"), append(args, limit), func(scan func(...any) error) error {
		e, err := rowOf(scan)
		rows = append(rows, e)
		return err
	})
	return rows, len(rows) == limit, err
}
