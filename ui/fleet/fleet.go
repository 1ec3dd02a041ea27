package fleet

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
)

// Source shows the board.
type Source interface {
	// View calls read while nobody changes the board. read must be short and keep no part of it.
	View(read func(*board.Board))
	// Changed returns a channel that is closed when the board has changed.
	Changed() <-chan struct{}
}

// History is what stores told, event by event.
type History interface {
	Events(ctx context.Context, q board.Query) ([]board.Event, error)
	Facts(ctx context.Context, store string, kinds ...board.Kind) ([]board.Fact, error)
}

// Register is what headquarters itself keeps.
type Register interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	// Keep stores a note of which Version is the one that was read; a newer one is an error.
	Keep(ctx context.Context, n board.Note) (board.Note, error)
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
	// NewestDeeds returns the deeds below a number, the newest first, limit at most; with 0 the newest of all.
	NewestDeeds(ctx context.Context, before int64, limit int) ([]board.Deed, error)
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

// Options is what the pages need. Source must be set.
type Options struct {
	Source   Source
	History  History  // nil: pages say that there is no history
	Register Register // nil: nothing can be acknowledged, and there is no audit log
	// Actor names who asks and what they may do; nil: nobody, who may look at everything.
	Actor func(*http.Request) (name, role string)
	// Origin is the address that a request comes from, for the audit log; nil: that of its connection.
	Origin func(*http.Request) string
	// Night draws a night of a store as SVG; nil: there are no pictures. No bytes and no error: there was no such night.
	Night func(ctx context.Context, store, date string) ([]byte, error)
	// Line says how headquarters hears; nil: it hears well.
	Line func() Line
	// Zone finds a time zone by its name, and nil where there is none; nil: those of this machine.
	Zone func(name string) *time.Location
	// Logout is where the form that logs out is sent; "": there is none.
	Logout string
	Now    func() time.Time // nil: time.Now
	// Comply says what is approved and by which policy compliance is judged; the register's exceptions
	// and the time are filled in. nil: the patches that the stores told of, by the default policy.
	Comply func() comply.Options
	// Tiers say when somebody higher is told of an item that nobody took on; nil: the usual times.
	Tiers   func(overview.Item) []time.Duration
	Version string
	// Shift says what became of everything in a night of a store; nil: there are no reports of nights by device.
	Shift func(ctx context.Context, store, date string) ([]Shift, error)
	// Signed says who signed a patch in a version of the catalog; nil, or a nil answer: that is not known.
	Signed  func(ctx context.Context, patch string, version int64) (*Signatures, error)
	Hinter  Hinter  // nil: no store can be asked to look
	Holds   Holds   // nil: no store can be held from here
	Stopper Stopper // nil: no patch can be stopped from here
	// Evidence makes evidence packs; nil: there are none.
	Evidence Evidence
	// Handbook is what people read; nil: there is none.
	Handbook Handbook
	Log      *slog.Logger // nil: none
}

// New returns the handler of the pages and the API. It starts nothing and may be used at once.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Actor == nil {
		o.Actor = func(*http.Request) (string, string) { return "", Viewer }
	}
	if o.Origin == nil {
		o.Origin = originOf
	}
	if o.Line == nil {
		o.Line = func() Line { return Line{Connected: true} }
	}
	s := &server{Options: o, overviews: newOverviewCache(o), reportCache: newReportCache(), viewCache: newViewCache(), morningCache: &morningCache{turn: make(chan struct{}, 1)}}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.serve)
	}
	s.files(mux)
	mux.HandleFunc("/", s.nowhere)
	foreign := http.NewCrossOriginProtection()
	foreign.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, refuse(http.StatusForbidden, "foreign", "This form was sent by another site. Nothing was done."))
	}))
	return guarded(foreign.Handler(mux))
}

type server struct {
	Options
	overviews    *overviewCache
	reportCache  *reportCache
	viewCache    *viewCache
	morningCache *morningCache
}

// route is one address and what serves it.
type route struct {
	pattern string
	serve   http.HandlerFunc
}

// reader gathers the data of a page, or of the answer of the API with the same data.
type reader func(q *query) (any, error)

// both serves a page and the API with the same data.
func (s *server) both(page, api, name string, read reader) []route {
	return []route{{"GET " + page, s.page(name, read)}, {"GET /api/v1" + api, s.data(read)}}
}

// routes is every address but the files'.
func (s *server) routes() []route {
	all := s.both("/{$}", "/summary", "tonight", s.tonight)
	all = append(all, s.both("/stores", "/stores", "stores", s.stores)...)
	all = append(all, s.both("/stores/{id}", "/stores/{id}", "store", s.store)...)
	all = append(all, s.both("/stores/{id}/nights/{date}", "/stores/{id}/nights/{date}", "night", s.night)...)
	all = append(all, s.both("/stores/{id}/devices/{device}", "/stores/{id}/devices/{device}", "device", s.device)...)
	all = append(all, s.both("/patches", "/patches", "patches", s.patches)...)
	all = append(all, s.both("/patches/{id}", "/patches/{id}", "patch", s.patch)...)
	all = append(all, s.both("/failures", "/failures", "failures", s.failures)...)
	all = append(all, s.both("/attention", "/attention", "attention", s.attention)...)
	say := s.changes(s.sayForm())
	all = append(all, route{"POST /attention", say}, route{"POST /api/v1/attention", say})
	all = append(all, s.both("/search", "/search", "search", s.search)...)
	all = append(all, s.both("/audit", "/audit", "audit", s.audit)...)
	all = append(all, route{"GET /stores/{id}/nights/{date}/picture.svg", s.picture})
	all = append(all, s.complianceRoutes()...)
	all = append(all, s.evidenceRoutes()...)
	all = append(all, s.viewRoutes()...)
	all = append(all, s.reportRoutes()...)
	all = append(all, s.actRoutes()...)
	stop := s.changes(s.stopForm())
	all = append(all, route{"POST /patches/{id}/hold", stop}, route{"POST /api/v1/patches/{id}/hold", stop})
	all = append(all, route{"GET /handbook", s.page("handbook", s.handbook)}, route{"GET /handbook/{topic}", s.page("handbook", s.handbook)})
	all = append(all, route{"GET /events", s.events}, route{"GET /api/v1/openapi.json", s.openapi})
	return all
}

// entry is a page in the navigation.
type entry struct{ Path, Word string }

// entries is the navigation, in its order.
func entries() []entry {
	return []entry{{"/", "Tonight"}, {"/stores", "Stores"}, {"/patches", "Patches"}, {"/failures", "Failures"}, {"/attention", "Needs someone"}, {"/compliance", "Compliance"}, {"/exceptions", "Exceptions"}, {"/reports", "Reports"}, {"/audit", "Audit"}}
}

// policy lets a page use headquarters' own files and nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded puts the policy on every answer; package daemon/serve adds what all answers of a program have.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r)
	})
}

// originOf is the address of the other end of a connection.
func originOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// who is the actor of a request.
func (s *server) who(r *http.Request) (name, role string) {
	name, role = s.Actor(r)
	return name, cmp.Or(role, Viewer)
}
