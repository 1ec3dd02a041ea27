package database

import (
	"cmp"
	"context"
	"encoding/hex"
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
	if q.Newest {
		if err := db.eachRow(ctx, s, q, from, do); err != nil {
			return err
		}
		return db.eachPacked(ctx, s, q, from, do)
	}
	if err := db.eachPacked(ctx, s, q, from, do); err != nil {
		return err
	}
	return db.eachRow(ctx, s, q, from, do)
}

// eachRow calls do for the events of a stream that are not packed.
func (db *DB) eachRow(ctx context.Context, s history, q board.Query, from uint64, do func(board.Event) error) error {
	query := "select id, received, prev, hash, body from events where id >= ? and id <= ?"
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
		var id, received int64
		var prev, hash, body []byte
		if err := scan(&id, &received, &prev, &hash, &body); err != nil {
			return err
		}
		return do(board.Event{
			Store: s.store, Stream: s.id, No: s.no, Seq: uint64(id) & MaxSeq, Received: timeOf(received),
			Prev: hex.EncodeToString(prev), Hash: hex.EncodeToString(hash), Data: body,
		})
	})
}
