package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// errEnough ends a walk over events.
var errEnough = errors.New("enough")

// Events is where a history is read from. EachEvent calls do for each event that a query asks for, stream by stream in
// order, and returns its error.
type Events interface {
	EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error
}

// source is one history of a store as headquarters received it. It is for one goroutine.
type source struct {
	db       Events
	store    string
	stream   board.Stream
	asOf     time.Time
	catalogs *catalogs

	// What the first reading met: it is the same in the others, whatever comes in between.
	read   bool
	there  []board.Span
	cut    map[uint64]bool // records of which the content is not what was hashed
	simple []board.Span    // events that came without their hash
}

// each calls visit for the events from a number on that headquarters had at the as-of.
func (s *source) each(ctx context.Context, q board.Query, visit func(board.Event) error) error {
	q.Store, q.Stream = s.store, s.stream.ID
	err := s.db.EachEvent(ctx, q, func(e board.Event) error {
		if e.Received.After(s.asOf) {
			return nil
		}
		return visit(e)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Records implements evidence.Source.
func (s *source) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	q := board.Query{}
	if from > 0 {
		q.After = board.Mark{Stream: s.stream.No, Seq: from - 1}
	}
	first := !s.read
	s.read = true
	var last journal.Raw
	var ended error // of visit: errEnough here is not errEnough there
	err := s.each(ctx, q, func(e board.Event) error {
		switch {
		case !first && !has(s.there, e.Seq):
			return nil
		case e.Hash == "":
			s.simple = add(s.simple, e.Seq)
			return nil
		}
		r := s.raw(e)
		if first {
			s.there = add(s.there, e.Seq)
		}
		if last.Seq > 0 && r.Seq == last.Seq+2 && r.Prev != "" { // what comes after a record names its hash
			ended = visit(journal.Raw{Seq: last.Seq + 1, Prev: last.Hash, Hash: r.Prev})
		}
		if ended == nil {
			ended = visit(r)
		}
		last = r
		if ended != nil {
			return errEnough
		}
		return nil
	})
	return errors.Join(ended, err)
}

// raw is an event as a record. Its content counts only when it is what was hashed.
func (s *source) raw(e board.Event) journal.Raw {
	r := journal.Raw{Seq: e.Seq, Prev: e.Prev, Hash: e.Hash, Event: e.Data}
	if journal.Hash(e.Seq, e.Prev, e.Data) != e.Hash {
		r.Event = nil
		if s.cut == nil {
			s.cut = map[uint64]bool{}
		}
		s.cut[e.Seq] = true
	}
	return r
}

// Begin implements evidence.Indexed.
func (s *source) Begin(ctx context.Context, at time.Time) (evidence.Beginning, error) {
	var b evidence.Beginning
	var newest, catalog board.Event
	walk := func(q board.Query, take func(board.Event)) error {
		return s.each(ctx, q, func(e board.Event) error {
			if e.Hash == "" {
				if !q.Newest {
					s.simple = add(s.simple, e.Seq)
				}
				return nil
			}
			take(e)
			return errEnough
		})
	}
	err := errors.Join(
		walk(board.Query{}, func(e board.Event) { b.Kept, b.KeptAt = e.Seq, e.Event().At }),
		walk(board.Query{Newest: true}, func(e board.Event) { newest = e }),
		walk(board.Query{From: at}, func(e board.Event) { b.From = e.Seq }),
		walk(board.Query{To: at, Kinds: []run.Kind{run.CatalogUpdated}, Newest: true}, func(e board.Event) { catalog = e }),
	)
	b.Newest = newest.Event().At
	if b.From == 0 {
		b.From = newest.Seq + 1
	}
	if c := catalog.Event().Catalog; c != nil {
		b.Catalog = c.Version
	}
	return b, err
}

// Lacks implements evidence.Partial.
func (s *source) Lacks(first, last uint64) string {
	switch {
	case first == last && s.cut[first]:
		return "it was too large to be sent whole, or was changed on the way: headquarters has its hash, the store has all of it"
	case touches(s.simple, first, last):
		return "the program in the store was too old to tell the hashes of its records"
	case touches(s.stream.Lost, first, last):
		return "the store did not have them any more when headquarters asked for them"
	}
	return "headquarters had not received them at " + s.asOf.UTC().Format(time.RFC3339) + ", or does not keep them any more; the store may have them"
}

// Catalogs implements evidence.Source.
func (s *source) Catalogs(context.Context) ([][]byte, []archive.Entry, error) {
	return s.catalogs.roots, s.catalogs.kept, s.catalogs.err
}

// CatalogFile implements evidence.Source.
func (s *source) CatalogFile(_ context.Context, sum string) ([]byte, error) {
	return s.catalogs.file(sum)
}

// has reports whether a number is in one of the spans, which are in order.
func has(spans []board.Span, n uint64) bool { return touches(spans, n, n) }

// touches reports whether one of the spans, which are in order, has a number from first to last.
func touches(spans []board.Span, first, last uint64) bool {
	i, _ := slices.BinarySearchFunc(spans, first, func(s board.Span, n uint64) int {
		if s.To < n {
			return -1
		}
		return 1
	})
	return i < len(spans) && spans[i].From <= last
}

// add returns the spans with a number that is larger than all in them.
func add(spans []board.Span, n uint64) []board.Span {
	if i := len(spans) - 1; i >= 0 && n <= spans[i].To+1 {
		spans[i].To = max(spans[i].To, n)
		return spans
	}
	return append(spans, board.Span{From: n, To: n})
}
