package terminal

import (
	"context"
	"errors"
	"io"
	"time"
)

const (
	maxReaders = 8        // of one session
	maxItem    = 32 << 10 // bytes of output in one item
	searchLine = 4 << 10  // how far a replay looks for the beginning of a line
)

// ErrReaders says that a session has as many readers as it may have.
var ErrReaders = errors.New("too many readers of one terminal: close one first")

// Attach says how a reader begins.
type Attach struct {
	// Since is the first byte that is wanted, as counted by earlier items; -1 is for who has seen
	// nothing: the newest 256 KiB, from the beginning of a line on.
	Since int64
	// Acks means that the reader will say with Ack how far it has come. Otherwise what Next has
	// returned counts as seen.
	Acks bool
}

// Attachment is one reader of a session. Next is for one goroutine, the rest for any number.
type Attachment struct {
	session *Session
	acks    bool

	// All below is guarded by the session.
	next  int64     // the first byte that was not given out
	seen  int64     // the first byte that is not known to be seen
	slow  bool      // it is not waited for
	told  time.Time // of the idle limit
	ended bool      // the end was given out
	gone  bool
}

// Kind is what an item of a stream is.
type Kind string

// The kinds of items.
const (
	Output Kind = "output" // Data was shown, from byte From to byte To
	Gap    Kind = "gap"    // the bytes From to To were missed
	Idle   Kind = "idle"   // the session ends at Ends unless something is typed; zero: it does not any more
	Ended  Kind = "ended"  // it has ended as End says; nothing comes after
)

// Item is one thing that a reader is told, in order.
type Item struct {
	Kind     Kind
	From, To int64
	Data     []byte // the reader's own
	Ends     time.Time
	End      *End
}

// Attach adds a reader. A session that is ending can still be read to its end.
func (s *Session) Attach(o Attach) (*Attachment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attached) >= maxReaders {
		return nil, ErrReaders
	}
	a := &Attachment{session: s, acks: o.Acks, next: o.Since}
	if o.Since < 0 || o.Since > s.ring.end {
		a.next = s.replay()
	}
	a.seen = max(a.next, s.ring.start())
	if len(s.attached) == 0 && s.ring.end > 0 {
		s.jot(note{text: s.ask.Actor + " looks at it again"})
	}
	s.attached[a] = struct{}{}
	return a, nil
}

// replay is where the newest output begins that a new reader is shown. The session is locked.
func (s *Session) replay() int64 {
	from := s.ring.end - replayed
	if from <= s.ring.start() {
		return s.ring.start()
	}
	for i, b := range s.ring.read(from, searchLine) {
		if b == '\n' {
			return from + int64(i) + 1
		}
	}
	return from
}

// Next returns what the reader is to be told next, and waits for it until ctx ends. After the end of
// the session, or Detach, it returns io.EOF.
func (a *Attachment) Next(ctx context.Context) (Item, error) {
	s := a.session
	for {
		s.mu.Lock()
		item, ok := a.take()
		over, changed := a.gone || a.ended && !ok, s.changed
		s.mu.Unlock()
		switch {
		case ok:
			return item, nil
		case over:
			return Item{}, io.EOF
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

// take finds what is next. The session is locked.
func (a *Attachment) take() (Item, bool) {
	s := a.session
	switch start := s.ring.start(); {
	case a.gone || a.ended:
		return Item{}, false
	case a.next < start:
		item := Item{Kind: Gap, From: a.next, To: start}
		a.moveTo(start)
		return item, true
	case a.next < s.ring.end:
		data := s.ring.read(a.next, maxItem)
		item := Item{Kind: Output, From: a.next, To: a.next + int64(len(data)), Data: data}
		a.moveTo(item.To)
		return item, true
	case !a.told.Equal(s.idleEnds):
		a.told = s.idleEnds
		return Item{Kind: Idle, Ends: s.idleEnds}, true
	case s.end != nil:
		a.ended = true
		return Item{Kind: Ended, End: s.end}, true
	}
	return Item{}, false
}

func (a *Attachment) moveTo(next int64) {
	a.next = next
	if !a.acks {
		a.advance(next)
	}
}

// advance counts bytes as seen. The session is locked.
func (a *Attachment) advance(seen int64) {
	s := a.session
	if seen = min(seen, a.next); seen > a.seen {
		a.seen = seen
		a.slow = a.slow && s.ring.end-seen > farBehind
		signal(s.moved)
	}
}

// Ack says that the reader has dealt with every byte before to.
func (a *Attachment) Ack(to int64) {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.advance(to)
}

// Detach takes the reader off. The session goes on without it for a while.
func (a *Attachment) Detach() {
	s := a.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.gone {
		return
	}
	a.gone = true
	delete(s.attached, a)
	if len(s.attached) == 0 {
		s.leftAt = time.Now()
		s.jot(note{text: "nobody looks at it"})
	}
	signal(s.moved)
	s.tell()
}
