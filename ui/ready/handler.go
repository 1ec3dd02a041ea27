// Package ready serves the page that tells a store manager whether the store can
// open, and the same answer for machines. The page is complete without
// JavaScript, asks nothing of other hosts and can be read from across a room.
//
// It decides nothing (see site/ready) and stores nothing. It needs no login
// because it shows no personal data and does two things only: it asks for another
// look, and where the store file says so it lets the manager stop the coming night with a PIN.
package ready

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/ready/words"
)

// checkEvery is how often a reader may ask for another look.
const checkEvery = time.Minute

//go:embed page.html ready.css ready.js
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// policy lets the page use its own style and script and nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Options is what the pages need. Report must be set.
type Options struct {
	Report     func(language string) ready.Report // judges at the moment of the call; called once for each request
	Check      func(ctx context.Context) error    // asks for another look and does not wait for it; nil = the page has no button
	NotTonight *NotTonight                        // lets the manager stop the coming night; nil = nobody can here
	Next       func() time.Time                   // when the next look is due; nil or zero = not known
	Zone       *time.Location                     // of the store; nil = UTC
	Language   string                             // tag of the language of the store
	Store      string                             // as the page names it: "0142 Springfield East"
	Call       string                             // whom to call when the box itself does not know
	Contacts   []site.Contact                     // of the store, with a phone or without
	Phone      string                             // empty = nobody
	Log        *slog.Logger                       // nil = none
}

// Handler serves /, /ready, /ready.json, /ready.txt, POST /check, /tonight with its form where the manager may
// stop a night, and the two files that the page uses.
// Everything else is not found. Every answer carries X-Ready and is never to be cached.
func Handler(o Options) http.Handler {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{Options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /ready", s.page)
	mux.HandleFunc("GET /ready.json", s.json)
	mux.HandleFunc("GET /ready.txt", s.text)
	mux.HandleFunc("GET /ready.css", s.file("ready.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /ready.js", s.file("ready.js", "text/javascript; charset=utf-8"))
	if o.Check != nil {
		mux.HandleFunc("POST /check", s.check)
	}
	if o.NotTonight != nil {
		mux.HandleFunc("GET /tonight", s.skipForm)
		mux.HandleFunc("POST /tonight", s.skip)
	}
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(w, r, http.StatusForbidden, "foreign")
	}))
	return s.judged(sameOrigin.Handler(mux))
}

type server struct {
	Options
	mu    sync.Mutex
	asked time.Time // when a look was last asked for

	pages rendered
}

// reportKey is where judged keeps the report of a request.
type reportKey struct{}

// judged judges once for a request, so that its header and its body say the same.
func (s *server) judged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report := s.Report(s.language(r))
		h := w.Header()
		h.Set("X-Ready", lookOf(report.Verdict).Class)
		h.Set("Cache-Control", "no-store") // a word that is old is wrong
		h.Set("Content-Security-Policy", policy)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), reportKey{}, report)))
	})
}

func reportOf(r *http.Request) ready.Report {
	report, ok := r.Context().Value(reportKey{}).(ready.Report)
	if !ok {
		return ready.Report{Verdict: site.CannotTell}
	}
	return report
}

func (s *server) page(w http.ResponseWriter, r *http.Request) {
	name := "page"
	if asks(r, "fragment") {
		name = "fragment"
	}
	report, now, k, asked, zip := reportOf(r), time.Now().In(s.Zone), kindOf(r), asks(r, "asked"), takesGzip(r)
	w.Header().Set("Vary", "Accept-Encoding")
	body := s.pages.page(fmt.Sprint(name, k, asked), s.shownNow(report, now), zip, func() []byte {
		return s.render(name, s.newView(report, now, k, asked))
	})
	if body == nil {
		http.Error(w, ready.Word(site.CannotTell), http.StatusInternalServerError)
		return
	}
	if zip {
		w.Header().Set("Content-Encoding", "gzip")
	}
	s.send(w, http.StatusOK, "text/html; charset=utf-8", body)
}

// asks reports whether the query asks for a kind of page, for example ?kiosk=1.
func asks(r *http.Request, name string) bool { return r.URL.Query().Get(name) == "1" }

// kindOf is the kind of page that a request asks for.
func kindOf(r *http.Request) kind {
	k := kind{Kiosk: asks(r, "kiosk"), Big: asks(r, "big")}
	if tag := r.URL.Query().Get("lang"); words.Known(tag) {
		k.Lang = tag
	}
	return k
}

// language is the language of an answer: the one that is asked for, else that of the store, but for
// the document, which machines compare: that is English.
func (s *server) language(r *http.Request) string {
	switch k := kindOf(r); {
	case k.Lang != "":
		return k.Lang
	case r.URL.Path == "/ready.json":
		return words.Default
	}
	return s.Language
}

// render renders into memory first: half a page would be worse than none. It returns nil for a page that it cannot make.
func (s *server) render(name string, v any) []byte {
	var buf bytes.Buffer
	if err := page.ExecuteTemplate(&buf, name, v); err != nil {
		s.Log.Error("cannot render the ready page", "template", name, "err", err)
		return nil
	}
	return buf.Bytes()
}

func (s *server) html(w http.ResponseWriter, status int, name string, v any) {
	body := s.render(name, v)
	if body == nil {
		http.Error(w, ready.Word(site.CannotTell), http.StatusInternalServerError)
		return
	}
	s.send(w, status, "text/html; charset=utf-8", body)
}

func (s *server) send(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("a reader of the ready page went away", "err", err)
	}
}

func (s *server) json(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(reportOf(r).Document())
	if err != nil {
		s.Log.Error("cannot encode the ready document", "err", err)
		http.Error(w, ready.Word(site.CannotTell), http.StatusInternalServerError)
		return
	}
	s.send(w, http.StatusOK, "application/json", append(body, '\n'))
}

func (s *server) text(w http.ResponseWriter, r *http.Request) {
	s.send(w, http.StatusOK, "text/plain; charset=utf-8", []byte(reportOf(r).Line()+"\n"))
}

func (s *server) file(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := files.ReadFile(name)
		if err != nil {
			panic("internal error: the file " + name + " is not embedded")
		}
		s.send(w, http.StatusOK, kind, body)
	}
}

// check asks for another look, at most once a minute for all readers together.
func (s *server) check(w http.ResponseWriter, r *http.Request) {
	if wait := s.reserve(time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		s.note(w, r, http.StatusTooManyRequests, "too_soon")
		return
	}
	if err := s.Check(r.Context()); err != nil {
		s.Log.Warn("cannot start the check that a reader asked for", "err", err)
		s.note(w, r, http.StatusServiceUnavailable, "failed")
		return
	}
	to := "/?asked=1"
	if query := kindOf(r).query(); query != "" {
		to = "/" + query + "&asked=1"
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// reserve takes the minute that begins now, or returns how long the present one lasts. A clock that
// was set back does not lock readers out.
func (s *server) reserve(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := checkEvery - now.Sub(s.asked); !s.asked.IsZero() && wait > 0 && wait <= checkEvery {
		return wait
	}
	s.asked = now
	return 0
}

// note answers a form with one of the texts and a way back.
func (s *server) note(w http.ResponseWriter, r *http.Request, status int, key string) {
	s.say(w, r, status, words.For(s.language(r)).Say(key))
}

// say answers with one or two sentences and a way back, which the browser takes by itself after a minute: nobody may
// be there to press it, and the answer shows no verdict.
func (s *server) say(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Refresh", "60; url=/"+kindOf(r).query())
	s.html(w, status, "note", view{W: words.For(s.language(r)), Text: text, Query: kindOf(r).query()})
}
