package history

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

const (
	// usualLimit is how many events Events returns at most where nothing is asked for.
	usualLimit = 1000
	// clockOff is how far the clock of a store may be ahead of that of headquarters.
	clockOff = 48 * time.Hour
)

// errEnough ends a walk over events.
var errEnough = errors.New("enough")

// History is the events of a database. It may be used by several goroutines.
type History struct{ db *tables.DB }

// New returns the History of a database.
func New(db *tables.DB) *History { return &History{db} }

// Events returns the events that a query asks for, at most its Limit.
func (h *History) Events(ctx context.Context, q board.Query) ([]board.Event, error) {
	if q.Limit <= 0 {
		q.Limit = usualLimit
	}
	var all []board.Event
	err := h.EachEvent(ctx, q, func(e board.Event) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// EachEvent calls do for each event that a query asks for, without a limit where Limit is 0. They
// come store by store (by id), stream by stream, in the order of the stream. An error of do ends it
// and is returned.
func (h *History) EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error {
	streams, err := h.streams(ctx, q)
	if err != nil {
		return err
	}
	for _, s := range streams {
		w := &walk{History: h, stream: s, query: q}
		w.do = func(e event) error {
			if err := do(e.board(s)); err != nil {
				return err
			}
			if q.Limit--; q.Limit == 0 { // the next stream has what is left
				return errEnough
			}
			return nil
		}
		if err := w.run(ctx); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// stream is a stream to read events of.
type stream struct {
	key   int64
	store string
	no    int64
	id    string
}

// streams returns the streams that a query is about, in its order.
func (h *History) streams(ctx context.Context, q board.Query) ([]stream, error) {
	query, args := "select stream, store, no, id from streams where no >= ?", []any{q.After.Stream}
	if q.Store != "" {
		query, args = query+" and store = ?", append(args, q.Store)
	}
	if q.Stream != "" {
		query, args = query+" and id = ?", append(args, q.Stream)
	}
	if !q.From.IsZero() && q.To.IsZero() {
		query, args = query+" and last >= ?", append(args, tables.Micros(q.From.Add(-clockOff)))
	}
	var all []stream
	err := h.db.Each(ctx, query, args, func(scan tables.Scan) error {
		var s stream
		err := scan(&s.key, &s.store, &s.no, &s.id)
		all = append(all, s)
		return err
	})
	slices.SortFunc(all, func(a, b stream) int {
		c := cmp.Or(board.CompareIDs(a.store, b.store), strings.Compare(a.store, b.store), cmp.Compare(a.no, b.no))
		if q.Newest {
			return -c
		}
		return c
	})
	return all, err
}
