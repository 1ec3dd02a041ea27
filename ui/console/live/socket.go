package live

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/ui/console/live/order"
)

const (
	pageSize   = 256  // records read at a time
	tailAtMost = 1000 // of the newest records that a reader may begin with
	keptAfter  = 500  // of the newest records that are sent after a gap
	answers    = 32   // that may wait for a slow reader
	closeLimit = time.Second
)

// socket is one websocket. One goroutine reads, one writes; what a reader asks for is kept in wants.
type socket struct {
	l     *Lines
	conn  *websocket.Conn
	token string
	user  User
	out   chan []byte   // answers, in order
	wake  chan struct{} // wants has changed
	shown chan message  // of terminals: who hands one over waits for the writer

	terminals map[byte]*terminal // of the reader alone
	typedAt   time.Time

	mu    sync.Mutex // held for memory only
	wants map[string]*want
}

// want is how far a channel was sent.
type want struct {
	next    uint64 // of log: the record that is sent next
	version uint64 // of documents: that of the board
	synced  bool   // of documents: the first were sent
}

// serve runs the socket until either side ends it.
func (s *socket) serve() {
	ctx, cancel := context.WithCancel(s.l.ctx)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		defer cancel()
		if err := s.write(ctx); err != nil {
			s.l.Log.Debug("a websocket of the console ended", "user", s.user.Name, "err", err)
			s.cut()
		}
		_ = s.conn.Close() // which ends the reader
	})
	var workers sync.WaitGroup // orders under way, and terminals that are shown
	err := s.read(ctx, &workers)
	s.l.Log.Debug("a websocket of the console ended", "user", s.user.Name, "err", err)
	cancel()
	both.Wait()
	workers.Wait()
}

// cut ends the line at once: TLS would wait for a reader who takes nothing.
func (s *socket) cut() {
	if line, ok := s.conn.NetConn().(*tls.Conn); ok {
		_ = line.NetConn().Close()
	}
	_ = s.conn.Close()
}

// read takes frames until the socket is dead or silent for too long; it returns why.
func (s *socket) read(ctx context.Context, workers *sync.WaitGroup) error {
	s.conn.SetReadLimit(s.l.Limits.Frame)
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.l.Limits.Silence)); err != nil {
			return err
		}
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			return err
		}
		var f asked
		if kind == websocket.BinaryMessage {
			s.typing(data)
			continue
		}
		if kind != websocket.TextMessage || json.Unmarshal(data, &f) != nil {
			s.say(simple{T: "err", Code: order.CodeBadRequest, Say: "this is no frame of " + Subprotocol})
			continue
		}
		s.take(ctx, f, workers)
	}
}

// take does what one frame asks for.
func (s *socket) take(ctx context.Context, f asked, workers *sync.WaitGroup) {
	switch f.T {
	case "pong":
		return
	case "sub":
		s.subscribe(f)
	case "unsub":
		s.mu.Lock()
		delete(s.wants, f.Channel)
		s.mu.Unlock()
	case "here": // the person did something; which is all that counts as a sign of life
		s.l.Sessions.Session(s.token, time.Now())
	case "act":
		workers.Go(func() {
			a := s.l.Orders.CarryOut(s.l.ctx, s.token, s.user.Name, f.Request)
			if ctx.Err() == nil {
				s.say(a)
			}
		})
	case "term.attach", "term.ack", "term.size", "term.detach", "term.end":
		s.terminalFrame(ctx, f, workers)
	default:
		s.say(simple{T: "err", Code: order.CodeBadRequest, Say: "there is no frame " + f.T})
	}
}

// subscribe begins a channel, or begins it anew.
func (s *socket) subscribe(f asked) {
	w := &want{}
	switch f.Channel {
	case ChannelDevice, ChannelNight, ChannelReady, ChannelStore:
	case chLog:
		last := s.l.Journal.Last()
		if f.Since != nil {
			w.next = min(*f.Since, last) + 1
		} else {
			w.next = last + 1 - min(f.Last, tailAtMost, last)
		}
	default:
		s.say(simple{T: "err", Channel: f.Channel, Code: order.CodeBadRequest, Say: "there is no channel " + f.Channel})
		return
	}
	s.mu.Lock()
	s.wants[f.Channel] = w
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// say puts a frame in the queue of answers. A reader who lets it fill up is cut off: he comes back and
// asks again.
func (s *socket) say(frame any) {
	select {
	case s.out <- encode(frame):
	default:
		s.cut()
	}
}

// write sends what there is to send until ctx ends or the reader is too slow.
func (s *socket) write(ctx context.Context) error {
	ping := time.NewTicker(s.l.Limits.Ping)
	defer ping.Stop()
	j := s.l.Journal
	zone := s.l.Zone.String()
	if err := s.send(encode(hello{
		T: "hello", Session: s.user, Server: s.l.Version, Stream: j.Stream(), First: j.First(), Seq: j.Last(), Now: time.Now().UTC(), Zone: zone,
		Store: s.l.Store, Name: s.l.Name, Verbs: order.Verbs(),
	})); err != nil {
		return err
	}
	for {
		records, board := s.l.Board.box.Changed(), s.l.Board.next()
		if err := s.pump(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return s.bye(websocket.CloseGoingAway, simple{T: "bye", Code: "stopping", Say: "the box is stopping"})
		case frame := <-s.out:
			if err := s.send(frame); err != nil {
				return err
			}
		case m := <-s.shown:
			if err := s.sendAs(m.kind, m.data); err != nil {
				return err
			}
		case <-ping.C:
			if _, alive := s.l.Sessions.Alive(s.token, time.Now()); !alive {
				return s.bye(closeSession, simple{T: "bye", Code: order.CodeSessionOver, Say: "you are not logged in any more"})
			}
			if err := s.send(encode(simple{T: "ping", Seq: j.Last(), Now: time.Now().UTC()})); err != nil {
				return err
			}
		case <-s.wake:
		case <-records:
		case <-board:
		}
	}
}

// closeSession is the code with which a socket ends whose session is over.
const closeSession = 4401

// bye says why the socket ends.
func (s *socket) bye(code int, why simple) error {
	err := s.send(encode(why))
	return errors.Join(err, s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why.Say), time.Now().Add(closeLimit)))
}

// message is a frame of its kind.
type message struct {
	kind int
	data []byte
}

func (s *socket) send(frame []byte) error { return s.sendAs(websocket.TextMessage, frame) }

func (s *socket) sendAs(kind int, frame []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.l.Limits.Write)); err != nil {
		return err
	}
	return s.conn.WriteMessage(kind, frame)
}
