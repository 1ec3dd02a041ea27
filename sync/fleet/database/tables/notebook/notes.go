// Package notebook keeps what people do at headquarters: notes, each with a version so that nobody overwrites
// what another one changed meanwhile, and the audit log, a chain of hashes that only grows.
package notebook

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// Notebook is the notes and the audit log of a database. It may be used by several goroutines.
type Notebook struct{ db *tables.DB }

// New returns the Notebook of a database.
func New(db *tables.DB) *Notebook { return &Notebook{db} }

// selectNotes is what eachNote reads.
const selectNotes = "select kind, id, version, body, by_whom, at from notes where "

// Notes returns the notes of a kind by id, without those that were removed.
func (b *Notebook) Notes(ctx context.Context, kind string) ([]board.Note, error) {
	var all []board.Note
	err := b.eachNote(ctx, selectNotes+"kind = ? and body is not null order by id", []any{kind}, func(n board.Note) { all = append(all, n) })
	return all, err
}

// Note returns one note; its Version is 0 where there never was one, and its Body nil where it was removed.
func (b *Notebook) Note(ctx context.Context, kind, id string) (board.Note, error) {
	n := board.Note{Kind: kind, ID: id}
	err := b.eachNote(ctx, selectNotes+"kind = ? and id = ?", []any{kind, id}, func(found board.Note) { n = found })
	return n, err
}

// Keep writes a note. Its Version is the one that was read, 0 for one that Notes does not have, be it new or
// removed: where the note has another by now nothing is written and the error is board.ErrConflict. A nil Body
// removes it. It returns the note with its new version.
func (b *Notebook) Keep(ctx context.Context, n board.Note) (board.Note, error) {
	err := b.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		version, there, err := versionOf(ctx, t, n.Kind, n.ID)
		if err != nil {
			return err
		}
		if version != n.Version && (there || n.Version != 0) {
			return board.ErrConflict
		}
		n.Version = version + 1
		var body any
		if n.Body != nil {
			body = string(n.Body)
		}
		return t.Exec(ctx, "update notes set version = ?, body = ?, by_whom = ?, at = ? where kind = ? and id = ?", n.Version, body, n.By, tables.Micros(n.At), n.Kind, n.ID)
	})
	if err != nil {
		return board.Note{}, fmt.Errorf("cannot keep %s %s: %w", n.Kind, n.ID, err)
	}
	return n, nil
}

// versionOf returns the version of a note, which nobody else changes until the transaction ends, and whether it is
// there. There is a row for it after that.
func versionOf(ctx context.Context, t *tables.Tx, kind, id string) (version int64, there bool, err error) {
	const begin = "insert into notes (kind, id, version, body, by_whom, at) values (?, ?, 0, null, '', 0) on conflict (kind, id) do nothing"
	if err := t.Exec(ctx, begin, kind, id); err != nil {
		return 0, false, err
	}
	if version, err = t.Number(ctx, t.Locking("select version from notes where kind = ? and id = ?"), kind, id); err != nil {
		return 0, false, err
	}
	written, err := t.Number(ctx, "select count(*) from notes where kind = ? and id = ? and body is not null", kind, id)
	return version, written > 0, err
}

func (b *Notebook) eachNote(ctx context.Context, query string, args []any, do func(board.Note)) error {
	return b.db.Each(ctx, query, args, func(scan tables.Scan) error {
		var n board.Note
		var at int64
		var body *string
		if err := scan(&n.Kind, &n.ID, &n.Version, &body, &n.By, &at); err != nil {
			return err
		}
		n.At = tables.Time(at)
		if body != nil {
			n.Body = json.RawMessage(*body)
		}
		do(n)
		return nil
	})
}
