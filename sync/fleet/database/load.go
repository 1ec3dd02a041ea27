package database

import (
	"context"
	"maps"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// Stores returns the stores that were heard, by id, without those that were closed; with ids,
// only these.
func (db *DB) Stores(ctx context.Context, ids ...string) ([]feed.Known, error) {
	return db.rowsKnown(ctx, false, ids)
}

// Histories is Stores with those that were closed: what they told is kept.
func (db *DB) Histories(ctx context.Context, ids ...string) ([]feed.Known, error) {
	return db.rowsKnown(ctx, true, ids)
}

func (db *DB) rowsKnown(ctx context.Context, closed bool, ids []string) ([]feed.Known, error) {
	rows := map[string]*storeRow{}
	if len(ids) == 0 {
		ids = nil
	}
	if err := db.readRows(ctx, db.read, ids, rows); err != nil {
		return nil, err
	}
	var all []feed.Known
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		s := rows[id]
		if id == fleetWide || s.closed && !closed || s.version == 0 {
			continue
		}
		k := feed.Known{Store: id, Contact: s.contact, Version: s.version}
		for _, r := range s.streams {
			k.Streams = append(k.Streams, r.board())
		}
		all = append(all, k)
	}
	return all, nil
}

// Versions returns the version of every store, and under "" that of the facts that are fleet-wide.
func (db *DB) Versions(ctx context.Context) (map[string]int64, error) {
	all := map[string]int64{}
	err := each(ctx, db.read, "select id, version from stores where closed = 0 and version > 0", nil, func(scan func(...any) error) error {
		var id string
		var version int64
		err := scan(&id, &version)
		all[id] = version
		return err
	})
	return all, err
}

// EachFact calls do for every fact that the board holds, of all stores that are not closed, and
// "" for those that are fleet-wide.
func (db *DB) EachFact(ctx context.Context, do func(store string, f feed.Held) error) error {
	const query = "select store, kind, name, patch, stream, seq, at, received, body from facts where kind <> ? order by store"
	return db.eachFact(ctx, query, []any{string(board.KindPackages)}, do)
}

// Facts returns the facts of a store, of these kinds or of all.
func (db *DB) Facts(ctx context.Context, store string, kinds ...board.Kind) ([]board.Fact, error) {
	held, err := db.HeldFacts(ctx, store, kinds...)
	facts := make([]board.Fact, len(held))
	for i, h := range held {
		facts[i] = h.Fact
	}
	return facts, err
}

// HeldFacts is Facts with the times at which they were received. The store "" has those that are
// fleet-wide.
func (db *DB) HeldFacts(ctx context.Context, store string, kinds ...board.Kind) ([]feed.Held, error) {
	query := "select store, kind, name, patch, stream, seq, at, received, body from facts where store = ?"
	args := []any{store}
	if len(kinds) > 0 {
		query += " and kind in (" + list(len(kinds), "?") + ")"
		for _, k := range kinds {
			args = append(args, string(k))
		}
	}
	var all []feed.Held
	err := db.eachFact(ctx, query+" order by name, patch, kind", args, func(_ string, h feed.Held) error {
		all = append(all, h)
		return nil
	})
	return all, err
}

func (db *DB) eachFact(ctx context.Context, query string, args []any, do func(store string, f feed.Held) error) error {
	return each(ctx, db.read, db.text(query), args, func(scan func(...any) error) error {
		var h feed.Held
		var store string
		var seq, at, received int64
		var body []byte
		if err := scan(&store, &h.Kind, &h.Name, &h.Patch, &h.Mark.Stream, &seq, &at, &received, &body); err != nil {
			return err
		}
		h.Mark.Seq, h.At, h.Received, h.Body = uint64(seq), timeOf(at), timeOf(received), body
		return do(store, h)
	})
}
