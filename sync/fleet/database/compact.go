package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board/feed"
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
// other; facts, notes and deeds stay, and so do the days of the last 13 months. It works in many small transactions, between which messages
// are stored: after a crash or an error, and while other programs do the same, it goes on where it
// was.
func (db *DB) Compact(ctx context.Context, now time.Time) error {
	limit := micros(now.Add(-packAfter)) / dayMicros * dayMicros
	gone := micros(now.AddDate(0, -keepMonths, 0)) / dayMicros
	var keys []int64
	err := each(ctx, db.read, "select stream from streams order by stream", nil, func(scan func(...any) error) error {
		var key int64
		err := scan(&key)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot compact: %w", err)
	}
	for _, key := range keys {
		for more := true; more; {
			if more, err = db.packSome(ctx, key, limit); err != nil {
				return fmt.Errorf("cannot pack old events: %w", err)
			}
		}
	}
	err = db.change(ctx, func(ctx context.Context, t *tx) error {
		if err := t.exec(ctx, "delete from packs where day < ?", gone); err != nil {
			return err
		}
		return t.exec(ctx, "delete from days where day < ?", now.AddDate(0, -keepMonths, 0).UTC().Format(time.DateOnly))
	})
	if err != nil {
		return fmt.Errorf("cannot remove old events: %w", err)
	}
	return nil
}

// packSome packs the oldest events of a stream, as far as they are of one day, and reports whether
// there may be more. An event that came late keeps those after it from being packed until it is
// old too.
func (db *DB) packSome(ctx context.Context, key, limit int64) (more bool, err error) {
	old, err := db.unpacked(ctx, db.read, key, limit, 1)
	if err != nil || len(old) == 0 {
		return false, err
	}
	err = db.change(ctx, func(ctx context.Context, t *tx) error {
		if db.postgres {
			if _, err := t.number(ctx, "select stream from streams where stream = ? for update", key); err != nil {
				return err
			}
		}
		events, err := db.unpacked(ctx, t.run, key, limit, packAtOnce)
		if err != nil || len(events) == 0 {
			return err
		}
		day := events[0].Received / dayMicros
		end := slices.IndexFunc(events, func(e packed) bool { return e.Received/dayMicros != day })
		if end < 0 {
			end = len(events)
		}
		return t.packAway(ctx, key, day, events[:end])
	})
	return true, err
}

// unpacked returns the oldest events of a stream that were received before limit, at most n.
func (db *DB) unpacked(ctx context.Context, q querier, key, limit int64, n int) ([]packed, error) {
	const query = "select id, at, received, kind, device, patch, night, prev, hash, body from events where id >= ? and id <= ? order by id limit ?"
	var all []packed
	err := each(ctx, q, db.text(query), []any{eventID(key, 0), eventID(key, feed.MaxSeq), n}, func(scan func(...any) error) error {
		e, err := rowOf(scan)
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

// packAway writes events as one pack and takes them out of the table.
func (t *tx) packAway(ctx context.Context, key, day int64, events []packed) error {
	body, err := pack(events)
	if err != nil {
		return err
	}
	part, err := t.number(ctx, "select coalesce(max(part), 0) + 1 from packs where stream = ? and day = ?", key, day)
	if err != nil {
		return err
	}
	first, last := events[0], events[len(events)-1]
	from, to := first.At, first.At
	for _, e := range events {
		from, to = min(from, e.At), max(to, e.At)
	}
	const insert = "insert into packs (stream, day, part, first, last, from_at, to_at, count, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	if err := t.exec(ctx, insert, key, day, part, int64(first.Seq), int64(last.Seq), from, to, len(events), body); err != nil {
		return err
	}
	return t.exec(ctx, "delete from events where id >= ? and id <= ?", eventID(key, first.Seq), eventID(key, last.Seq))
}
