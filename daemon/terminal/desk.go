package terminal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
)

// Shell is a shell on a device as sshhost opens it. Close frees whoever waits in another call.
type Shell interface {
	io.Reader
	io.Writer
	Resize(cols, rows int) error
	Close() error
	// Exit waits for the end and returns the exit status; an error means that it is not known.
	Exit() (int, error)
}

// Hands take a device for a person and give it back.
type Hands interface {
	OpenTerminal(a hands.Ask, session string) error
	CloseTerminal(a hands.Ask, end hands.TerminalEnd) error
}

// Journal tells which terminals there were.
type Journal interface {
	EachRaw(from uint64, visit func(journal.Raw) error) error
}

// Options are what a Desk is made from. Log may be nil.
type Options struct {
	// Shell opens a shell on a device; its errors reach the person who asked.
	Shell   func(ctx context.Context, device site.Device, size Size) (Shell, error)
	Device  func(id string) (site.Device, bool) // with its pinned host key
	Hands   Hands
	Journal Journal
	Dir     string // of the recordings; made when it is missing
	Log     *slog.Logger
	Limits  Limits
}

// Limits are those of all sessions. A zero field is the usual limit.
type Limits struct {
	Sessions   int           // at once, 8
	Unattended time.Duration // how long a session is kept that nobody looks at, 10 min
	Idle       time.Duration // how long nothing need be typed, 15 min
	Warning    time.Duration // before the idle limit, 60 s
	Recording  int64         // bytes of a recording, 64 MiB
	Pace       int           // bytes a second that a device may show in the long run, 512 KiB
}

func (l Limits) usual() Limits {
	return Limits{
		Sessions: or(l.Sessions, 8), Unattended: or(l.Unattended, 10*time.Minute), Idle: or(l.Idle, 15*time.Minute),
		Warning: or(l.Warning, time.Minute), Recording: or(l.Recording, 64<<20), Pace: or(l.Pace, 512<<10),
	}
}

func or[T comparable](v, usual T) T {
	var zero T
	if v == zero {
		return usual
	}
	return v
}

// Size is how large a terminal is.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// fit keeps a size within what terminals can be; what nobody said is 80x24.
func (s Size) fit() Size {
	return Size{min(max(or(s.Cols, 80), 1), 1000), min(max(or(s.Rows, 24), 1), 500)}
}

const (
	openLimit  = 30 * time.Second // for a device to give a shell
	retryWrite = 5 * time.Second  // after the journal could not be written
	maxReason  = 500              // bytes
)

// The errors of a request that makes no sense.
var (
	ErrNoReason   = errors.New("the reason is missing: say why, for the next person who asks")
	ErrLongReason = fmt.Errorf("the reason is too long: it may have %d bytes", maxReason)
	ErrNotOpen    = errors.New("there is no such terminal: it has ended, or was never opened")
	ErrStopped    = errors.New("the box is starting or stopping: try again when it runs")
)

// Desk keeps every terminal of the box. Any number of goroutines may use it.
type Desk struct {
	Options
	past    *past
	workers sync.WaitGroup

	mu       sync.Mutex
	running  context.Context // nil unless Run runs
	sessions map[string]*Session
}

// New makes a Desk. It starts nothing: sessions can be opened while Run runs.
func New(o Options) *Desk {
	o.Limits = o.Limits.usual()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{Options: o, past: newPast(), sessions: map[string]*Session{}}
}

// Run lets sessions be opened until ctx ends. Then it ends them all, gives their devices back and
// waits for that.
func (d *Desk) Run(ctx context.Context) error {
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the recordings: %w", err)
	}
	d.mu.Lock()
	d.running = ctx
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	d.running = nil
	d.mu.Unlock()
	d.workers.Wait()
	return nil
}

