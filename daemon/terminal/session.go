package terminal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/site"
)

// Session is one terminal: a shell on a device that the box owns, however many readers look at it.
// Whoever has one may use it: Desk.On and Desk.Find give it to its own person only. Any number of
// goroutines may use it.
type Session struct {
	desk  *Desk
	id    string
	ask   hands.Ask
	since time.Time
	shell Shell
	tape  *tape // keep's alone

	typed    chan typed    // from people, for forward
	shown    chan []byte   // from read, for keep; closed at the end of the shell
	seenIt   chan struct{} // keep is done with what it was shown
	notes    chan note     // for the recording
	moved    chan struct{} // a reader has got further
	hurry    chan struct{} // a person interrupts
	stopping chan struct{} // closed when the session is to end
	given    chan struct{} // closed when giving back was tried once

	mu       sync.Mutex // guards what follows; held for memory only
	begun    bool
	size     Size
	ring     ring
	attached map[*Attachment]struct{}
	leftAt   time.Time // when the last reader left
	typedAt  time.Time
	idleEnds time.Time // zero, or when the session ends unless something is typed
	why      *site.Reason
	stopped  bool
	end      *End
	changed  chan struct{} // closed when readers have something to see
}

// typed is what a person did: bytes, or another size.
type typed struct {
	bytes []byte
	size  Size
}

// note is something for the recording that no shell showed.
type note struct {
	size Size // when it changed
	text string
}

// End is how a session ended.
type End struct {
	At        time.Time     `json:"at"`
	Exit      *int          `json:"exit_code,omitempty"` // of the shell, when it ended by itself
	Reason    *site.Reason  `json:"reason,omitempty"`    // why it ended otherwise; nil also when its person ended it
	Recording string        `json:"sha256,omitempty"`    // digest of the recording
	Lasted    site.Duration `json:"lasted"`
}

// Info is what a session is now.
type Info struct {
	ID       string    `json:"id"` // of the recording too
	Device   string    `json:"device"`
	Actor    string    `json:"actor"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"`
	Attached int       `json:"attached"` // readers now
	Size     Size      `json:"size"`
	Shown    int64     `json:"shown"`              // bytes so far
	IdleEnds time.Time `json:"idle_ends,omitzero"` // it ends then unless something is typed
	KeptTo   time.Time `json:"kept_to,omitzero"`   // it ends then unless somebody looks at it
}

func newSession(d *Desk, ask hands.Ask, size Size) *Session {
	now := time.Now()
	return &Session{
		desk: d, id: newID(ask.Device, now), ask: ask, since: now, size: size, typedAt: now, leftAt: now,
		typed: make(chan typed, 16), shown: make(chan []byte), seenIt: make(chan struct{}), notes: make(chan note, 16),
		moved: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stopping: make(chan struct{}), given: make(chan struct{}),
		attached: map[*Attachment]struct{}{}, changed: make(chan struct{}),
	}
}

// open begins the recording, and then the shell: there is none that is not recorded.
func (s *Session) open(ctx context.Context, device site.Device) error {
	var err error
	title := s.ask.Device + ", " + s.ask.Actor + ": " + s.ask.Reason
	if s.tape, err = newTape(s.desk.Dir, s.id, s.since, s.size, title, s.desk.Limits.Recording); err != nil {
		return fmt.Errorf("cannot record a terminal on %s, so none is opened: %w", s.ask.Device, err)
	}
	if s.shell, err = s.desk.Shell(ctx, device, s.size); err != nil {
		return errors.Join(err, s.tape.discard())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring, s.begun = newRing(), true
	return nil
}

func (s *Session) opening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.begun
}

// taken says who works in the session, to who wanted to.
func (s *Session) taken() *site.Reason {
	return site.Because(site.CodeBusy, s.ask.Device+": "+s.ask.Actor+" works on it in a terminal: "+s.ask.Reason,
		"actor", s.ask.Actor, "since", s.since.Format(time.RFC3339))
}

// Info tells what the session is now.
func (s *Session) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := Info{
		ID: s.id, Device: s.ask.Device, Actor: s.ask.Actor, Reason: s.ask.Reason, Since: s.since, Attached: len(s.attached),
		Size: s.size, Shown: s.ring.end, IdleEnds: s.idleEnds,
	}
	if len(s.attached) == 0 {
		i.KeptTo = s.leftAt.Add(s.desk.Limits.Unattended)
	}
	return i
}

// Write types into the shell. It waits while the device takes no more, until ctx or the session ends.
func (s *Session) Write(ctx context.Context, p []byte) error {
	s.mu.Lock()
	s.typedAt = time.Now()
	if !s.idleEnds.IsZero() {
		s.idleEnds = time.Time{}
		s.tell()
	}
	s.mu.Unlock()
	if interrupts(p) {
		signal(s.hurry)
	}
	for len(p) > 0 {
		n := min(len(p), 4<<10)
		if err := s.pass(ctx, typed{bytes: append([]byte(nil), p[:n]...)}); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Resize gives the terminal another size. With several readers the newest size counts.
func (s *Session) Resize(ctx context.Context, size Size) error {
	size = size.fit()
	s.mu.Lock()
	same := s.size == size
	s.size = size
	s.mu.Unlock()
	if same {
		return nil
	}
	return s.pass(ctx, typed{size: size})
}

func (s *Session) pass(ctx context.Context, t typed) error {
	select {
	case <-s.stopping: // or both may be ready
		return ErrNotOpen
	default:
	}
	select {
	case s.typed <- t:
		return nil
	case <-s.stopping:
		return ErrNotOpen
	case <-ctx.Done():
		return ctx.Err()
	}
}

// End ends the session, as its person asks. Ending twice is ending once.
func (s *Session) End() { s.stop(nil) }

// stop lets the session end; the first reason counts.
func (s *Session) stop(reason *site.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped, s.why = true, reason
		close(s.stopping)
	}
}

// signal says once that something happened; who looks later finds it.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tell wakes every reader. The session is locked.
func (s *Session) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// jot puts something into the recording; when it cannot keep up, it is left out.
func (s *Session) jot(n note) {
	select {
	case s.notes <- n:
	default:
	}
}
