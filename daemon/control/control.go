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
	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Box is the daemon as the control socket needs it. A call may be given up when ctx ends.
// Errors that are an *Error or a *site.Reason reach the person who asked with their code.
type Box interface {
	Viewer
	Keeper
	Supplier
	Toucher
	Handler
	Bundler
}

// Viewer shows what the box knows, without touching a device.
type Viewer interface {
	// View returns everything that the views are made of.
	View(ctx context.Context) view.Facts
	// Cache returns what the store has of its catalog and of the artifacts that it needs.
	Cache(ctx context.Context) (cache.Cache, error)
	// Why answers for one patch on a device, or for every one when patch is "".
	Why(ctx context.Context, device, patch string) ([]view.Answer, error)
	// NightAt folds a night from the journal; the zero date is the newest. Nil = there is no such night.
	NightAt(ctx context.Context, date window.Date) (*view.Night, error)
	// Replay asks the rules about a night again; the zero date is the newest. Nil = there is no such night.
	Replay(ctx context.Context, date window.Date) (*played.Replay, error)
}

// Keeper writes down what a person wants.
type Keeper interface {
	Hold(ctx context.Context, hold site.Hold) error
	// Release lets go what is kept from work under a name, as run.Release finds it. The reason may be "".
	Release(ctx context.Context, name, reason, actor string) error
	// Ack takes an alarm on, by its code, and returns it as it is then.
	Ack(code, reason, actor string) (site.Alarm, error)
	// ConfirmClock takes a person's word that the clock is right where the journal has later times, and returns
	// why it is not trusted then; nil = it is.
	ConfirmClock(reason, actor string) (*site.Reason, error)
	// Enrol pins a host key for a device. The reason may be "".
	Enrol(ctx context.Context, device, key, reason, actor string) error
}

// Supplier brings the signed catalog into the store.
type Supplier interface {
	// Refresh fetches the catalog now and reports whether it is a new generation.
	Refresh(ctx context.Context) (site.Catalog, bool, error)
	// Import takes a catalog and its artifacts from a directory, as from a USB stick.
	Import(ctx context.Context, dir string) (site.Catalog, error)
}

// Toucher looks at the devices now; nothing on them is changed.
type Toucher interface {
	// Forecast plans the window that is open at the moment at or the next one after it; zero = now.
	Forecast(ctx context.Context, at time.Time) (forecast.Scene, error)
	// CheckNow carries out every readiness check and judges the results.
	CheckNow(ctx context.Context) (ready.Report, []site.CheckResult, error)
	// HostKey asks the device for the key that it offers, without logging in.
	HostKey(ctx context.Context, device string) (key, fingerprint string, err error)
	// Diagnose looks at one device.
	Diagnose(ctx context.Context, device string) (view.Diagnosis, error)
	// DiagnoseBy carries out one check of a device, with what it needs.
	DiagnoseBy(ctx context.Context, device, check string) (view.Diagnosis, error)
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
