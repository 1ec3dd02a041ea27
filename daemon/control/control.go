// Package control is how a person on the box talks to the daemon. It has the questions and their answers; how they
// travel is in socket, what travels in wire, and who asks is a client.
//
// It decides nothing. Every answer comes from a Box or from the journal; every order becomes
// one call of the Box, with the name of the person who gave it. It listens on no network.
package control

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/users"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site/run"
)

// Box is the daemon as the control socket needs it: each part stands beside the answers that want it. A call may be
// given up when ctx ends. Errors that are an *Error or a *site.Reason reach the person who asked with their code.
type Box interface {
	Viewer
	Teller
	Past
	Forecaster
	Looker
	Keys
	Checker
	Holder
	Alarms
	Clock
	Supplier
	PatchHandler
	DeviceHandler
	Bundler
}

// Viewer shows what the box knows, without touching a device.
type Viewer interface {
	// View returns everything that the views are made of.
	View(ctx context.Context) view.Facts
}

// Journal is the journal as the control socket needs it.
type Journal interface {
	Since(from uint64, limit int) ([]run.Record, error)
	Last() uint64
	Stream() string
	Wait(ctx context.Context, after uint64) error
	Verify(ctx context.Context) (journal.Summary, error)
}

// Options are what a Server is made from. Log may be nil.
type Options struct {
	Box     Box
	Journal Journal
	Users   users.Users
	// Terminals are those of the box.
	Terminals Terminals
	Evidence  Exporter // nil = it makes no evidence packs
	Path      string   // of the socket
	Log       *slog.Logger
	Version   string // of the daemon
}

// Server answers on the control socket of a box.
type Server struct {
	Options
	socket *socket.Server
}

// New makes a server. It opens nothing: see Run.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Options: o}
	now := func(ctx context.Context) time.Time { return o.Box.View(ctx).Now }
	s.socket = socket.New(socket.Options{
		Path: o.Path, Version: o.Version, Log: o.Log,
		Routes: slices.Concat(users.Routes(o.Users, now, o.Log), s.routes()), Streams: s.streams(),
		// The zone does not change while the daemon runs.
		Zone: sync.OnceValue(func() string { return zoneOf(o.Box.View(context.Background())).String() }),
	})
	return s
}

// Run listens on the socket until ctx ends, as Run of a socket.Server does.
func (s *Server) Run(ctx context.Context) error { return s.socket.Run(ctx) }
