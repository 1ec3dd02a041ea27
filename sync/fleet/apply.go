package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// load reads the whole board from the database.
func (f *Fleet) load(ctx context.Context) error {
	known, err := f.db.Stores(ctx)
	if err != nil {
		return err
	}
	for _, k := range known {
		s := f.board.Store(k.Store)
		s.Contact, s.Streams = k.Contact, k.Streams
		f.versions[k.Store] = k.Version
		f.follow(s)
	}
	return f.db.EachFact(ctx, func(store string, h feed.Held) error {
		if store != "" && f.board.Stores[store] == nil {
			return nil // it was closed
		}
		if !f.board.Apply(store, h.Fact, h.Received) {
			f.log.Warn("a fact in the database cannot be read", "site", store, "kind", h.Kind, "name", h.Name)
		}
		return nil
	})
}

// apply shows on the board what a batch changed.
func (f *Fleet) apply(t feed.Taken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Closed != "" {
		f.remove(t.Closed)
	}
	for _, h := range t.Patches {
		f.board.Apply("", h.Fact, h.Received)
	}
	for _, c := range t.Stores {
		s := f.board.Store(c.Store)
		if e, ok := f.expected[c.Store]; ok && s.Expected == nil {
			s.Expected = &e
		}
		s.Contact = c.Contact
		for _, h := range c.Facts {
			if h.Kind.Remembered() && !f.board.Apply(c.Store, h.Fact, h.Received) {
				f.log.Debug("a fact cannot be read", "site", c.Store, "kind", h.Kind, "name", h.Name)
			}
		}
		for _, x := range c.Streams {
			s.Streams = withStream(s.Streams, x)
		}
		if c.Version == f.versions[c.Store]+1 || !f.db.Shared() {
			f.versions[c.Store] = c.Version
		}
		f.follow(s)
	}
	f.notify()
}

// remove takes a store off the board; one that is expected stays as one that was never heard. mu
// must be held.
func (f *Fleet) remove(store string) {
	f.seen.Forget(store)
	f.gaps.Forget(store)
	delete(f.board.Stores, store)
	delete(f.versions, store)
	if e, ok := f.expected[store]; ok {
		f.board.Store(store).Expected = &e
	}
}

// withStream puts a stream in its place among the streams of a store.
func withStream(all []board.Stream, x board.Stream) []board.Stream {
	i, known := slices.BinarySearchFunc(all, x.No, func(s board.Stream, no int64) int { return int(s.No - no) })
	if known {
		all[i] = x
		return all
	}
	return slices.Insert(all, i, x)
}

// follow notes what is to be told to the store and asked of it.
func (f *Fleet) follow(s *board.Store) {
	stream := s.Stream()
	if stream == nil {
		return
	}
	f.seen.Due(s.ID, stream.ID, stream.Stored)
	f.gaps.Look(s.ID, *stream, s.Contact.State == "online", time.Now())
}
