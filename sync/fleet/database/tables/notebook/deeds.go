package notebook

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// maxDeed is how long each text of a line of the audit log may be, in bytes: it has room for the ids of several
// thousand stores.
const maxDeed = 64 << 10

// selectDeeds is what eachDeed reads.
const selectDeeds = "select seq, at, actor, origin, verb, subject, outcome, text, prev, hash from deeds "

// Record adds a line to headquarters' own audit log and returns it as it is kept, with its number and its
// hashes: the time to the microsecond, and of each text the first 64 KiB.
func (b *Notebook) Record(ctx context.Context, d board.Deed) (board.Deed, error) {
	d.At = tables.Time(tables.Micros(d.At))
	for _, text := range []*string{&d.Actor, &d.Origin, &d.Verb, &d.Subject, &d.Outcome, &d.Text} {
		*text = legible(*text)
	}
	err := b.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		if err := t.LockTable(ctx, "deeds"); err != nil {
			return err
		}
		d.Seq, d.Prev = 1, ""
		err := eachDeed(ctx, t, selectDeeds+"order by seq desc limit 1", nil, func(last board.Deed) {
			d.Seq, d.Prev = last.Seq+1, last.Hash
		})
		if err != nil {
			return err
		}
		d.Hash = d.Sum()
		return t.Exec(ctx, "insert into deeds (seq, at, actor, origin, verb, subject, outcome, text, prev, hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			d.Seq, tables.Micros(d.At), d.Actor, d.Origin, d.Verb, d.Subject, d.Outcome, d.Text, d.Prev, d.Hash)
	})
	if err != nil {
		return board.Deed{}, fmt.Errorf("cannot write the audit log: %w", err)
	}
	return d, nil
}

// legible is a text as the audit log keeps it. Bytes that are no text, which JSON and PostgreSQL know
// nothing of, would let nobody compute the hash of the line again; a text without end would fill the disk.
func legible(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= maxDeed {
		return text
	}
	return strings.ToValidUTF8(text[:maxDeed], "") + " (cut off)"
}

// Deeds returns the lines of the audit log after a number in their order, at most limit of them.
func (b *Notebook) Deeds(ctx context.Context, after int64, limit int) ([]board.Deed, error) {
	return deeds(ctx, b.db, selectDeeds+"where seq > ? order by seq limit ?", after, limit)
}

// NewestDeeds returns the lines of the audit log below a number, the newest first, at most limit of them; with
// 0 the newest of all.
func (b *Notebook) NewestDeeds(ctx context.Context, before int64, limit int) ([]board.Deed, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return deeds(ctx, b.db, selectDeeds+"where seq < ? order by seq desc limit ?", before, limit)
}

// deeds returns the lines of an answer.
func deeds(ctx context.Context, from tables.Reader, query string, args ...any) ([]board.Deed, error) {
	var all []board.Deed
	err := eachDeed(ctx, from, query, args, func(d board.Deed) { all = append(all, d) })
	return all, err
}

func eachDeed(ctx context.Context, from tables.Reader, query string, args []any, do func(board.Deed)) error {
	return from.Each(ctx, query, args, func(scan tables.Scan) error {
		var d board.Deed
		var at int64
		if err := scan(&d.Seq, &at, &d.Actor, &d.Origin, &d.Verb, &d.Subject, &d.Outcome, &d.Text, &d.Prev, &d.Hash); err != nil {
			return err
		}
		d.At = tables.Time(at)
		do(d)
		return nil
	})
}
