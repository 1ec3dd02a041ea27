package live

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Terminals are the terminals in which people work on devices.
type Terminals interface {
	// Attach looks at the open terminal of a person on a device, from a byte on; -1 = what was shown last.
	Attach(device, actor string, since int64) (Attachment, error)
}

// Attachment is one look at an open terminal, which goes on without it.
type Attachment interface {
	// Next waits for what is to be told next; io.EOF after the end.
	Next(ctx context.Context) (Shown, error)
	Ack(to int64)
	Detach()
	Write(ctx context.Context, p []byte) error
	Resize(ctx context.Context, cols, rows int) error
	End()
}

// Shown is one thing that a terminal tells: output from one byte to another, or a kind with a document.
type Shown struct {
	Kind     string // output, gap, idle or ended
	From, To int64
	Data     []byte
	Doc      any
}

const (
	maxTerminals = 8  // of one socket
	maxTyped     = 64 // frames that wait for a device
)

// terminal is a terminal on a socket: the channel of its binary frames.
type terminal struct {
	Attachment
	n     byte
	typed chan func(context.Context) error
	end   context.CancelFunc
}

// told is a frame about a terminal.
type told struct {
	T    string `json:"t"` // term.open, term.at, term.gap, term.idle, term.ended, term.err
	N    byte   `json:"n"`
	At   int64  `json:"at,omitempty"` // of term.at: the byte that comes next
	From int64  `json:"from,omitempty"`
	To   int64  `json:"to,omitempty"`
	Code string `json:"code,omitempty"`
	Say  string `json:"say,omitempty"`
	Doc  any    `json:"d,omitempty"`
}

// attach begins to show a terminal.
func (s *socket) attach(ctx context.Context, f asked, workers *sync.WaitGroup) {
	since := int64(-1)
	if f.Since != nil {
		since = int64(min(*f.Since, 1<<62))
	}
	refused := func(err error) {
		r := order.Why(err)
		s.say(told{T: "term.err", N: f.N, Code: r.Code, Say: r.Say})
	}
	s.leave(f.N)
	switch {
	case s.l.Terminals == nil:
		refused(order.Refuse(order.CodeNoVerb, "this box opens no terminals"))
		return
	case f.N == 0 || len(s.terminals) >= maxTerminals:
		refused(order.Refuse(order.CodeTooMany, "a socket shows at most 8 terminals, numbered from 1"))
		return
	}
	a, err := s.l.Terminals.Attach(f.Device, s.user.Name, since)
	if err != nil {
		refused(err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &terminal{Attachment: a, n: f.N, typed: make(chan func(context.Context) error, maxTyped), end: cancel}
	s.terminals[f.N] = t
	s.say(told{T: "term.open", N: f.N})
	workers.Go(func() {
		defer cancel()
		defer a.Detach()
		s.show(ctx, t)
	})
	workers.Go(func() {
		for {
			select {
			case do := <-t.typed:
				if do(ctx) != nil && ctx.Err() != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	if f.Cols > 0 && f.Rows > 0 {
		s.resize(f)
	}
}

// leave ends a look at a terminal; the terminal goes on.
func (s *socket) leave(n byte) {
	if t := s.terminals[n]; t != nil {
		t.end()
		delete(s.terminals, n)
	}
}

// show sends what a terminal shows, at the pace of the reader.
func (s *socket) show(ctx context.Context, t *terminal) {
	at := int64(-1)
	for {
		item, err := t.Next(ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.hand(ctx, websocket.TextMessage, encode(told{T: "term.err", N: t.n, Code: order.CodeInternal, Say: err.Error()}))
			}
			return
		}
		if item.Kind != "output" {
			s.hand(ctx, websocket.TextMessage, encode(told{T: "term." + item.Kind, N: t.n, From: item.From, To: item.To, Doc: item.Doc}))
			continue
		}
		if item.From != at {
			s.hand(ctx, websocket.TextMessage, encode(told{T: "term.at", N: t.n, At: item.From}))
		}
		at = item.To
		s.hand(ctx, websocket.BinaryMessage, append([]byte{t.n}, item.Data...))
	}
}

// hand gives a frame to the writer and waits for it.
func (s *socket) hand(ctx context.Context, kind int, data []byte) {
	select {
	case s.shown <- message{kind, data}:
	case <-ctx.Done():
	}
}

// typing takes a binary frame: the channel, and what was typed.
func (s *socket) typing(data []byte) {
	if len(data) < 2 {
		return
	}
	t := s.terminals[data[0]]
	if t == nil {
		return
	}
	if now := time.Now(); now.Sub(s.typedAt) > 30*time.Second {
		s.typedAt = now
		s.l.Sessions.Session(s.token, now)
	}
	s.queue(t, func(ctx context.Context) error { return t.Write(ctx, data[1:]) })
}

// queue lets a device take something in order. A person who types faster than a device takes it for
// long is cut off.
func (s *socket) queue(t *terminal, do func(context.Context) error) {
	select {
	case t.typed <- do:
	default:
		s.cut()
	}
}

func (s *socket) resize(f asked) {
	if t := s.terminals[f.N]; t != nil {
		s.queue(t, func(ctx context.Context) error { return t.Resize(ctx, f.Cols, f.Rows) })
	}
}

// terminalFrame does what a frame about a terminal asks for.
func (s *socket) terminalFrame(ctx context.Context, f asked, workers *sync.WaitGroup) {
	t := s.terminals[f.N]
	switch {
	case f.T == "term.attach":
		s.attach(ctx, f, workers)
	case t == nil:
	case f.T == "term.ack":
		t.Ack(f.At)
	case f.T == "term.size":
		s.resize(f)
	case f.T == "term.detach":
		s.leave(f.N)
	case f.T == "term.end":
		t.End()
	}
}
