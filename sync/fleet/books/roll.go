package books

import (
	"sync"
	"time"
	"unique"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// rollTimes is how often a store that does not answer is asked on one connection.
const rollTimes = 3

// Roll knows which stores showed everything that they keep at the broker since the connection
// was made. Not every broker gives all of it to a new subscriber: some cut a long list short, some
// know nothing of wildcards. A store from which something is missing is asked to post it anew. It may be used by several goroutines.
type Roll struct {
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

// NewRoll returns a book in which no store has shown anything.
func NewRoll() *Roll { return &Roll{stores: map[string]*rollEntry{}} }

// Begin forgets everything: there is a new connection.
func (b *Roll) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.stores)
}

// entry returns what is known of a store. mu must be held.
func (b *Roll) entry(store string) *rollEntry {
	e, ok := b.stores[store]
	if !ok {
		e = &rollEntry{devices: map[unique.Handle[string]]bool{}}
		b.stores[store] = e
	}
	return e
}

// Note takes in that a store showed something.
func (b *Roll) Note(m feed.Message) {
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

// Missing returns the stores of which the state is to be asked for by name, and those that are to
// be asked to post everything anew, at most n of each.
func (b *Roll) Missing(all *board.Board, now time.Time, wait time.Duration, n int) (states, refresh []string) {
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
