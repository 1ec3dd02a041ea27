package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

const (
	// packAfter is how long events are kept one by one.
	packAfter = 30 * 24 * time.Hour
	// keepMonths is how long events are kept at all.
	keepMonths = 13
	// packAtOnce is how many events one transaction packs at most.
	packAtOnce = 4000
	dayMicros  = int64(24 * time.Hour / time.Microsecond)
)

// Compact packs the events that headquarters received more than 30 days ago, by stream and day,
// and removes those that it received more than 13 months ago. Queries read packed events as any
// other; facts, notes and deeds stay, and so do the days of the last 13 months. It works in many small
// transactions, between which messages are stored: after a crash or an error, and while other programs do the
// same, it goes on where it was.
func (h *History) Compact(ctx context.Context, now time.Time) error {
	streams, err := h.keys(ctx)
	if err != nil {
		return fmt.Errorf("cannot compact: %w", err)
	}
	limit := tables.Micros(now.Add(-packAfter)) / dayMicros * dayMicros
	for _, key := range streams {
		for more := true; more; {
			if more, err = h.packSome(ctx, key, limit); err != nil {
				return fmt.Errorf("cannot pack old events: %w", err)
			}
		}
	}
	if err := h.removeBefore(ctx, now.AddDate(0, -keepMonths, 0)); err != nil {
		return fmt.Errorf("cannot remove old events: %w", err)
	}
	return nil
}

// keys returns the keys of all streams.
func (h *History) keys(ctx context.Context) ([]int64, error) {
	var keys []int64
	err := h.db.Each(ctx, "select stream from streams order by stream", nil, func(scan tables.Scan) error {
		var key int64
		err := scan(&key)
		keys = append(keys, key)
		return err
	})
	return keys, err
}

// removeBefore removes the packs of events that were received, and the days, before the day of a moment.
func (h *History) removeBefore(ctx context.Context, moment time.Time) error {
	return h.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		if err := t.Exec(ctx, "delete from packs where day < ?", tables.Micros(moment)/dayMicros); err != nil {
			return err
		}
		return t.Exec(ctx, "delete from days where day < ?", moment.UTC().Format(time.DateOnly))
	})
}

// packSome packs the oldest events of a stream, as far as they are of one day, and reports whether
// there may be more. An event that came late keeps those after it from being packed until it is
// old too.
func (h *History) packSome(ctx context.Context, key, limit int64) (more bool, err error) {
	old, err := oldest(ctx, h.db, key, limit, 1)
	if err != nil || len(old) == 0 {
		return false, err
	}
	err = h.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		if _, err := t.Number(ctx, t.Locking("select stream from streams where stream = ?"), key); err != nil {
			return err
		}
		events, err := oldest(ctx, t, key, limit, packAtOnce)
		if err != nil || len(events) == 0 {
			return err
		}
		day := events[0].Received / dayMicros
		end := slices.IndexFunc(events, func(e event) bool { return e.Received/dayMicros != day })
		if end < 0 {
			end = len(events)
		}
		return packAway(ctx, t, key, day, events[:end])
	})
	return true, err
}

// oldest returns the rows of the oldest events of a stream, at most n, up to the first that was not received
// before limit.
func oldest(ctx context.Context, from tables.Reader, key, limit int64, n int) ([]event, error) {
	var all []event
	args := []any{tables.EventID(key, 0), tables.EventID(key, feed.MaxSeq), n}
	err := from.Each(ctx, selectRows+" order by id limit ?", args, func(scan tables.Scan) error {
		e, err := scanRow(scan)
		if err == nil && e.Received >= limit {
			return errEnough
		}
		all = append(all, e)
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, err
}

// packAway writes events as one pack and removes their rows.
func packAway(ctx context.Context, t *tables.Tx, key, day int64, events []event) error {
	body, err := pack(events)
	if err != nil {
		return err
	}
	part, err := t.Number(ctx, "select coalesce(max(part), 0) + 1 from packs where stream = ? and day = ?", key, day)
	if err != nil {
		return err
	}
	first, last := events[0], events[len(events)-1]
	from, to := first.At, first.At
	for _, e := range events {
		from, to = min(from, e.At), max(to, e.At)
	}
	const insert = "insert into packs (stream, day, part, first, last, from_at, to_at, count, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if err := t.Exec(ctx, insert, key, day, part, int64(first.Seq), int64(last.Seq), from, to, len(events), body); err != nil {
		return err
	}
	return t.Exec(ctx, "delete from events where id >= ? and id <= ?", tables.EventID(key, first.Seq), tables.EventID(key, last.Seq))
}
