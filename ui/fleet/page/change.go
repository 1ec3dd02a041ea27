package page

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// How large a form may be, and how long what it asks for may take.
const (
	FormBody      = 64 << 10         // bytes of a form of a few fields
	ActBody       = 1 << 20          // of one that names many stores, items or devices
	RegisterLimit = 20 * time.Second // for what is only kept in the register
	ActLimit      = time.Minute      // for what is done with stores
)

// Form is one form, and the request of the API that does the same: what it has besides what all of them have.
type Form struct {
	Body    int64         // bytes at most
	Limit   time.Duration // for everything that is done
	Anybody bool          // who may only look may send it too
	// Read finds out what is asked for. Its error is not in the audit log: nothing was asked for that could be named.
	Read func(*Change) (Task, error)
}

// Change is a request that changes something. Its context ends at the deadline of its form.
type Change struct {
	*http.Request
	Fields     url.Values // of a form
	Name, Role string     // who asks
	// Deed is the line of the audit log, of a task as it was asked for; what comes of it may be filled in while it is done.
	Deed board.Deed
}

// Task is what a request asks for, with its verb, subject and text in the audit log.
type Task struct {
	Verb, Subject, Text string
	Do                  func(*Change) (Reply, error)
	Instead             *Reply // nothing is changed: it is answered with this
}

// Reply is what comes of a change: data for the API, and for people a page or the address where they go on.
type Reply struct {
	Data  any
	Next  string // the address; "": there is a page
	Page  string // its name
	Title string
	Body  any
	File  http.HandlerFunc // serves a file in place of both; nil: there is none
}

// Changes serves a form and its request of the API: who asks, whether they may, a line in the audit log whatever comes of
// it, and the answer.
func (s *Server) Changes(f Form) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), f.Limit)
		defer cancel()
		r = r.WithContext(ctx)
		a, err := s.change(w, r, f)
		switch {
		case err != nil:
			s.Fail(w, r, err)
		case ofAPI(r):
			s.json(w, r, http.StatusOK, a.Data)
		case a.File != nil:
			a.File(w, r)
		case a.Next != "":
			http.Redirect(w, r, a.Next, http.StatusSeeOther)
		default:
			s.Answers(func(w http.ResponseWriter, q *Query) error {
				s.html(w, r, http.StatusOK, a.Page, Frame{Title: a.Title, Q: q, Body: a.Body})
				return nil
			})(w, r)
		}
	}
}

// Change reads a request and does what it asks for.
func (s *Server) change(w http.ResponseWriter, r *http.Request, f Form) (Reply, error) {
	r.Body = http.MaxBytesReader(w, r.Body, f.Body)
	if err := r.ParseForm(); err != nil {
		return Reply{}, Refuse(http.StatusBadRequest, "bad_form", "The form cannot be read: "+err.Error()+".")
	}
	c := &Change{Request: r, Fields: r.PostForm}
	c.Name, c.Role = s.Who(r)
	t, err := f.Read(c)
	switch {
	case err != nil:
		return Reply{}, err
	case t.Instead != nil:
		return *t.Instead, nil
	case s.Deeds == nil:
		return Reply{}, s.MayChange(c.Role)
	}
	c.Deed = board.Deed{At: s.Now(), Actor: c.Name, Origin: s.Origin(r), Verb: t.Verb, Subject: t.Subject, Text: t.Text, Outcome: "ok"}
	var a Reply
	if !f.Anybody {
		err = s.MayChange(c.Role)
	}
	if err == nil {
		a, err = t.Do(c)
	}
	if noted := s.record(c, err); err == nil {
		err = noted
	}
	return a, err
}

// MayChange says why a role may change nothing, or nil.
func (s *Server) MayChange(role string) error {
	switch {
	case s.Deeds == nil:
		return Refuse(http.StatusConflict, "no_register", "This headquarters keeps nothing: start it with a database.")
	case !CanChange(role):
		return Refuse(http.StatusForbidden, "not_allowed", "The role "+role+" may look, and not change anything. Ask a manager.")
	}
	return nil
}

// record writes a change into the audit log, also when its sender went away meanwhile. An error of which the task said
// nothing itself is a refusal.
func (s *Server) record(c *Change, err error) error {
	if err != nil && c.Deed.Outcome == "ok" {
		c.Deed.Outcome, c.Deed.Text = "refused", err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), RegisterLimit)
	defer cancel()
	_, noted := s.Deeds.Record(ctx, c.Deed)
	return noted
}

// By is who asks, as others read it.
func (c *Change) By() string { return cmp.Or(c.Name, "somebody") }

// Field is a field of the form, "" where it was not sent.
func (c *Change) Field(name string) string { return c.Fields.Get(name) }

// Decode reads JSON, where the request has that in place of a form.
func (c *Change) Decode(into any) (found bool, err error) {
	if kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); kind != "application/json" {
		return false, nil
	}
	d := json.NewDecoder(c.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return true, Refuse(http.StatusBadRequest, "bad_json", "The request cannot be read: "+err.Error()+".")
	}
	return true, nil
}

// Notes keeps notes.
type Notes interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	// Keep stores a note of which Version is the one that was read; a newer one is an error.
	Keep(ctx context.Context, n board.Note) (board.Note, error)
}

// Keep keeps a note. That somebody else was quicker is an answer; every other error is of headquarters itself.
func Keep(ctx context.Context, r Notes, n board.Note) error {
	_, err := r.Keep(ctx, n)
	if errors.Is(err, board.ErrConflict) {
		return Refuse(http.StatusConflict, "conflict", "It was not kept: somebody else changed it in the meantime. Look at it again.")
	}
	return err
}

// CanChange reports whether a role may change things.
func CanChange(role string) bool { return role == Manager || role == Admin }

// ofAPI reports whether a request is one of the API, and wants data.
func ofAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }
