package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

const (
	formBody      = 64 << 10         // bytes of a form of a few fields
	actBody       = 1 << 20          // of one that names many stores, items or devices
	registerLimit = 20 * time.Second // for what is only kept in the register
	actLimit      = time.Minute      // for what is done with stores
)

// form is one form, and the request of the API that does the same: what it has besides what all of them have.
type form struct {
	body    int64         // bytes at most
	limit   time.Duration // for everything that is done
	anybody bool          // who may only look may send it too
	// read finds out what is asked for. Its error is not in the audit log: nothing was asked for that could be named.
	read func(*change) (task, error)
}

// change is a request that changes something. Its context ends at the deadline of its form.
type change struct {
	*http.Request
	fields     url.Values // of a form
	name, role string     // who asks
	// deed is the line of the audit log, of a task as it was asked for; what comes of it may be filled in while it is done.
	deed board.Deed
}

// task is what a request asks for, with its verb, subject and text in the audit log.
type task struct {
	verb, subject, text string
	do                  func(*change) (reply, error)
	instead             *reply // nothing is changed: it is answered with this
}

// reply is what comes of a change: data for the API, and for people a page or the address where they go on.
type reply struct {
	data  any
	next  string // the address; "": there is a page
	page  string // its name
	title string
	body  any
	file  http.HandlerFunc // serves a file in place of both; nil: there is none
}

// changes serves a form and its request of the API: who asks, whether they may, a line in the audit log whatever comes of
// it, and the answer.
func (s *server) changes(f form) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), f.limit)
		defer cancel()
		r = r.WithContext(ctx)
		a, err := s.change(w, r, f)
		switch {
		case err != nil:
			s.fail(w, r, err)
		case ofAPI(r):
			s.json(w, r, http.StatusOK, a.data)
		case a.file != nil:
			a.file(w, r)
		case a.next != "":
			http.Redirect(w, r, a.next, http.StatusSeeOther)
		default:
			s.answers(func(w http.ResponseWriter, q *query) error {
				s.html(w, r, http.StatusOK, a.page, frame{Title: a.title, Q: q, Body: a.body})
				return nil
			})(w, r)
		}
	}
}

// change reads a request and does what it asks for.
func (s *server) change(w http.ResponseWriter, r *http.Request, f form) (reply, error) {
	r.Body = http.MaxBytesReader(w, r.Body, f.body)
	if err := r.ParseForm(); err != nil {
		return reply{}, refuse(http.StatusBadRequest, "bad_form", "The form cannot be read: "+err.Error()+".")
	}
	c := &change{Request: r, fields: r.PostForm}
	c.name, c.role = s.who(r)
	t, err := f.read(c)
	switch {
	case err != nil:
		return reply{}, err
	case t.instead != nil:
		return *t.instead, nil
	case s.Register == nil:
		return reply{}, s.mayChange(c.role)
	}
	c.deed = board.Deed{At: s.Now(), Actor: c.name, Origin: s.Origin(r), Verb: t.verb, Subject: t.subject, Text: t.text, Outcome: "ok"}
	var a reply
	if !f.anybody {
		err = s.mayChange(c.role)
	}
	if err == nil {
		a, err = t.do(c)
	}
	if noted := s.record(c, err); err == nil {
		err = noted
	}
	return a, err
}

// mayChange says why a role may change nothing, or nil.
func (s *server) mayChange(role string) error {
	switch {
	case s.Register == nil:
		return refuse(http.StatusConflict, "no_register", "This headquarters keeps nothing: start it with a database.")
	case !changer(role):
		return refuse(http.StatusForbidden, "not_allowed", "The role "+role+" may look, and not change anything. Ask a manager.")
	}
	return nil
}

// record writes a change into the audit log, also when its sender went away meanwhile. An error of which the task said
// nothing itself is a refusal.
func (s *server) record(c *change, err error) error {
	if err != nil && c.deed.Outcome == "ok" {
		c.deed.Outcome, c.deed.Text = "refused", err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), registerLimit)
	defer cancel()
	_, noted := s.Register.Record(ctx, c.deed)
	return noted
}

// by is who asks, as others read it.
func (c *change) by() string { return cmp.Or(c.name, "somebody") }

// field is a field of the form, "" where it was not sent.
func (c *change) field(name string) string { return c.fields.Get(name) }

// decode reads JSON, where the request has that in place of a form.
func (c *change) decode(into any) (found bool, err error) {
	if kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); kind != "application/json" {
		return false, nil
	}
	d := json.NewDecoder(c.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return true, refuse(http.StatusBadRequest, "bad_json", "The request cannot be read: "+err.Error()+".")
	}
	return true, nil
}

// changer reports whether a role may change things.
func changer(role string) bool { return role == Manager || role == Admin }

// ofAPI reports whether a request is one of the API, and wants data.
func ofAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }
