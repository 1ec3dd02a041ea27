package database

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/nightfill/nightfill/site/board"
)

const noteColumns = "select kind, id, version, body, by_whom, at from notes where "

// Notes returns the notes of a kind by id, without those that were removed.
func (db *DB) Notes(ctx context.Context, kind string) ([]board.Note, error) {
	var all []board.Note
	err := db.eachNote(ctx, db.read, noteColumns+"kind = ? and body is not null order by id", []any{kind}, func(n board.Note) { all = append(all, n) })
	return all, err
}

// Note returns one note; its Version is 0 where there never was one, and its Body nil where it was removed.
func (db *DB) Note(ctx context.Context, kind, id string) (board.Note, error) {
	n := board.Note{Kind: kind, ID: id}
	err := db.eachNote(ctx, db.read, noteColumns+"kind = ? and id = ?", []any{kind, id}, func(found board.Note) { n = found })
	return n, err
}

// Keep writes a note. Its Version is the one that was read, 0 for one that Notes does not have, be it new or
// removed: where the note has another by now nothing is written and the error is board.ErrConflict. A nil Body
// removes it. It returns the note with its new version.
func (db *DB) Keep(ctx context.Context, n board.Note) (board.Note, error) {
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		const begin = "insert into notes (kind, id, version, body, by_whom, at) values (?, ?, 0, null, '', 0) on conflict (kind, id) do nothing"
		if err := t.exec(ctx, begin, n.Kind, n.ID); err != nil {
			return err
		}
		query := "select version from notes where kind = ? and id = ?"
		if db.postgres {
			query += " for update"
		}
		version, err := t.number(ctx, query, n.Kind, n.ID)
		if err != nil {
			return err
		}
		there, err := t.number(ctx, "select count(*) from notes where kind = ? and id = ? and body is not null", n.Kind, n.ID)
		if err != nil {
			return err
		}
		if version != n.Version && (there > 0 || n.Version != 0) {
			return board.ErrConflict
		}
		n.Version = version + 1
		var body any
		if n.Body != nil {
			body = string(n.Body)
		}
		return t.exec(ctx, "update notes set version = ?, body = ?, by_whom = ?, at = ? where kind = ? and id = ?", n.Version, body, n.By, micros(n.At), n.Kind, n.ID)
	})
	if err != nil {
		return board.Note{}, fmt.Errorf("cannot keep %s %s: %w", n.Kind, n.ID, err)
	}
	return n, nil
}

func (db *DB) eachNote(ctx context.Context, q querier, query string, args []any, do func(board.Note)) error {
	return each(ctx, q, db.text(query), args, func(scan func(...any) error) error {
		var n board.Note
		var at int64
		var body *string
		if err := scan(&n.Kind, &n.ID, &n.Version, &body, &n.By, &at); err != nil {
			return err
		}
		n.At = timeOf(at)
		if body != nil {
			n.Body = json.RawMessage(*body)
		}
		do(n)
		return nil
	})
}

// maxDeed is how long each text of a line of the audit log may be, in bytes: it has room for the ids of several
// thousand stores.
const maxDeed = 64 << 10

// legible is a text as the audit log keeps it. Bytes that are no text, which JSON and PostgreSQL know
// nothing of, would let nobody compute the hash of the line again; a text without end would fill the disk.
func legible(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= maxDeed {
		return text
	}
	return strings.ToValidUTF8(text[:maxDeed], "") + " (cut off)"
}

// Record adds a line to headquarters' own audit log and returns it as it is kept, with its number and its
// hashes: the time to the microsecond, and of each text the first 64 KiB.
func (db *DB) Record(ctx context.Context, d board.Deed) (board.Deed, error) {
	d.At = timeOf(micros(d.At))
	for _, text := range []*string{&d.Actor, &d.Origin, &d.Verb, &d.Subject, &d.Outcome, &d.Text} {
		*text = legible(*text)
	}
	err := db.change(ctx, func(ctx context.Context, t *tx) error {
		if db.postgres {
			if err := t.exec(ctx, "lock table deeds in exclusive mode"); err != nil {
				return err
			}
		}
		d.Seq, d.Prev = 1, ""
		err := db.eachDeed(ctx, t.run, deedColumns+"order by seq desc limit 1", nil, func(last board.Deed) error {
			d.Seq, d.Prev = last.Seq+1, last.Hash
			return nil
		})
		if err != nil {
			return err
		}
		d.Hash = d.Sum()
		return t.exec(ctx, "insert into deeds (seq, at, actor, origin, verb, subject, outcome, text, prev, hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			d.Seq, micros(d.At), d.Actor, d.Origin, d.Verb, d.Subject, d.Outcome, d.Text, d.Prev, d.Hash)
	})
	if err != nil {
		return board.Deed{}, fmt.Errorf("cannot write the audit log: %w", err)
	}
	return d, nil
}

const deedColumns = "select seq, at, actor, origin, verb, subject, outcome, text, prev, hash from deeds "

// Deeds returns the lines of the audit log after a number in their order, at most limit of them.
func (db *DB) Deeds(ctx context.Context, after int64, limit int) ([]board.Deed, error) {
	var all []board.Deed
	err := db.eachDeed(ctx, db.read, deedColumns+"where seq > ? order by seq limit ?", []any{after, limit}, func(d board.Deed) error {
		all = append(all, d)
		return nil
	})
	return all, err
}

// NewestDeeds returns the lines of the audit log below a number, the newest first, at most limit of them; with
// 0 the newest of all.
func (db *DB) NewestDeeds(ctx context.Context, before int64, limit int) ([]board.Deed, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var all []board.Deed
	err := db.eachDeed(ctx, db.read, deedColumns+"where seq < ? order by seq desc limit ?", []any{before, limit}, func(d board.Deed) error {
		all = append(all, d)
		return nil
	})
	return all, err
}

func (db *DB) eachDeed(ctx context.Context, q querier, query string, args []any, do func(board.Deed) error) error {
	return each(ctx, q, db.text(query), args, func(scan func(...any) error) error {
		var d board.Deed
		var at int64
		if err := scan(&d.Seq, &at, &d.Actor, &d.Origin, &d.Verb, &d.Subject, &d.Outcome, &d.Text, &d.Prev, &d.Hash); err != nil {
			return err
		}
		d.At = timeOf(at)
		return do(d)
	})
}
