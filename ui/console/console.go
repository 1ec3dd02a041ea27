package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// Box is the store's appliance as the console needs it. Any number of goroutines may use it.
type Box interface {
	live.Box
	order.Box
	Questions
	// Picture draws a night as SVG; "" is the newest. Nil = there is no such night.
	Picture(ctx context.Context, night string) ([]byte, error)
	// Bundle writes a support bundle as a zip, of a device or, when device is "", of the whole store, and writes
	// down who took it. When it fails before it wrote anything, nothing was done.
	Bundle(ctx context.Context, device, reason, actor string, w io.Writer) error
}

// Accounts are the local accounts of the box.
type Accounts interface {
	live.Sessions
	order.Rights
	Door
	Exit
	Claims
	Own
	App
}

// Handbook are pages that tell people how to work with the box. They are part of the program.
type Handbook interface {
	// HTML renders a page: its title, and what is below that. base is what the addresses of pages begin
	// with. The topic "" is the list of all pages; ok is false when there is no such page.
	HTML(topic, base string) (title, body string, ok bool)
}

// Options are what a Console is made from.
type Options struct {
	Box      Box
	Journal  Journal
	Accounts Accounts
	Handbook Handbook
	// Terminals is nil on a box that opens none.
	Terminals Terminals
	Store     string         // the number of the store, which is typed for severe actions
	Name      string         // of the store
	Zone      *time.Location // of the store; nil = UTC
	Version   string         // of the program
	Log       *slog.Logger   // nil = none
	Limits    live.Limits    // zero = live.Usual
}

// Console serves the pages and the websocket.
type Console struct {
	Options
	board   *live.Board
	sockets *live.Lines
}

// New makes a console. It starts nothing: see Run.
func New(o Options) *Console {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limits == (live.Limits{}) {
		o.Limits = live.Usual()
	}
	c := &Console{Options: o, board: live.NewBoard(o.Box, o.Journal.Last)}
	c.sockets = live.New(live.Options{
		Board: c.board, Journal: o.Journal, Sessions: o.Accounts, Terminals: o.Terminals, Who: c.user,
		Orders: &order.Book{Box: o.Box, Rights: o.Accounts, Store: c.board, Number: o.Store, Log: o.Log, Judged: c.board.Renew},
		Store:  o.Store, Name: o.Name, Zone: o.Zone, Version: o.Version, Log: o.Log, Limits: o.Limits,
	})
	return c
}

// Run keeps the documents fresh until ctx ends, and then ends every socket and waits for it.
func (c *Console) Run(ctx context.Context) error {
	c.board.Run(ctx)
	c.sockets.End()
	return nil
}

// Handler serves /console and what is below it. Everything else is not found.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, near := range []string{"GET /{$}", "GET /console/{$}"} {
		mux.HandleFunc(near, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/console", http.StatusSeeOther) })
	}
	mux.HandleFunc("GET /console", c.app)
	mux.HandleFunc("POST /console/login", c.login)
	mux.HandleFunc("POST /console/logout", c.logout)
	mux.HandleFunc("POST /console/claim", c.claim)
	mux.HandleFunc("GET /console/device/{id}", c.known(c.devicePage))
	mux.HandleFunc("GET /console/journal", c.known(c.journalPage))
	mux.HandleFunc("GET /console/handbook", c.known(c.handbook))
	mux.HandleFunc("GET /console/handbook/{topic}", c.known(c.handbook))
	mux.HandleFunc("GET /console/night.svg", c.known(c.picture))
	mux.HandleFunc("GET /console/api/{question}", c.known(c.question))
	mux.HandleFunc("GET /console/api/journal", c.known(c.records))
	mux.HandleFunc("GET /console/api/cache", c.known(c.cache))
	mux.HandleFunc("GET /console/api/verify", c.known(c.verify))
	mux.HandleFunc("GET /console/account", c.enrolling(c.account))
	mux.HandleFunc("POST /console/account/{what}", c.enrolling(c.changeAccount))
	mux.HandleFunc("POST /console/bundle", c.known(c.bundle))
	mux.Handle("GET /console/ws", c.sockets)
	if c.Terminals != nil {
		mux.HandleFunc("GET /console/api/recordings", c.known(c.recordings))
		mux.HandleFunc("GET /console/recording/{name}", c.known(c.recording))
		mux.HandleFunc("GET /console/play/{id}", c.known(c.play))
	}
	c.assets(mux)
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This form was sent by another site. Nothing was done.", http.StatusForbidden)
	}))
	return guarded(foreign.Handler(mux))
}
