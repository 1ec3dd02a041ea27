package fleet

import (
	"context"
	"sync"
	"time"
	"unique"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

const (
	// rollTimes is how often a store that does not answer is asked on one connection.
	rollTimes = 3
	// rollRate is how many stores are asked a second, because each answers with all it has.
	rollRate = 20
)

// rollBook knows which stores showed everything that they keep at the broker since the connection
// was made. Not every broker gives all of it to a new subscriber: some cut a long list short, some
// know nothing of wildcards. A store from which something is missing is asked to post it anew.
type rollBook struct {
	mu     sync.Mutex
	stores map[string]*rollEntry
}

// rollEntry is what one store showed.
type rollEntry struct {
	state, info bool
	devices     map[unique.Handle[string]]bool // a name alone would keep its whole topic
	asked       int
	next        time.Time
	listened    bool // its state was asked for by name
}

func newRollBook() *rollBook { return &rollBook{stores: map[string]*rollEntry{}} }

// begin forgets everything: there is a new connection.
func (b *rollBook) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.stores)
}

// entry returns what is known of a store. mu must be held.
func (b *rollBook) entry(store string) *rollEntry {
	e, ok := b.stores[store]
	if !ok {
		e = &rollEntry{devices: map[unique.Handle[string]]bool{}}
		b.stores[store] = e
	}
	return e
}

// note takes in that a store showed something.
func (b *rollBook) note(m feed.Message) {
	if m.Event != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(m.Store)
	if m.Contact != nil {
		e.state = true
	}
	for _, f := range m.Facts {
		switch f.Kind {
		case board.KindInfo:
			e.info = true
		case board.KindDevice:
			e.devices[unique.Make(f.Name)] = true
		}
	}
}

// missing returns the stores of which the state is to be asked for by name, and those that are to
// be asked to post everything anew, at most n of each.
func (b *rollBook) missing(all *board.Board, now time.Time, wait time.Duration, n int) (states, refresh []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range all.Stores {
		e := b.entry(id)
		if !e.state && !e.listened && len(states) < n {
			e.listened = true
			states = append(states, id)
		}
		if e.info && len(e.devices) >= len(s.Info.Devices) || !e.state || s.Contact.State != "online" {
			continue
		}
		if e.asked < rollTimes && !now.Before(e.next) && len(refresh) < n {
			e.asked++
			e.next = now.Add(wait)
			refresh = append(refresh, id)
		}
	}
	return states, refresh
}

// call asks for what is missing of what the stores keep at the broker.
func (s *leading) call(ctx context.Context, now time.Time) error {
	f := s.fleet
	if now.Before(s.callAt) {
		return nil
	}
	s.callAt = now.Add(time.Second)
	f.mu.RLock()
	states, refresh := f.roll.missing(f.board, now, f.opt.RollWait, rollRate)
	f.mu.RUnlock()
	for _, id := range states {
		if err := s.link.subscribe(ctx, f.root+id+"/state"); err != nil {
			return err
		}
	}
	for _, id := range refresh {
		f.log.Info("the broker does not show everything of a store: it is asked to post it anew", "site", id)
		s.flying = append(s.flying, s.link.publish(f.root+id+"/hint", hint{Verb: "refresh"}.json(), false))
	}
	return nil
}
