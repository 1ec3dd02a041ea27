package fleet

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/overviews"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance/export"
	"github.com/nightfill/nightfill/ui/fleet/page/reports"
)

// History is what stores told, event by event.
type History interface {
	Events(ctx context.Context, q board.Query) ([]board.Event, error)
	Facts(ctx context.Context, store string, kinds ...board.Kind) ([]board.Fact, error)
}

// Register is what headquarters itself keeps.
type Register interface {
	page.Notes
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
	// NewestDeeds returns the deeds below a number, the newest first, limit at most; with 0 the newest of all.
	NewestDeeds(ctx context.Context, before int64, limit int) ([]board.Deed, error)
}

// Options is what the pages need. Source must be set.
type Options struct {
	Source   page.Source
	History  History  // nil: pages say that there is no history
	Register Register // nil: nothing can be acknowledged, and there is no audit log
	// Actor names who asks and what they may do; nil: nobody, who may look at everything.
	Actor func(*http.Request) (name, role string)
	// Origin is the address that a request comes from, for the audit log; nil: that of its connection.
	Origin func(*http.Request) string
	// Night draws a night of a store as SVG; nil: there are no pictures. No bytes and no error: there was no such night.
	Night func(ctx context.Context, store, date string) ([]byte, error)
	// Line says how headquarters hears; nil: it hears well.
	Line func() page.Line
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
	Shift func(ctx context.Context, store, date string) ([]reports.Shift, error)
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
	s := newWhole(o)
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.Pattern, r.Serve)
	}
	return s.Guarded(mux)
}

// newWhole wires the packages of the pages. It starts nothing.
func newWhole(o Options) *whole {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Line == nil {
		o.Line = func() page.Line { return page.Line{Connected: true} }
	}
	s := &whole{
		needs: needs{o.History, o.Register, o.Night, o.Signed, o.Hinter, o.Holds, o.Stopper, o.Evidence, o.Handbook}, overviews: overviews.New(overviewsOf(o)),
		viewCache: newViewCache(),
	}
	c := page.Options{
		Source: o.Source, Overview: s.overviews.Get, Actor: o.Actor, Origin: o.Origin, Line: o.Line, Logout: o.Logout, Now: o.Now, Version: o.Version, Log: o.Log,
		Book: o.Handbook != nil, Views: s.viewsHere, Picks: func() page.Picks { return page.Picks{Hold: s.canHold(), Look: s.Hinter != nil} },
	}
	if o.Register != nil {
		c.Deeds = o.Register
	}
	s.Server = page.New(c)
	ask := reports.Options{Shift: o.Shift}
	ask.Days, _ = o.History.(reports.Days)
	ask.Firsts, _ = o.History.(reports.Firsts)
	ask.Records, _ = o.History.(reports.Records)
	judge := compliance.Options{Comply: o.Comply, Zone: s.overviews.Zone}
	judge.Records, _ = o.History.(export.Records)
	if o.Register != nil {
		judge.Notes = o.Register
	}
	s.compliance = compliance.New(s.Server, judge)
	s.reports = reports.New(s.Server, ask)
	return s
}

// overviewsOf is what overviews are made of.
func overviewsOf(o Options) overviews.Options {
	c := overviews.Options{Board: o.Source, Tiers: o.Tiers, Zone: o.Zone, Now: o.Now, Log: o.Log, Line: func() (bool, time.Time) {
		line := o.Line()
		return line.Connected, line.Since
	}}
	if o.Register != nil {
		c.Notes = o.Register
	}
	if o.Comply != nil {
		c.Approved = func() site.Catalog {
			judged := o.Comply()
			return site.Catalog{Patches: judged.Catalog, Issued: judged.Issued}
		}
	}
	return c
}

// needs are what the pages of this package read and do besides what all pages have.
type needs struct {
	History  History
	Register Register
	Night    func(ctx context.Context, store, date string) ([]byte, error)
	Signed   func(ctx context.Context, patch string, version int64) (*Signatures, error)
	Hinter   Hinter
	Holds    Holds
	Stopper  Stopper
	Evidence Evidence
	Handbook Handbook
}

// whole is every page that has no package of its own, beside those that have one.
type whole struct {
	*page.Server
	needs
	overviews  *overviews.Cache
	reports    *reports.Pages
	compliance *compliance.Pages
	viewCache  *viewCache
}

// routes is every address but the files'.
func (s *whole) routes() []page.Route {
	all := s.Both("/{$}", "/summary", "tonight", s.tonight)
	all = append(all, s.Both("/stores", "/stores", "stores", s.stores)...)
	all = append(all, s.Both("/stores/{id}", "/stores/{id}", "store", s.store)...)
	all = append(all, s.Both("/stores/{id}/nights/{date}", "/stores/{id}/nights/{date}", "night", s.night)...)
	all = append(all, s.Both("/stores/{id}/devices/{device}", "/stores/{id}/devices/{device}", "device", s.device)...)
	all = append(all, s.Both("/patches", "/patches", "patches", s.patches)...)
	all = append(all, s.Both("/patches/{id}", "/patches/{id}", "patch", s.patch)...)
	all = append(all, s.Both("/failures", "/failures", "failures", s.failures)...)
	all = append(all, s.Both("/attention", "/attention", "attention", s.attention)...)
	all = append(all, s.Post("/attention", s.sayForm())...)
	all = append(all, s.Both("/search", "/search", "search", s.search)...)
	all = append(all, s.Both("/audit", "/audit", "audit", s.audit)...)
	all = append(all, page.At("GET /stores/{id}/nights/{date}/picture.svg", s.picture))
	all = append(all, s.compliance.Routes()...)
	all = append(all, s.Both("/exceptions", "/exceptions", "exceptions", s.exceptions)...)
	all = append(all, s.Post("/exceptions", s.exceptionForm())...)
	all = append(all, s.evidenceRoutes()...)
	all = append(all, s.viewRoutes()...)
	all = append(all, s.reports.Routes()...)
	all = append(all, s.figureRoutes()...)
	all = append(all, s.Both("/stores/{id}/devices/{device}/patches/{patch}", "/stores/{id}/devices/{device}/patches/{patch}", "trace", s.trace)...)
	all = append(all, s.actRoutes()...)
	all = append(all, s.Post("/patches/{id}/hold", s.stopForm())...)
	all = append(all, page.At("GET /handbook", s.Page("handbook", s.handbook)), page.At("GET /handbook/{topic}", s.Page("handbook", s.handbook)))
	all = append(all, page.At("GET /events", s.events), page.At("GET /api/v1/openapi.json", s.OpenAPI))
	return all
}
