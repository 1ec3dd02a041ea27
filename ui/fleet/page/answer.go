package page

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nightfill/nightfill/ui/fleet/page/address"
	"github.com/nightfill/nightfill/ui/fleet/page/utc"
)

// Refusal is an answer to a request that cannot be carried out.
type Refusal struct {
	status int
	Code   string
	say    string
}

// Error returns the sentence that is shown.
func (r *Refusal) Error() string { return r.say }

// Refuse is the error of a request that cannot be carried out: its status, a word for programs and a sentence for people.
func Refuse(status int, code, say string) error { return &Refusal{status, code, say} }

// asRefusal makes an answer of any error; what a person cannot help is only in the log.
func (s *Server) asRefusal(r *http.Request, err error) *Refusal {
	var known *Refusal
	if errors.As(err, &known) {
		return known
	}
	var unknown *address.Unknown
	if errors.As(err, &unknown) {
		return &Refusal{http.StatusBadRequest, "bad_" + unknown.Name, unknown.Error()}
	}
	if !errors.Is(err, context.Canceled) {
		s.Log.Error("a page of headquarters was not answered", "path", r.URL.Path, "err", err)
	}
	return &Refusal{http.StatusInternalServerError, "internal", "Headquarters cannot answer this now. Its log says why."}
}

// Wrong is the form of an error of the API.
type Wrong struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// Fail answers with an error, in the form that the address has.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	why := s.asRefusal(r, err)
	if ofAPI(r) {
		var v Wrong
		v.Error.Code, v.Error.Message = why.Code, why.say
		s.json(w, r, why.status, v)
		return
	}
	s.html(w, r, why.status, "error", Frame{Title: http.StatusText(why.status), Body: why.say})
}

// nowhere answers what no other route does.
func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) {
	s.Fail(w, r, Refuse(http.StatusNotFound, "not_found", "There is no such page."))
}

// Answers serves a request that asks for something. An error of give is answered too: nothing may have been sent by then.
func (s *Server) Answers(give func(w http.ResponseWriter, q *Query) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := s.Ask(r)
		if err == nil {
			err = give(w, q)
		}
		if err != nil {
			s.Fail(w, r, err)
		}
	}
}

// Data serves the data of a page as JSON.
func (s *Server) Data(read Reader) http.HandlerFunc {
	return s.Answers(func(w http.ResponseWriter, q *Query) error {
		v, err := read(q)
		if err == nil {
			s.json(w, q.Request, http.StatusOK, v)
		}
		return err
	})
}

func (s *Server) json(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(utc.Copy(v))
	if err != nil {
		s.Log.Error("cannot write an answer of the API", "path", r.URL.Path, "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"Headquarters cannot answer this now. Its log says why."}}`)
	}
	s.Send(w, r, status, "application/json", append(body, '\n'))
}

// Titled is data that has a title of its own, for the window of its page.
type Titled interface{ PageTitle() string }

// Page serves data as a page.
func (s *Server) Page(name string, read Reader) http.HandlerFunc {
	return s.Answers(func(w http.ResponseWriter, q *Query) error {
		v, err := read(q)
		if err != nil {
			return err
		}
		title := name
		if t, ok := v.(Titled); ok {
			title = t.PageTitle()
		}
		s.html(w, q.Request, http.StatusOK, name, Frame{Title: title, Q: q, Body: v})
		return nil
	})
}

// html renders into memory first: half a page would be worse than none.
func (s *Server) html(w http.ResponseWriter, r *http.Request, status int, name string, f Frame) {
	f.complete(s, r)
	var buf bytes.Buffer
	if err := Render(&buf, name, f); err != nil {
		s.Log.Error("cannot render a page of headquarters", "page", name, "err", err)
		http.Error(w, "Headquarters cannot show this page. Its log says why.", http.StatusInternalServerError)
		return
	}
	s.Send(w, r, status, "text/html; charset=utf-8", buf.Bytes())
}

// squeezeFrom is how long an answer is at least to be sent compressed, in bytes.
const squeezeFrom = 2048

// Send answers with a body, compressed where the reader takes that.
func (s *Server) Send(w http.ResponseWriter, r *http.Request, status int, kind string, body []byte) {
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

// Frame is what every page has around it.
type Frame struct {
	Title   string // of the window
	Q       *Query // nil: the page stands for an error
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
	Views   any
}

// Framed is the Frame around data, for a page that is rendered in parts.
func (s *Server) Framed(q *Query, title string, body any) Frame {
	f := Frame{Title: title, Q: q, Body: body}
	f.complete(s, q.Request)
	return f
}

// Render writes a page, or a part of one.
func Render(w io.Writer, name string, f Frame) error { return pages().ExecuteTemplate(w, name, f) }

func (f *Frame) complete(s *Server, r *http.Request) {
	f.Version, f.Path, f.Logout, f.Line, f.Nav = s.Version, r.URL.Path, s.Logout, s.Line(), entries()
	f.Name, f.Role = s.Who(r)
	f.Book, f.Total = s.Book, -1
	if l, ok := f.Body.(interface{ Counted() int }); ok {
		f.Total = l.Counted()
	}
	if f.Q != nil {
		f.Org = f.Q.Overview.Org
		f.TV = f.Q.Values.Get("tv") == "1"
		f.UTC = f.Q.Values.Get("times") == "utc"
		f.Views = s.Views(f.Q)
	}
}

// May reports whether the one who looks may change things.
func (f Frame) May() bool { return CanChange(f.Role) }

// At reports whether an entry of the navigation is the page's own.
func (f Frame) At(e entry) bool {
	return f.Path == e.Path || e.Path != "/" && strings.HasPrefix(f.Path, e.Path+"/")
}

// Bad reports whether headquarters itself does not hear well.
func (l Line) Bad() bool { return !l.Connected || l.Lag > 10 }

// pages are parsed when the first one is wanted: a command that shows none does not wait for them.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(words()).ParseFS(pageFiles, "html/*.html"))
})

// Picks is what the bar below chosen stores offers.
type Picks struct{ Hold, Look bool }

// Picks is what may be done with the stores that are chosen.
func (f Frame) Picks() Picks { return f.Q.server.Picks() }
