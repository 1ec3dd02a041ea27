package database

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// storeDays keeps facts by their date. Of two for the same day the one that was told later in the
// history of the store holds, whichever came first, as Replaces says.
func (t *tx) storeDays(ctx context.Context, facts []*pending) error {
	var all []*pending
	for _, p := range facts {
		if p.fact.Kind.Daily() && isDate(p.fact.Name) {
			all = append(all, p)
		}
	}
	const columns = "days (kind, store, day, stream, seq, at, received, body)"
	const set = "on conflict (kind, store, day) do update set stream = excluded.stream, seq = excluded.seq, at = excluded.at, received = excluded.received, body = excluded.body " +
		"where excluded.stream > days.stream or excluded.stream = days.stream and (excluded.seq > days.seq or excluded.seq = days.seq and excluded.at > days.at)"
	return t.insert(ctx, columns, 8, "(?, ?, ?, ?, ?, ?, ?, ?)", set, len(all), func(i int, args []any) []any {
		p := all[i]
		f := p.fact
		return append(args, string(f.Kind), p.key.store, f.Name, f.Mark.Stream, int64(f.Mark.Seq), micros(f.At), micros(p.received), orNull(f.Body))
	})
}

// isDate reports whether a day can be kept: what is no date is told by nobody.
func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// daysAtOnce is of how many stores one query reads the days.
const daysAtOnce = 64

// EachDays calls do for each store that a query asks for, in its order, with what was kept of it by date, the
// oldest first. An error of do ends it and is returned.
func (db *DB) EachDays(ctx context.Context, q board.DayQuery, do func(store string, days []board.Day) error) error {
	for some := range slices.Chunk(q.Stores, daysAtOnce) {
		found, err := db.days(ctx, q, some)
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
func (db *DB) days(ctx context.Context, q board.DayQuery, stores []string) (map[string][]board.Day, error) {
	query := "select d.store, d.day, d.stream, d.seq, d.at, d.body from (values " + list(len(stores), "(?)") +
		") as k cross join days d where d.store = k.column1 and d.kind = ? and d.day >= ? and d.day <= ? order by d.store, d.day"
	args := make([]any, 0, len(stores)+3)
	for _, s := range stores {
		args = append(args, s)
	}
	found := map[string][]board.Day{}
	err := each(ctx, db.read, db.text(query), append(args, string(q.Kind), q.From, q.To), func(scan func(...any) error) error {
		d := board.Day{Fact: board.Fact{Kind: q.Kind}}
		var store string
		var seq, at int64
		var body []byte
		err := scan(&store, &d.Name, &d.Mark.Stream, &seq, &at, &body)
		d.Date, d.Mark.Seq, d.At, d.Body = d.Name, uint64(seq), timeOf(at), body
		found[store] = append(found[store], d)
		return err
	})
	return found, err
}
