package books

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

const (
	// hintsAtLeast is how often a gap was asked for before it is given up.
	hintsAtLeast = 5
	// HintsAtOnce is how many gaps of one store are asked for in one go.
	HintsAtOnce = 4
	// askedAtOnce is how many events one store is asked for in one go, askedTogether how many may be on
	// their way from all stores: what comes quicker than it is stored overflows the queue that the broker
	// keeps for headquarters, and is missing again.
	askedAtOnce   = 1000
	askedTogether = 10_000
	// answerTime is how long what was asked for is waited for before others are asked in its place.
	answerTime = 10 * time.Second
)

// Hint is what a store is asked for.
type Hint struct {
	Verb   string `json:"verb"`
	Stream string `json:"stream,omitempty"`
	From   uint64 `json:"from,omitempty"`
	To     uint64 `json:"to,omitempty"`
}

// JSON is the payload of a hint.
func (h Hint) JSON() []byte {
	raw, err := json.Marshal(h)
	if err != nil {
		panic("internal error: a hint cannot be written as JSON: " + err.Error())
	}
	return raw
}

// gap is one gap of a stream that is waited for.
type gap struct {
	span   board.Span
	hints  int
	online time.Duration // how long its store was online since the first hint
}

// waiting is a store with gaps in its present stream.
type waiting struct {
	stream string
	gaps   []gap
	online bool
	since  time.Time // of online's last count
	wait   time.Duration
	next   time.Time // of the next hints

	missing uint64    // events, when it was last looked at
	asked   uint64    // events that were asked for and have not come
	until   time.Time // when they are not waited for any more
}

// Gaps knows which gaps are open, and when to ask for them. It is of the moment: after a
// restart it begins anew. It may be used by several goroutines.
type Gaps struct {
	first, longest, limit time.Duration

	mu     sync.Mutex
	stores map[string]*waiting
}

// NewGaps returns a book without gaps. A gap may close by itself for as long as first before it is asked for; longest
// is the longest wait between two hints; limit is how long its store is online before it is given up.
func NewGaps(first, longest, limit time.Duration) *Gaps {
	return &Gaps{first: first, longest: longest, limit: limit, stores: map[string]*waiting{}}
}

// Look takes in how the present stream of a store stands.
func (b *Gaps) Look(store string, s board.Stream, online bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.stores[store]
	if len(s.Gaps) == 0 {
		if w != nil {
			delete(b.stores, store)
		}
		return
	}
	if w == nil || w.stream != s.ID {
		w = &waiting{stream: s.ID, since: now}
		b.stores[store] = w
	}
	w.count(now)
	if online && !w.online || len(w.gaps) == 0 {
		w.wait, w.next = b.first, now.Add(b.first)
	}
	w.online = online
	gaps := make([]gap, 0, len(s.Gaps))
	for _, span := range s.Gaps {
		gaps = append(gaps, w.inherit(span))
	}
	w.gaps = gaps
	w.came(b.first, now)
}

// came notes how much of what was asked for has come. When all of it did, the next part is asked for
// at once.
func (w *waiting) came(first time.Duration, now time.Time) {
	missing := uint64(0)
	for _, g := range w.gaps {
		missing += size(g.span)
	}
	if came := w.missing - min(w.missing, missing); came > 0 && w.asked > 0 {
		w.asked -= min(w.asked, came)
		w.wait = first
		if w.asked == 0 {
			w.next = now
		}
	}
	w.missing = missing
}

func size(s board.Span) uint64 { return s.To - s.From + 1 }

// inherit returns a gap with what is known of the one that it is a part of.
func (w *waiting) inherit(span board.Span) gap {
	for _, g := range w.gaps {
		if g.span.From <= span.From && span.To <= g.span.To {
			g.span = span
			return g
		}
	}
	return gap{span: span}
}

// count adds the time that passed to the gaps that were asked for.
func (w *waiting) count(now time.Time) {
	if w.online {
		for i := range w.gaps {
			if w.gaps[i].hints > 0 {
				w.gaps[i].online += now.Sub(w.since)
			}
		}
	}
	w.since = now
}

// Asked is a hint to one store.
type Asked struct {
	Store string
	Hint  Hint
}

// GivenUp is a gap that will not close.
type GivenUp struct {
	Store, Stream string
	Span          board.Span
}

// Step returns what is to be asked for now, and what is to be given up.
func (b *Gaps) Step(now time.Time) (ask []Asked, lost []GivenUp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []string
	coming := uint64(0)
	for store, w := range b.stores {
		w.count(now)
		if now.Before(w.until) {
			coming += w.asked
		}
		if !w.online {
			continue
		}
		for _, g := range w.gaps {
			if g.hints >= hintsAtLeast && g.online >= b.limit {
				lost = append(lost, GivenUp{store, w.stream, g.span})
			}
		}
		if !now.Before(w.next) {
			due = append(due, store)
		}
	}
	slices.SortFunc(due, func(x, y string) int {
		return cmp.Or(b.stores[x].next.Compare(b.stores[y].next), cmp.Compare(x, y))
	})
	for _, store := range due {
		if coming >= askedTogether {
			break
		}
		w := b.stores[store]
		ask = append(ask, w.ask(store, now)...)
		coming += w.asked
		w.wait = min(2*w.wait, b.longest)
		w.next = now.Add(w.wait)
	}
	return ask, lost
}

// ask returns the hints for the oldest of what a store is to send again.
func (w *waiting) ask(store string, now time.Time) (hints []Asked) {
	w.asked, w.until = 0, now.Add(answerTime)
	for i := range w.gaps[:min(len(w.gaps), HintsAtOnce)] {
		g := &w.gaps[i]
		part := board.Span{From: g.span.From, To: min(g.span.To, g.span.From+askedAtOnce-w.asked-1)}
		g.hints++
		w.asked += size(part)
		hints = append(hints, Asked{store, Hint{Verb: "resend", Stream: w.stream, From: part.From, To: part.To}})
		if w.asked >= askedAtOnce {
			break
		}
	}
	return hints
}

// Open returns how many gaps are open.
func (b *Gaps) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, w := range b.stores {
		n += len(w.gaps)
	}
	return n
}

// Forget drops a store.
func (b *Gaps) Forget(store string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stores, store)
}
