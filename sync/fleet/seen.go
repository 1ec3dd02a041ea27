package fleet

import (
	"encoding/json"
	"sync"
	"time"
)

// told is what a store is to be told: that everything up to a number is on the disk.
type told struct {
	Stream string `json:"stream"`
	Seq    uint64 `json:"seq"`
}

// json is the payload of hq/seen.
func (t told) json() []byte {
	raw, err := json.Marshal(t)
	if err != nil {
		panic("internal error: seen cannot be written as JSON: " + err.Error())
	}
	return raw
}

// seenBook knows what each store is to be told. What is newest counts; what was not told yet
// is told once.
type seenBook struct {
	every time.Duration

	mu      sync.Mutex
	now     map[string]told
	last    map[string]time.Time // when it was told
	waiting []string             // stores that are to be told, each once, in the order of their turn
	queued  map[string]bool
}

func newSeenBook(every time.Duration) *seenBook {
	return &seenBook{every: every, now: map[string]told{}, last: map[string]time.Time{}, queued: map[string]bool{}}
}

// due notes what is on the disk.
func (b *seenBook) due(store, stream string, stored uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := told{stream, stored}
	if b.now[store] == t {
		return
	}
	b.now[store] = t
	b.wait(store)
}

// wait puts a store in the queue. mu must be held.
func (b *seenBook) wait(store string) {
	if !b.queued[store] {
		b.queued[store] = true
		b.waiting = append(b.waiting, store)
	}
}

// all makes every store due: the broker may have lost what it was told.
func (b *seenBook) all() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for store := range b.now {
		b.wait(store)
	}
}

// forget drops a store.
func (b *seenBook) forget(store string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.now, store)
	delete(b.last, store)
}

// next returns a store that may be told now, and what.
func (b *seenBook) next(now time.Time) (store string, t told, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range len(b.waiting) {
		store = b.waiting[0]
		b.waiting = b.waiting[1:]
		t, known := b.now[store]
		if !known {
			delete(b.queued, store)
			continue
		}
		if now.Sub(b.last[store]) < b.every {
			b.waiting = append(b.waiting, store)
			continue
		}
		delete(b.queued, store)
		b.last[store] = now
		return store, t, true
	}
	return "", told{}, false
}
