package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
)

// How long an answer may take.
const (
	quick   = 10 * time.Second // the box answers from what it knows
	looking = 3 * time.Minute  // devices are asked
	Moving  = 30 * time.Minute // bytes are fetched or copied
)

// route is one row of the table: what is asked, how long it may take, who answers.
type route struct {
	method string
	path   string
	limit  time.Duration
	answer func(*Server, *request) (any, error)
}

// routes is everything that the socket of a box can do, but for those who log in and for what is no single answer:
// the journal, which may be followed, a terminal, the file of a recording, a support bundle, and an evidence
// pack.
func routes() []route {
	return []route{
		{"GET", "/v1/status", quick, (*Server).status},
		{"GET", "/v1/devices", quick, (*Server).devices},
		{"GET", "/v1/devices/{id}", quick, (*Server).device},
		{"GET", "/v1/devices/{id}/host-key", looking, (*Server).hostKey},
		{"GET", "/v1/devices/{id}/diagnosis", looking, (*Server).diagnosis},
		{"GET", "/v1/plan", looking, (*Server).plan},
		{"GET", "/v1/why", looking, (*Server).why},
		{"GET", "/v1/night", quick, (*Server).night},
		{"GET", "/v1/replay", looking, (*Server).replay},
		{"POST", "/v1/rehearse", looking, (*Server).rehearse},
		{"GET", "/v1/journal/verify", looking, (*Server).verify},
		{"POST", "/v1/check", looking, (*Server).check},
		{"POST", "/v1/hold", quick, (*Server).hold},
		{"POST", "/v1/release", quick, (*Server).release},
		{"POST", "/v1/ack", quick, (*Server).ack},
		{"POST", "/v1/clock/confirm", quick, (*Server).confirmClock},
		{"POST", "/v1/retry", quick, (*Server).retry},
		{"POST", "/v1/rollback", quick, (*Server).rollback},
		{"POST", "/v1/restart", looking, (*Server).restart},
		{"GET", "/v1/cache", quick, (*Server).cache},
		{"POST", "/v1/catalog/refresh", Moving, (*Server).refresh},
		{"POST", "/v1/catalog/import", Moving, (*Server).importFrom},
		{"POST", "/v1/enrol", quick, (*Server).enrol},
		{"GET", "/v1/terminals", quick, (*Server).terminals},
		{"POST", "/v1/terminals/end", looking, (*Server).endTerminal},
		{"GET", "/v1/recordings", looking, (*Server).recordings},
		{"GET", "/v1/recordings/{id}", looking, (*Server).recording},
	}
}

// people is what the socket can do for those who log in.
func people() []route {
	return []route{
		{"GET", "/v1/users", quick, (*Server).users},
		{"POST", "/v1/users/add", quick, (*Server).addUser},
		{"POST", "/v1/users/remove", quick, (*Server).removeUser},
		{"POST", "/v1/users/password", quick, (*Server).userPassword},
		{"POST", "/v1/users/role", quick, (*Server).userRole},
		{"POST", "/v1/users/totp", quick, (*Server).userTOTP},
	}
}

// tokens is what the socket can do for scripts that ask headquarters.
func tokens() []route {
	return []route{
		{"GET", "/v1/tokens", quick, (*Server).tokens},
		{"POST", "/v1/tokens/add", quick, (*Server).addToken},
		{"POST", "/v1/tokens/remove", quick, (*Server).removeToken},
	}
}

// storeRoutes is what the socket of headquarters can do for its stores.
func storeRoutes() []route {
	return []route{
		{"POST", "/v1/stores/hint", looking, (*Server).hintStore},
		{"POST", "/v1/stores/forget", looking, (*Server).forgetStore},
	}
}

// request is what a route is asked.
type request struct {
	ctx   context.Context
	id    string // of the device in the path
	query url.Values
	body  []byte
	actor string
}

// read fills in v from the body: one JSON value, without a key that means nothing.
func (r *request) read(v any) error {
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something after it")
		}
	}
	if err != nil {
		return wire.Bad("", "the request is not what this daemon understands: %v", err)
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	methods, rows := map[string]string{}, people()
	if s.Box != nil {
		rows = append(rows, routes()...)
		methods = map[string]string{"/v1/journal": "GET", "/v1/shell": "POST", "/v1/recordings/{id}/cast": "GET", "/v1/bundle": "POST", "/v1/evidence": "POST"}
		mux.HandleFunc("GET /v1/journal", s.journal)
		mux.HandleFunc("POST /v1/shell", s.shell)
		mux.HandleFunc("GET /v1/recordings/{id}/cast", s.cast)
		mux.HandleFunc("POST /v1/bundle", s.bundle)
		mux.HandleFunc("POST /v1/evidence", s.evidence)
	}
	if s.Tokens != nil {
		rows = append(rows, tokens()...)
	}
	if s.Stores != nil {
		rows = append(rows, storeRoutes()...)
	}
	for _, r := range rows {
		mux.Handle(r.method+" "+r.path, s.serve(r))
		methods[r.path] = r.method
	}
	for path, method := range methods {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", method)
			s.refuse(w, &wire.Error{Status: http.StatusMethodNotAllowed, Code: wire.CodeBadRequest, Message: "this is asked with " + method})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoRoute, Message: "there is no " + r.URL.Path,
			WhatToDo: "use the nightfill of the same version as the daemon (" + s.Version + ")"})
	})
	return mux
}

// serve answers one row of the table with its limits.
func (s *Server) serve(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), row.limit)
		defer cancel()
		s.deadline(w, row.limit+quick)
		body, err := s.body(w, r)
		if err != nil {
			s.refuse(w, err)
			return
		}
		ask := &request{ctx: ctx, id: r.PathValue("id"), query: r.URL.Query(), body: body, actor: actor(ctx)}
		v, err := row.answer(s, ask)
		if err != nil {
			s.refuse(w, err)
			return
		}
		s.write(w, http.StatusOK, v)
	})
}

// body reads all of a request within its limits. No limit stays on the connection: one that
// passes while the answer is being made would look like a reader who left.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(quick)); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &wire.Error{Status: http.StatusRequestEntityTooLarge, Code: wire.CodeBadRequest, Message: fmt.Sprintf("the request has more than %d bytes", maxBody)}
	case err != nil:
		return nil, wire.Bad("", "the request was not received whole: %v", err)
	}
	return data, c.SetReadDeadline(time.Time{})
}

// deadline says until when the answer must have been taken.
func (s *Server) deadline(w http.ResponseWriter, limit time.Duration) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit)); err != nil {
		s.Log.Debug("cannot limit an answer on the control socket", "err", err)
	}
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	e := asError(err)
	if e.Status >= http.StatusInternalServerError {
		s.Log.Warn("a request on the control socket failed", "code", e.Code, "err", err)
	}
	s.write(w, e.Status, wire.Envelope{Error: e})
}

func (s *Server) write(w http.ResponseWriter, status int, v any) {
	s.head(w, "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		s.Log.Debug("an answer on the control socket was not taken", "err", err)
	}
}

// head names the form of an answer and the zone of the store.
func (s *Server) head(w http.ResponseWriter, form string) {
	w.Header().Set("Content-Type", form)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(wire.ZoneHeader, s.zone())
}
