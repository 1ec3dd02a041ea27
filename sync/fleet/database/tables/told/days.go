package told

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// storesAtOnce is of how many stores one query reads.
const storesAtOnce = 64

// EachDays calls do for each store that a query asks for, in its order, with what was kept of it by date, the
// oldest first. An error of do ends it and is returned.
func (r *Reader) EachDays(ctx context.Context, q board.DayQuery, do func(store string, days []board.Day) error) error {
	for some := range slices.Chunk(q.Stores, storesAtOnce) {
		found, err := r.days(ctx, q, some)
		if err != nil {
			return fmt.Errorf("cannot read the days from %s to %s: %w", q.From, q.To, err)
		}
		for _, store := range some {
			if err := do(store, found[store]); err != nil {
				return err
			}
		}
	}
	return nil
}

// days reads the days of a few stores.
func (r *Reader) days(ctx context.Context, q board.DayQuery, stores []string) (map[string][]board.Day, error) {
	query := "select d.store, d.day, d.stream, d.seq, d.at, d.body from (values " + tables.List(len(stores), "(?)") +
		") as k cross join days d where d.store = k.column1 and d.kind = ? and d.day >= ? and d.day <= ? order by d.store, d.day"
	args := append(tables.Args(stores), string(q.Kind), q.From, q.To)
	found := map[string][]board.Day{}
	err := r.db.Each(ctx, query, args, func(scan tables.Scan) error {
		d := board.Day{Fact: board.Fact{Kind: q.Kind}}
		var store string
		var seq, at int64
		var body []byte
		err := scan(&store, &d.Name, &d.Mark.Stream, &seq, &at, &body)
		d.Date, d.Mark.Seq, d.At, d.Body = d.Name, uint64(seq), tables.Time(at), body
		found[store] = append(found[store], d)
		return err
	})
	return found, err
}

// Firsts returns when headquarters was first told of the devices of stores, by store and device.
func (r *Reader) Firsts(ctx context.Context, stores []string) (map[string]map[string]time.Time, error) {
	found := map[string]map[string]time.Time{}
	for some := range slices.Chunk(stores, storesAtOnce) {
		query := "select store, device, first from firsts where store in (" + tables.List(len(some), "?") + ")"
		err := r.db.Each(ctx, query, tables.Args(some), func(scan tables.Scan) error {
			var store, device string
			var first int64
			err := scan(&store, &device, &first)
			if found[store] == nil {
				found[store] = map[string]time.Time{}
			}
			found[store][device] = tables.Time(first)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read when devices were first told of: %w", err)
		}
	}
	return found, nil
}
