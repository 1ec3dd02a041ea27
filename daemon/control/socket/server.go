// Package socket answers questions on a unix socket, with HTTP and JSON. Who may open the socket may ask everything;
// who asked is read from the kernel, never from the request. Each question has a limit of time, and each error the code
// and the advice with which it reaches a person.
//
// It knows no question: what is asked, and who answers, are the Routes and Streams that it is made from.
package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits of a connection. How long an answer may take is in its Route.
const (
	headerLimit = 5 * time.Second
	idleLimit   = 2 * time.Minute
	stopLimit   = 3 * time.Second
	maxHeader   = 16 << 10
	maxBody     = 64 << 10
)

// Options are what a Server is made from.
type Options struct {
	Path    string // of the socket
	Version string // of the daemon
	Routes  []Route
	Streams []Stream
	Zone    func() string // names the zone of the store; nil = UTC
	Log     *slog.Logger  // nil = none
}

// Server answers on a socket.
type Server struct {
	Options
	upgraded sync.WaitGroup // connections that are no HTTP any more
}

// New makes a server. It opens nothing: see Run.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.UTC.String
	}
	return &Server{Options: o}
}

// Run listens on the socket until ctx ends, and then returns nil. What is being answered at that
// moment is told to stop. An error means that the socket could not be made, for example
// because another daemon answers on it.
func (s *Server) Run(ctx context.Context) error {
	l, err := listen(ctx, s.Path)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headerLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("cannot answer on %s: %w", s.Path, err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if srv.Shutdown(end) != nil {
		srv.Close()
	}
	s.upgraded.Wait()
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot answer on %s: %w", s.Path, err)
	}
	return nil
}
