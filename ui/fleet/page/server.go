package page

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
)

// Source shows the board.
type Source interface {
	// View calls read while nobody changes the board. read must be short and keep no part of it.
	View(read func(*board.Board))
	// Changed returns a channel that is closed when the board has changed.
	Changed() <-chan struct{}
}

// Deeds is headquarters' own audit log.
type Deeds interface {
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
}

// Line is how headquarters itself hears: a broker that is away is no store that is away.
type Line struct {
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"`
	Lag       float64   `json:"lag_s"`      // how long after its arrival a message is stored, in seconds
	Gaps      int       `json:"gaps"`       // holes in the histories of stores that are asked for
	Unread    int       `json:"unread"`     // messages that could not be read
	Leader    bool      `json:"leader"`     // this program, of several, does what only one may do
	PerSecond float64   `json:"per_second"` // events stored a second
}

// Roles say what an actor may do.
const (
	Viewer  = "viewer"
	Manager = "manager" // a patch manager: may acknowledge, shelve and except
	Admin   = "admin"
)

// Options is what every page needs. Source, Overview, Now, Line and Log must be set.
type Options struct {
	Source   Source
	Overview func(context.Context) (*overview.Overview, error) // of now
	Deeds    Deeds                                             // nil: nothing can be changed
	// Actor names who asks and what they may do; nil: nobody, who may look at everything.
	Actor func(*http.Request) (name, role string)
	// Origin is the address that a request comes from, for the audit log; nil: that of its connection.
	Origin  func(*http.Request) string
	Line    func() Line
	Logout  string // where the form that logs out is sent; "": there is none
	Now     func() time.Time
	Version string
	Book    bool             // there is a handbook
	Views   func(*Query) any // the menu of the views of a page; nil: there is none
	Picks   func() Picks     // what may be done with stores that are chosen; nil: nothing
	Log     *slog.Logger
}

// Server answers requests in the way of all pages.
type Server struct {
	Options
}

// New makes one. It starts nothing.
func New(o Options) *Server {
	if o.Actor == nil {
		o.Actor = func(*http.Request) (string, string) { return "", Viewer }
	}
	if o.Origin == nil {
		o.Origin = originOf
	}
	if o.Views == nil {
		o.Views = func(*Query) any { return nil }
	}
	if o.Picks == nil {
		o.Picks = func() Picks { return Picks{} }
	}
	return &Server{o}
}

// Route is one address and what serves it.
type Route struct {
	Pattern string
	Serve   http.HandlerFunc
}

// Reader gathers the data of a page, or of the answer of the API with the same data.
type Reader func(q *Query) (any, error)

// At serves an address.
func At(pattern string, serve http.HandlerFunc) Route { return Route{pattern, serve} }

// Post serves a form, and the request of the API that does the same.
func (s *Server) Post(path string, f Form) []Route {
	serve := s.Changes(f)
	return []Route{{"POST " + path, serve}, {"POST /api/v1" + path, serve}}
}

// Both serves a page and the API with the same data.
func (s *Server) Both(page, api, name string, read Reader) []Route {
	return []Route{{"GET " + page, s.Page(name, read)}, {"GET /api/v1" + api, s.Data(read)}}
}

// entry is a page in the navigation.
type entry struct{ Path, Word string }

// entries is the navigation, in its order.
func entries() []entry {
	return []entry{{"/", "Tonight"}, {"/stores", "Stores"}, {"/patches", "Patches"}, {"/failures", "Failures"}, {"/attention", "Needs someone"}, {"/compliance", "Compliance"}, {"/exceptions", "Exceptions"}, {"/reports", "Reports"}, {"/audit", "Audit"}}
}

// Guarded serves the routes of a mux, the files of the pages, and says so where there is no page. It puts the policy on
// every answer and refuses forms of other sites; package daemon/serve adds what all answers of a program have.
func (s *Server) Guarded(mux *http.ServeMux) http.Handler {
	s.files(mux)
	mux.HandleFunc("/", s.nowhere)
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, Refuse(http.StatusForbidden, "foreign", "This form was sent by another site. Nothing was done."))
	}))
	next := foreign.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// policy lets a page use headquarters' own files and nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// originOf is the address of the other end of a connection.
func originOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Who is the actor of a request.
func (s *Server) Who(r *http.Request) (name, role string) {
	name, role = s.Actor(r)
	return name, cmp.Or(role, Viewer)
}
