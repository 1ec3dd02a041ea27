package history

import (
	"context"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// walk goes over the events of one stream that a query asks for, packed or not, and calls do for each. Nothing is
// open in the database while do runs.
type walk struct {
	*History
	stream stream
	query  board.Query
	do     func(event) error
}

// numbers is a range of the numbers of a stream.
type numbers struct{ from, to uint64 }

// run goes over all events that are asked for. An error of do ends it and is returned.
func (w *walk) run(ctx context.Context) error {
	all := numbers{0, feed.MaxSeq}
	if w.query.After.Stream == w.stream.no {
		all.from = w.query.After.Seq + 1
	}
	if w.query.Newest {
		return w.back(ctx, all)
	}
	return w.ahead(ctx, all)
}

// ahead goes over events in their order: what is packed, then rows, some at a time. What is packed between
// two looks at the rows is found in its pack.
func (w *walk) ahead(ctx context.Context, rest numbers) error {
	for {
		packedTo, err := w.packedTo(ctx)
		if err != nil {
			return err
		}
		if packedTo >= rest.from && packedTo > 0 {
			if err := w.packed(ctx, numbers{rest.from, packedTo}); err != nil {
				return err
			}
			rest.from = packedTo + 1
			continue
		}
		rows, more, err := w.rows(ctx, rest)
		if err != nil {
			return err
		}
		if packedTo, err = w.packedTo(ctx); err != nil {
			return err
		}
		if packedTo >= rest.from && packedTo > 0 {
			continue // what was read may lack what was packed at that moment
		}
		if err := w.each(rows); err != nil || !more {
			return err
		}
		rest.from = rows[len(rows)-1].Seq + 1
	}
}

// back goes over events with the newest first: the rows after the last pack, some at a time, then what is packed.
func (w *walk) back(ctx context.Context, all numbers) error {
	packedTo, err := w.packedTo(ctx)
	if err != nil {
		return err
	}
	young := numbers{max(all.from, packedTo+1), all.to}
	for more := true; more; {
		var rows []event
		if rows, more, err = w.rows(ctx, young); err != nil {
			return err
		}
		if err := w.each(rows); err != nil {
			return err
		}
		if len(rows) > 0 {
			young.to = rows[len(rows)-1].Seq - 1
		}
	}
	// What was packed meanwhile was not read above.
	return w.packed(ctx, numbers{all.from, young.to})
}

// packed goes over the events of a range that are packed, and those before the last pack that are still rows,
// because they came late.
func (w *walk) packed(ctx context.Context, of numbers) error {
	packedTo, err := w.packedTo(ctx)
	if err != nil || packedTo == 0 {
		return err
	}
	of.to = min(of.to, packedTo)
	late, err := w.allRows(ctx, of)
	if err != nil {
		return err
	}
	before := func(a, b event) bool { return a.Seq < b.Seq != w.query.Newest }
	err = w.eachPacked(ctx, of, func(e event) error {
		for len(late) > 0 && late[0].Seq != e.Seq && before(late[0], e) {
			if err := w.do(late[0]); err != nil {
				return err
			}
			late = late[1:]
		}
		if len(late) > 0 && late[0].Seq == e.Seq {
			late = late[1:] // it was packed since it was read
		}
		return w.do(e)
	})
	if err != nil {
		return err
	}
	return w.each(late)
}

// each calls do for events.
func (w *walk) each(events []event) error {
	for _, e := range events {
		if err := w.do(e); err != nil {
			return err
		}
	}
	return nil
}
