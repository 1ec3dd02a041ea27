package stores

import (
	"context"
	"strings"

	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// Begin writes rows for the streams that are new, so that they have a key.
func Begin(ctx context.Context, t *tables.Tx, rows []*Row) error {
	const insert = "insert into streams (store, no, id, stored, highest, beyond, lost, repeats, last) values (?, ?, ?, 0, 0, '', '', 0, 0) returning stream"
	for _, r := range rows {
		for _, s := range r.streams {
			if s.Key != 0 {
				continue
			}
			var err error
			if s.Key, err = t.Number(ctx, insert, r.ID, s.No, s.id); err != nil {
				return err
			}
			s.changed = true
		}
	}
	return nil
}

// Save writes what the transaction changed of rows. In a database that is shared the row of each store that it was
// about gets a new version, by which others see that something is new.
func Save(ctx context.Context, t *tables.Tx, rows []*Row) error {
	var changed []*Row
	var streams []*Stream
	for _, r := range rows {
		if r.touched && (r.changed || t.Shared()) {
			changed = append(changed, r)
		}
		for _, s := range r.streams {
			if s.changed && s.Key != 0 {
				streams = append(streams, s)
			}
		}
	}
	if err := saveRows(ctx, t, changed); err != nil {
		return err
	}
	return saveStreams(ctx, t, streams)
}

func saveRows(ctx context.Context, t *tables.Tx, rows []*Row) error {
	return t.Insert(ctx, tables.Rows{
		Into: "stores (id, contact, birth, contact_at, heard, software, present, closed, version)",
		Tail: "on conflict (id) do update set contact = excluded.contact, birth = excluded.birth, contact_at = excluded.contact_at, heard = excluded.heard, " +
			"software = excluded.software, present = excluded.present, closed = excluded.closed, version = excluded.version",
		Count: len(rows),
		Append: func(i int, args []any) []any {
			r := rows[i]
			r.version++
			r.heard, r.changed = r.contact.Heard, false
			closed := int64(0)
			if r.closed {
				closed = 1
			}
			c := r.contact
			return append(args, r.ID, c.State, int64(c.Birth), tables.Micros(c.At), tables.Micros(c.Heard), strings.ToValidUTF8(c.Version, ""), r.present, closed, r.version)
		},
	})
}

// saveStreams writes rows of streams, which are all there: only what counts is written.
func saveStreams(ctx context.Context, t *tables.Tx, streams []*Stream) error {
	return t.Insert(ctx, tables.Rows{
		Into:   "streams (stream, store, no, id, stored, highest, beyond, lost, repeats, last)",
		Values: "(?, '', 0, '', ?, ?, ?, ?, ?, ?)",
		Tail: "on conflict (stream) do update set stored = excluded.stored, highest = excluded.highest, beyond = excluded.beyond, lost = excluded.lost, " +
			"repeats = excluded.repeats, last = excluded.last",
		Count: len(streams),
		Append: func(i int, args []any) []any {
			s := streams[i]
			return append(args, s.Key, int64(s.stored), int64(s.highest), s.beyond.text(), s.lost.text(), int64(s.repeats), tables.Micros(s.last))
		},
	})
}
