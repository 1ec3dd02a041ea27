package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/books"
)

// errNoBroker is why nothing can be told to a store.
var errNoBroker = errors.New("there is no connection to the broker: try again in a moment")

// Hint asks a store to look or to repeat: "refresh" makes it post its snapshots anew, "resend" the
// events that are missing here or, where none is, everything that is not stored. It returns when
// the broker has the hint; whether the store follows is not known.
func (f *Fleet) Hint(ctx context.Context, store, verb string) error {
	var hints []books.Hint
	switch verb {
	case "refresh":
		hints = []books.Hint{{Verb: verb}}
	case "resend":
		hints = f.missing(store)
	default:
		return fmt.Errorf("cannot hint %.40q: only refresh and resend are known", verb)
	}
	l := f.current()
	if l == nil {
		return fmt.Errorf("cannot hint store %s: %w", store, errNoBroker)
	}
	for _, h := range hints {
		if err := l.await(ctx, l.publish(f.root+store+"/hint", h.JSON(), false), answerLimit); err != nil {
			return fmt.Errorf("cannot hint store %s: %w", store, err)
		}
	}
	return nil
}

// missing returns the hints for what the present stream of a store lacks.
func (f *Fleet) missing(store string) []books.Hint {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.board.Stores[store]
	if s == nil || s.Stream() == nil {
		return []books.Hint{{Verb: "resend", From: 1}}
	}
	stream := s.Stream()
	var hints []books.Hint
	for _, g := range stream.Gaps[:min(len(stream.Gaps), books.HintsAtOnce)] {
		hints = append(hints, books.Hint{Verb: "resend", Stream: stream.ID, From: g.From, To: g.To})
	}
	if hints == nil {
		hints = []books.Hint{{Verb: "resend", Stream: stream.ID, From: stream.Stored + 1}}
	}
	return hints
}

// Forget takes a store that is closed off the board: it removes its facts, and clears what the
// store kept at the broker. Its events stay in the database. A store that speaks again comes back. It is
// written to the audit log as done by the person named.
func (f *Fleet) Forget(ctx context.Context, store, by string) error {
	l := f.current()
	if l == nil {
		return fmt.Errorf("cannot forget store %s: %w", store, errNoBroker)
	}
	topics := f.kept(store)
	err := f.commit(func() (feed.Taken, error) { return feed.Taken{Closed: store}, f.db.CloseStore(ctx, store) })
	if err != nil {
		return fmt.Errorf("cannot forget store %s: %w", store, err)
	}
	f.seen.Forget(store)
	for _, topic := range topics {
		if err := l.await(ctx, l.publish(topic, nil, true), answerLimit); err != nil {
			return fmt.Errorf("store %s is off the board, but may come back: cannot clear %s: %w", store, topic, err)
		}
	}
	f.log.Info("a store was taken off the board", "site", store, "actor", by)
	_, err = f.db.Record(ctx, board.Deed{At: time.Now(), Actor: by, Origin: "program", Verb: "store.forget", Subject: store, Outcome: "ok"})
	return err
}

// kept returns the topics at which the broker may keep something of a store.
func (f *Fleet) kept(store string) []string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	var all []string
	for _, leaf := range []string{"state", "info", "ready", "night", "num"} {
		all = append(all, f.root+store+"/"+leaf)
	}
	if s := f.board.Stores[store]; s != nil {
		for id := range s.Devices {
			all = append(all, f.root+store+"/d/"+id)
		}
		for code := range s.Alerts {
			all = append(all, f.root+store+"/alert/"+code)
		}
	}
	return append(all, f.hq+"seen/"+store)
}
