package intake

import (
	"context"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/stores"
)

// Intake writes into a database. It may be used by several goroutines.
type Intake struct {
	db   *tables.DB
	rows stores.Book // of whoever is in a transaction
}

// New returns the Intake of a database. There is to be one only for each DB.
func New(db *tables.DB) *Intake { return &Intake{db: db} }

// Take stores a batch of messages, in their order, in one transaction, and returns what changed: all of it is on
// the disk. After an error nothing is stored and the batch may be given again; tables.Refused tells whether that
// is of use.
func (in *Intake) Take(ctx context.Context, messages []feed.Message) (feed.Taken, error) {
	var taken feed.Taken
	err := in.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		ids := storesOf(messages, t.Shared())
		rows, err := in.rows.Rows(ctx, t, ids)
		if err != nil {
			return err
		}
		b := newBatch(t.Shared(), ids, rows, len(messages))
		for i := range messages {
			b.take(&messages[i])
		}
		taken, err = b.store(ctx, t)
		return err
	})
	if err != nil {
		return feed.Taken{}, err
	}
	return taken, nil
}

// storesOf returns the ids of the stores that messages are from, in order. Where the database is shared, that
// of the whole fleet is among them if a fact is about it: its row tells others that something is new.
func storesOf(messages []feed.Message, shared bool) []string {
	seen := map[string]bool{}
	var ids []string
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for i := range messages {
		m := &messages[i]
		add(m.Store)
		if shared && slices.ContainsFunc(m.Facts, func(f board.Fact) bool { return f.Kind.FleetWide() }) {
			add(stores.FleetWide)
		}
	}
	slices.Sort(ids)
	return ids
}

// GiveUp notes that what is missing of a stream within a span will not come any more. What came of
// it in the meantime, or comes after all, is kept. It returns what changed.
func (in *Intake) GiveUp(ctx context.Context, store, stream string, span board.Span) (feed.Taken, error) {
	var taken feed.Taken
	err := in.changeStore(ctx, store, func(ctx context.Context, t *tables.Tx, row *stores.Row) error {
		row.GiveUp(stream, span)
		if err := stores.Save(ctx, t, []*stores.Row{row}); err != nil {
			return err
		}
		taken.Stores = []feed.Change{row.Change()}
		return nil
	})
	return taken, err
}

// CloseStore drops the facts of a store and marks it as closed, until it speaks again. Its events,
// its streams and its days stay.
func (in *Intake) CloseStore(ctx context.Context, store string) error {
	return in.changeStore(ctx, store, func(ctx context.Context, t *tables.Tx, row *stores.Row) error {
		row.Close()
		for _, table := range []string{"facts", "firsts"} {
			if err := t.Exec(ctx, "delete from "+table+" where store = ?", store); err != nil {
				return err
			}
		}
		return stores.Save(ctx, t, []*stores.Row{row})
	})
}

// changeStore runs do with the row of a store, in a transaction. Of a store that is not known nothing is changed.
func (in *Intake) changeStore(ctx context.Context, store string, do func(context.Context, *tables.Tx, *stores.Row) error) error {
	return in.db.Change(ctx, func(ctx context.Context, t *tables.Tx) error {
		rows, err := in.rows.Rows(ctx, t, []string{store})
		if err != nil || !rows[0].Stored() {
			return err
		}
		return do(ctx, t, rows[0])
	})
}
