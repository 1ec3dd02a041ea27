package history

import (
	"context"
	"encoding/hex"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// rowsAtOnce is how many events that are rows a walk reads at a time.
const rowsAtOnce = 256

// selectRows is what scanRow reads, of a range of events.
const selectRows = "select id, at, received, kind, device, patch, night, prev, hash, body from events where id >= ? and id <= ?"

// scanRow reads an event that is a row.
func scanRow(scan tables.Scan) (event, error) {
	var e event
	var id int64
	var prev, hash []byte
	err := scan(&id, &e.At, &e.Received, &e.Kind, &e.Device, &e.Patch, &e.Night, &prev, &hash, &e.data)
	e.Seq, e.Prev, e.Hash = tables.SeqOf(id), hex.EncodeToString(prev), hex.EncodeToString(hash)
	return e, err
}

// rows returns events of a range that are rows and asked for, so many as are read at a time, and whether there may
// be more.
func (w *walk) rows(ctx context.Context, of numbers) (rows []event, more bool, err error) {
	if of.from > of.to {
		return nil, false, nil
	}
	limit := rowsAtOnce
	if w.query.Limit > 0 {
		limit = min(limit, w.query.Limit)
	}
	order := " order by id limit ?"
	if w.query.Newest {
		order = " order by id desc limit ?"
	}
	narrow, values := conditions(w.query)
	args := append([]any{tables.EventID(w.stream.key, of.from), tables.EventID(w.stream.key, of.to)}, append(values, limit)...)
	err = w.db.Each(ctx, selectRows+narrow+order, args, func(scan tables.Scan) error {
		e, err := scanRow(scan)
		rows = append(rows, e)
		return err
	})
	return rows, len(rows) == limit, err
}

// allRows returns the events of a range that are rows and asked for, in the order of the query.
func (w *walk) allRows(ctx context.Context, of numbers) ([]event, error) {
	var all []event
	for {
		rows, more, err := w.rows(ctx, of)
		all = append(all, rows...)
		switch {
		case err != nil || !more:
			return all, err
		case w.query.Newest:
			of.to = rows[len(rows)-1].Seq - 1
		default:
			of.from = rows[len(rows)-1].Seq + 1
		}
	}
}

// conditions narrow rows to what a query asks for; event.matches does the same for packed events.
func conditions(q board.Query) (text string, args []any) {
	narrow := func(condition string, value ...any) {
		text += " and " + condition
		args = append(args, value...)
	}
	for _, c := range []struct{ column, value string }{{"device", q.Device}, {"patch", q.Patch}, {"night", q.Night}} {
		if c.value != "" {
			narrow(c.column+" = ?", c.value)
		}
	}
	if !q.From.IsZero() {
		narrow("at >= ?", tables.Micros(q.From))
	}
	if !q.To.IsZero() {
		narrow("at < ?", tables.Micros(q.To))
	}
	if len(q.Kinds) > 0 {
		kinds := make([]any, len(q.Kinds))
		for i, k := range q.Kinds {
			kinds[i] = string(k)
		}
		narrow("kind in ("+tables.List(len(kinds), "?")+")", kinds...)
	}
	return text, args
}
