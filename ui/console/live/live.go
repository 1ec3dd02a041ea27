// Package live is the websocket of the console: it shows what the box knows as it changes, takes orders, and shows
// terminals. REFERENCE.md describes what is spoken over it.
//
// The journal is followed by its sequence numbers, from where the reader says he stopped; all else are documents on
// a Board, of which the newest replaces the one before. Frames, sockets and the time that each may take are limited,
// so that one bad reader holds up nobody but itself.
package live

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// User is a person who is logged in.
type User struct {
	Name string        `json:"name"`
	Role site.UserRole `json:"role"`
}

// Sessions tell who a session's token stands for.
type Sessions interface {
	// Session returns who it is, and counts as a sign of life.
	Session(token string, now time.Time) (User, bool)
	// Alive is Session without the sign of life.
	Alive(token string, now time.Time) (User, bool)
}

// Journal is the journal of the box. Only records that can never be lost are visible.
type Journal interface {
	First() uint64
	Last() uint64
	Since(from uint64, limit int) ([]run.Record, error)
	Stream() string
}

// Options are what Lines are made from. None of the parts is nil, but for Terminals.
type Options struct {
	Board    *Board
	Journal  Journal
	Sessions Sessions
	Orders   *order.Book
	// Terminals is nil on a box that opens none.
	Terminals Terminals
	// Who returns who sent a request, with the token of the session.
	Who     func(r *http.Request) (who User, token string, ok bool)
	Store   string // the number of the store
	Name    string // of the store
	Zone    *time.Location
	Version string // of the program
	Log     *slog.Logger
	Limits  Limits
}

// Lines are the websockets that are open.
type Lines struct {
	Options
	tail tail
	gate *gate
	ctx  context.Context // of everything that a socket does
	stop context.CancelFunc
}

// New makes the lines. It starts nothing; End must be called.
func New(o Options) *Lines {
	l := &Lines{Options: o, gate: newGate(o.Limits)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// End lets nobody in any more, ends every socket and waits for it.
func (l *Lines) End() {
	l.gate.shut()
	l.stop()
	l.gate.inside.Wait()
}

// ServeHTTP lets a websocket in, and serves it until it ends.
func (l *Lines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, token, ok := l.Who(r)
	address := addressOf(r)
	switch {
	case !ownOrigin(r):
		http.Error(w, "this websocket is for the pages of this box", http.StatusForbidden)
		return
	case !ok:
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	case !l.gate.enter(address):
		http.Error(w, "too many websockets are open", http.StatusServiceUnavailable)
		return
	}
	defer l.gate.leave(address)
	up := websocket.Upgrader{
		HandshakeTimeout: closeLimit, Subprotocols: []string{Subprotocol}, CheckOrigin: ownOrigin, WriteBufferPool: &sync.Pool{},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		l.Log.Debug("a websocket was not opened", "from", address, "err", err)
		return
	}
	if conn.Subprotocol() != Subprotocol {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseProtocolError, "speak "+Subprotocol), time.Now().Add(closeLimit))
		_ = conn.Close()
		return
	}
	s := &socket{l: l, conn: conn, token: token, user: user, out: make(chan []byte, answers), wake: make(chan struct{}, 1), shown: make(chan message), terminals: map[byte]*terminal{}, wants: map[string]*want{}}
	s.serve()
}
