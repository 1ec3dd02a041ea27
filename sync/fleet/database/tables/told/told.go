// Package told reads what stores told and what holds of it: the facts of the board, what was told of each date,
// and when headquarters was first told of a device.
//
// It writes nothing: package intake does, which decides what holds.
package told

import (
	"context"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// Reader reads what was told. It may be used by several goroutines.
type Reader struct{ db *tables.DB }

// New returns the Reader of a database.
func New(db *tables.DB) *Reader { return &Reader{db} }

// selectFacts is what eachFact reads.
const selectFacts = "select store, kind, name, patch, stream, seq, at, received, body from facts"

// EachFact calls do for every fact that the board holds, of all stores that are not closed, and
// "" for those that are fleet-wide.
func (r *Reader) EachFact(ctx context.Context, do func(store string, f feed.Held) error) error {
	return r.eachFact(ctx, selectFacts+" where kind <> ? order by store", []any{string(board.KindPackages)}, do)
}

// Facts returns the facts of a store, of these kinds or of all.
func (r *Reader) Facts(ctx context.Context, store string, kinds ...board.Kind) ([]board.Fact, error) {
	held, err := r.HeldFacts(ctx, store, kinds...)
	facts := make([]board.Fact, len(held))
	for i, h := range held {
		facts[i] = h.Fact
	}
	return facts, err
}

// HeldFacts is Facts with the times at which they were received. The store "" has those that are
// fleet-wide.
func (r *Reader) HeldFacts(ctx context.Context, store string, kinds ...board.Kind) ([]feed.Held, error) {
	query, args := selectFacts+" where store = ?", []any{store}
	if len(kinds) > 0 {
		query += " and kind in (" + tables.List(len(kinds), "?") + ")"
		for _, k := range kinds {
			args = append(args, string(k))
		}
	}
	var all []feed.Held
	err := r.eachFact(ctx, query+" order by name, patch, kind", args, func(_ string, h feed.Held) error {
		all = append(all, h)
		return nil
	})
	return all, err
}

func (r *Reader) eachFact(ctx context.Context, query string, args []any, do func(store string, f feed.Held) error) error {
	return r.db.Each(ctx, query, args, func(scan tables.Scan) error {
		var h feed.Held
		var store string
		var seq, at, received int64
		var body []byte
		if err := scan(&store, &h.Kind, &h.Name, &h.Patch, &h.Mark.Stream, &seq, &at, &received, &body); err != nil {
			return err
		}
		h.Mark.Seq, h.At, h.Received, h.Body = uint64(seq), tables.Time(at), tables.Time(received), body
		return do(store, h)
	})
}
