package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// parcel is the place of a pack, without its body.
type parcel struct {
	day, part   int64
	first, last uint64
}

// packedTo returns the largest number that is packed of the stream; 0: none is.
func (w *walk) packedTo(ctx context.Context) (uint64, error) {
	var last int64
	err := w.db.One(ctx, "select coalesce(max(last), 0) from packs where stream = ?", []any{w.stream.key}, &last)
	return uint64(last), err
}

// eachPacked calls do for the events of a range that are packed and asked for, in the order of the query.
func (w *walk) eachPacked(ctx context.Context, of numbers, do func(event) error) error {
	groups, err := w.parcels(ctx, of)
	if err != nil {
		return err
	}
	for _, group := range groups {
		events, err := w.open(ctx, group)
		if err != nil {
			return err
		}
		if w.query.Newest {
			slices.Reverse(events)
		}
		for _, e := range events {
			if e.Seq < of.from || e.Seq > of.to || !e.matches(w.query) {
				continue
			}
			if err := do(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// parcels returns the packs that the query is about, in its order; those that overlap together.
func (w *walk) parcels(ctx context.Context, of numbers) ([][]parcel, error) {
	query, args := "select day, part, first, last from packs where stream = ? and last >= ? and first <= ?", []any{w.stream.key, int64(of.from), int64(of.to)}
	if !w.query.From.IsZero() {
		query, args = query+" and to_at >= ?", append(args, tables.Micros(w.query.From))
	}
	if !w.query.To.IsZero() {
		query, args = query+" and from_at < ?", append(args, tables.Micros(w.query.To))
	}
	var groups [][]parcel
	var end uint64
	err := w.db.Each(ctx, query+" order by first", args, func(scan tables.Scan) error {
		var p parcel
		var first, last int64
		if err := scan(&p.day, &p.part, &first, &last); err != nil {
			return err
		}
		p.first, p.last = uint64(first), uint64(last)
		if len(groups) == 0 || p.first > end {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], p)
		end = max(end, p.last)
		return nil
	})
	if w.query.Newest {
		slices.Reverse(groups)
	}
	return groups, err
}

// open returns the events of packs in their order.
func (w *walk) open(ctx context.Context, group []parcel) ([]event, error) {
	const query = "select body from packs where stream = ? and day = ? and part = ?"
	var all []event
	for _, p := range group {
		var body []byte
		if err := w.db.One(ctx, query, []any{w.stream.key, p.day, p.part}, &body); err != nil {
			return nil, err
		}
		events, err := unpack(body)
		if err != nil {
			return nil, fmt.Errorf("the events of store %s packed on day %d cannot be read: %w", w.stream.store, p.day, err)
		}
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b event) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}
