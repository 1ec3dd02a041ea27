package books

import (
	"encoding/json"
	"sync"
	"time"
)

// Told is what a store is to be told: that everything up to a number is on the disk.
type Told struct {
	Stream string `json:"stream"`
	Seq    uint64 `json:"seq"`
}

// JSON is the payload of hq/seen.
func (t Told) JSON() []byte {
	raw, err := json.Marshal(t)
	if err != nil {
		panic("internal error: seen cannot be written as JSON: " + err.Error())
	}
	return raw
}

// Seen knows what each store is to be told. What is newest counts; what was not told yet
// is told once. It may be used by several goroutines.
type Seen struct {
	every time.Duration

	mu      sync.Mutex
	now     map[string]Told
	last    map[string]time.Time // when it was told
	waiting []string             // stores that are to be told, each once, in the order of their turn
	queued  map[string]bool
}

// NewSeen returns a book in which nobody is to be told anything. A store is told once in every at most.
func NewSeen(every time.Duration) *Seen {
	return &Seen{every: every, now: map[string]Told{}, last: map[string]time.Time{}, queued: map[string]bool{}}
}

// Due notes what is on the disk.
func (b *Seen) Due(store, stream string, stored uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := Told{stream, stored}
	if b.now[store] == t {
		return
	}
	b.now[store] = t
	b.wait(store)
}

// wait puts a store in the queue. mu must be held.
func (b *Seen) wait(store string) {
	if !b.queued[store] {
		b.queued[store] = true
		b.waiting = append(b.waiting, store)
	}
}

// All makes every store due: the broker may have lost what it was told.
func (b *Seen) All() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for store := range b.now {
		b.wait(store)
	}
}

// Forget drops a store.
func (b *Seen) Forget(store string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.now, store)
	delete(b.last, store)
}

// Next returns a store that may be told now, and what.
func (b *Seen) Next(now time.Time) (store string, t Told, ok bool) {
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
	return "", Told{}, false
}
