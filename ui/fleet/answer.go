package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nightfill/nightfill/ui/fleet/address"
)

// refusal is an answer to a request that cannot be carried out.
type refusal struct {
	status int
	code   string
	say    string
}

// Error returns the sentence that is shown.
func (r *refusal) Error() string { return r.say }

func refuse(status int, code, say string) error { return &refusal{status, code, say} }

// asRefusal makes an answer of any error; what a person cannot help is only in the log.
func (s *server) asRefusal(r *http.Request, err error) *refusal {
	var known *refusal
	if errors.As(err, &known) {
		return known
	}
	var unknown *address.Unknown
	if errors.As(err, &unknown) {
		return &refusal{http.StatusBadRequest, "bad_" + unknown.Name, unknown.Error()}
	}
	if !errors.Is(err, context.Canceled) {
		s.Log.Error("a page of headquarters was not answered", "path", r.URL.Path, "err", err)
	}
	return &refusal{http.StatusInternalServerError, "internal", "Headquarters cannot answer this now. Its log says why."}
}

// wrong is the form of an error of the API.
type wrong struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// fail answers with an error, in the form that the address has.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	why := s.asRefusal(r, err)
	if ofAPI(r) {
		var v wrong
		v.Error.Code, v.Error.Message = why.code, why.say
		s.json(w, r, why.status, v)
		return
	}
	s.html(w, r, why.status, "error", frame{Title: http.StatusText(why.status), Body: why.say})
}

// nowhere answers what no other route does.
func (s *server) nowhere(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, refuse(http.StatusNotFound, "not_found", "There is no such page."))
}

// answers serves a request that asks for something. An error of give is answered too: nothing may have been sent by then.
func (s *server) answers(give func(w http.ResponseWriter, q *query) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := s.ask(r)
		if err == nil {
			err = give(w, q)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// data serves the data of a page as JSON.
func (s *server) data(read reader) http.HandlerFunc {
	return s.answers(func(w http.ResponseWriter, q *query) error {
		v, err := read(q)
		if err == nil {
			s.json(w, q.Request, http.StatusOK, v)
		}
		return err
	})
}

func (s *server) json(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(inUTC(v))
	if err != nil {
		s.Log.Error("cannot write an answer of the API", "path", r.URL.Path, "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"Headquarters cannot answer this now. Its log says why."}}`)
	}
	s.send(w, r, status, "application/json", append(body, '\n'))
}

// page serves data as a page.
func (s *server) page(name string, read reader) http.HandlerFunc {
	return s.answers(func(w http.ResponseWriter, q *query) error {
		v, err := read(q)
		if err != nil {
			return err
		}
		title := name
		if t, ok := v.(interface{ title() string }); ok {
			title = t.title()
		}
		s.html(w, q.Request, http.StatusOK, name, frame{Title: title, Q: q, Body: v})
		return nil
	})
}

// html renders into memory first: half a page would be worse than none.
func (s *server) html(w http.ResponseWriter, r *http.Request, status int, name string, f frame) {
	f.complete(s, r)
	var buf bytes.Buffer
	if err := pages().ExecuteTemplate(&buf, name, f); err != nil {
		s.Log.Error("cannot render a page of headquarters", "page", name, "err", err)
		http.Error(w, "Headquarters cannot show this page. Its log says why.", http.StatusInternalServerError)
		return
	}
	s.send(w, r, status, "text/html; charset=utf-8", buf.Bytes())
}

// squeezeFrom is how long an answer is at least to be sent compressed, in bytes.
const squeezeFrom = 2048

// send answers with a body, compressed where the reader takes that.
func (s *server) send(w http.ResponseWriter, r *http.Request, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= squeezeFrom && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = squeezed(body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("a reader of headquarters went away", "err", err)
	}
}

func squeezed(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic("internal error: memory cannot be written: " + err.Error())
	}
	return b.Bytes()
}

// frame is what every page has around it.
type frame struct {
	Title   string // of the window
	Q       *query // nil: the page stands for an error
	Body    any
	Org     string
	Version string
	Name    string // who looks; "" = nobody in particular
	Role    string
	Path    string
	Logout  string
	Book    bool // there is a handbook
	TV      bool
	UTC     bool // times are in UTC and not in those of the stores
	Line    Line
	Nav     []entry
	Total   int // of the list that the page is; -1 = it is none
	Views   *ViewList
}

func (f *frame) complete(s *server, r *http.Request) {
	f.Version, f.Path, f.Logout, f.Line, f.Nav = s.Version, r.URL.Path, s.Logout, s.Line(), entries()
	f.Name, f.Role = s.who(r)
	f.Book, f.Total = s.Handbook != nil, -1
	if l, ok := f.Body.(interface{ count() int }); ok {
		f.Total = l.count()
	}
	if f.Q != nil {
		f.Org = f.Q.overview.Org
		f.TV = f.Q.values.Get("tv") == "1"
		f.UTC = f.Q.values.Get("times") == "utc"
		f.Views = s.viewsHere(f.Q)
	}
}

// May reports whether the one who looks may change things.
func (f frame) May() bool { return changer(f.Role) }

// At reports whether an entry of the navigation is the page's own.
func (f frame) At(e entry) bool {
	return f.Path == e.Path || e.Path != "/" && strings.HasPrefix(f.Path, e.Path+"/")
}

// Bad reports whether headquarters itself does not hear well.
func (l Line) Bad() bool { return !l.Connected || l.Lag > 10 }

// pages are parsed when the first one is wanted: a command that shows none does not wait for them.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(words()).ParseFS(pageFiles, "pages/*.html"))
})