// Open takes a device for a person and opens a shell on it. ctx bounds the opening only. An order
// that is refused is a *site.Reason: the device is observed only, somebody works on it, it refuses
// the login. Whatever goes wrong, the device is given back.
func (d *Desk) Open(ctx context.Context, ask hands.Ask, size Size) (*Session, error) {
	ask.Reason = strings.TrimSpace(ask.Reason)
	switch {
	case ask.Reason == "":
		return nil, ErrNoReason
	case len(ask.Reason) > maxReason:
		return nil, ErrLongReason
	}
	device, known := d.Device(ask.Device)
	switch {
	case !known:
		return nil, site.Because(site.CodeOtherDevice, "no device is called "+ask.Device+"; see: nightfill devices")
	case !device.Patchable():
		return nil, site.Because(site.CodeObserveOnly, ask.Device+" is only observed: there is no shell on it")
	}
	s, running, err := d.reserve(ask, size.fit())
	if err != nil {
		return nil, err
	}
	defer d.workers.Done()
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	defer context.AfterFunc(running, cancel)()
	if err := d.Hands.OpenTerminal(ask, s.id); err != nil {
		d.forget(s)
		return nil, err
	}
	if err := s.open(ctx, device); err != nil {
		d.Log.Warn("a terminal could not be opened", "device", ask.Device, "actor", ask.Actor, "err", err)
		d.workers.Go(func() { s.giveBack(running, hands.TerminalEnd{Session: s.id, Reason: why(ask.Device, err)}) })
		<-s.given
		return nil, err
	}
	d.Log.Info("a terminal was opened", "device", ask.Device, "actor", ask.Actor, "reason", ask.Reason, "recording", s.id)
	d.workers.Go(func() { s.run(running) })
	return s, nil
}

// why is an error as a reason for the journal.
func why(device string, err error) *site.Reason {
	var reason *site.Reason
	if errors.As(err, &reason) {
		return reason
	}
	return site.Because(site.CodeNoAnswer, "there is no shell on "+device+": "+err.Error())
}

// reserve keeps a place for a session, and counts its opening as work of Run.
func (d *Desk) reserve(ask hands.Ask, size Size) (*Session, context.Context, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	other := d.sessions[ask.Device]
	switch {
	case d.running == nil:
		return nil, nil, ErrStopped
	case other != nil:
		return nil, nil, other.taken()
	case len(d.sessions) >= d.Limits.Sessions:
		return nil, nil, site.Because(site.CodeBusy, fmt.Sprintf("%d terminals are open, and no more can be at once: end one first", len(d.sessions)))
	}
	s := newSession(d, ask, size)
	d.sessions[ask.Device] = s
	d.workers.Add(1)
	return s, d.running, nil
}

// forget lets go the place of a session.
func (d *Desk) forget(s *Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sessions[s.ask.Device] == s {
		delete(d.sessions, s.ask.Device)
	}
}

// On finds the session of a person on a device. It is ErrNotOpen when there is none, and a
// *site.Reason that says who works there when it is another person's.
func (d *Desk) On(device, actor string) (*Session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[device]
	switch {
	case s == nil || s.opening():
		return nil, ErrNotOpen
	case s.ask.Actor != actor:
		return nil, s.taken()
	}
	return s, nil
}

// Find finds a session of a person by its id, with the errors of On.
func (d *Desk) Find(id, actor string) (*Session, error) {
	for _, s := range d.Sessions() {
		if s.ID == id {
			return d.On(s.Device, actor)
		}
	}
	return nil, ErrNotOpen
}

// Sessions lists the open terminals, the oldest first.
func (d *Desk) Sessions() []Info {
	d.mu.Lock()
	open := make([]*Session, 0, len(d.sessions))
	for _, s := range d.sessions {
		if !s.opening() {
			open = append(open, s)
		}
	}
	d.mu.Unlock()
	list := make([]Info, 0, len(open))
	for _, s := range open {
		list = append(list, s.Info())
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// idTime is how the id of a session begins, in UTC.
const idTime = "20060102-150405"

// newID names a session and its recording for ever. It is safe as a file name.
func newID(device string, at time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, device)
	return at.UTC().Format(idTime) + "-" + safe + "-" + hex.EncodeToString(b[:])
}

// idAt is when the session of an id was opened.
func idAt(id string) (time.Time, bool) {
	if len(id) < len(idTime) {
		return time.Time{}, false
	}
	at, err := time.Parse(idTime, id[:len(idTime)])
	return at, err == nil
}
