package database

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// storeFirst keeps when headquarters was first told of devices: the earliest of all times, in whatever
// order they come.
func (t *tx) storeFirst(ctx context.Context, facts []*pending) error {
	var all []*pending
	for _, p := range facts {
		if p.fact.Kind == board.KindDevice && p.fact.Body != nil {
			all = append(all, p)
		}
	}
	const set = "on conflict (store, device) do update set first = excluded.first where excluded.first < firsts.first"
	return t.insert(ctx, "firsts (store, device, first)", 3, "(?, ?, ?)", set, len(all), func(i int, args []any) []any {
		return append(args, all[i].key.store, all[i].fact.Name, micros(all[i].received))
	})
}

// Firsts returns when headquarters was first told of the devices of stores, by store and device.
func (db *DB) Firsts(ctx context.Context, stores []string) (map[string]map[string]time.Time, error) {
	found := map[string]map[string]time.Time{}
	for some := range slices.Chunk(stores, daysAtOnce) {
		args := make([]any, len(some))
		for i, s := range some {
			args[i] = s
		}
		query := "select store, device, first from firsts where store in (" + list(len(some), "?") + ")"
		err := each(ctx, db.read, db.text(query), args, func(scan func(...any) error) error {
			var store, device string
			var first int64
			err := scan(&store, &device, &first)
			if found[store] == nil {
				found[store] = map[string]time.Time{}
			}
			found[store][device] = timeOf(first)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read when devices were first told of: %w", err)
		}
	}
	return found, nil
}
