package database

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
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
	left := q.Limit
	for _, s := range streams {
		err := db.eachOf(ctx, s, q, func(e board.Event) error {
			if err := do(e); err != nil {
				return err
			}
			if left--; left == 0 {
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

// eachOf calls do for the events of one stream, packed or not.
func (db *DB) eachOf(ctx context.Context, s history, q board.Query, do func(board.Event) error) error {
	from := uint64(0)
	if q.After.Stream == s.no {
		from = q.After.Seq + 1
	}
	packedTo, err := db.packedTo(ctx, s)
	if err != nil {
		return err
	}
	if packedTo == 0 {
		return db.eachRow(ctx, s, q, from, do)
	}
	old := func() error { return db.eachOld(ctx, s, q, from, packedTo, do) }
	young := func() error { return db.eachRow(ctx, s, q, max(from, packedTo+1), do) }
	if q.Newest {
		old, young = young, old
	}
	if err := old(); err != nil {
		return err
	}
	return young()
}

// eachOld calls do for the events that are packed, and for those up to the last of them that are
// not, because they came late.
func (db *DB) eachOld(ctx context.Context, s history, q board.Query, from, packedTo uint64, do func(board.Event) error) error {
	var late []board.Event
	ascending := q
	ascending.Newest = false
	err := db.eachRow(ctx, s, ascending, from, func(e board.Event) error {
		if e.Seq > packedTo {
			return errEnough
		}
		late = append(late, e)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if q.Newest {
		slices.Reverse(late)
	}
	before := func(a, b uint64) bool { return a < b != q.Newest }
	err = db.eachPacked(ctx, s, q, from, func(e board.Event) error {
		for len(late) > 0 && before(late[0].Seq, e.Seq) {
			if err := do(late[0]); err != nil {
				return err
			}
			late = late[1:]
		}
		return do(e)
	})
	for i := 0; err == nil && i < len(late); i++ {
		err = do(late[i])
	}
	return err
}

// eachRow calls do for the events of a stream that are not packed.
func (db *DB) eachRow(ctx context.Context, s history, q board.Query, from uint64, do func(board.Event) error) error {
	query := "select id, at, received, kind, device, patch, night, prev, hash, body from events where id >= ? and id <= ?"
	args := []any{eventID(s.key, from), eventID(s.key, MaxSeq)}
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
	return each(ctx, db.read, db.text(query+order), args, func(scan func(...any) error) error {
		e, err := rowOf(scan)
		if err != nil {
			return err
		}
		return do(e.event(s))
	})
}
