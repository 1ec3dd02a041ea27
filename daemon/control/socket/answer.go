package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
)

// handler puts the table together.
func (s *Server) handler() http.Handler {
	mux, methods := http.NewServeMux(), map[string]string{}
	for _, r := range s.Streams {
		mux.HandleFunc(r.Method+" "+r.Path, r.Serve)
		methods[r.Path] = r.Method
	}
	for _, r := range s.Routes {
		mux.Handle(r.Method+" "+r.Path, s.serve(r))
		methods[r.Path] = r.Method
	}
	for path, method := range methods {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", method)
			s.Refuse(w, &wire.Error{Status: http.StatusMethodNotAllowed, Code: wire.CodeBadRequest, Message: "this is asked with " + method})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.Refuse(w, &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoRoute, Message: "there is no " + r.URL.Path,
			WhatToDo: "use the nightfill of the same version as the daemon (" + s.Version + ")"})
	})
	return mux
}

// serve answers one row of the table with its limits.
func (s *Server) serve(row Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), row.Limit)
		defer cancel()
		s.Deadline(w, row.Limit+Quick)
		body, err := s.body(w, r)
		if err != nil {
			s.Refuse(w, err)
			return
		}
		ask := &Request{Ctx: ctx, ID: r.PathValue("id"), Query: r.URL.Query(), Actor: Actor(ctx), body: body}
		v, err := row.Answer(ask)
		if err != nil {
			s.Refuse(w, err)
			return
		}
		s.write(w, http.StatusOK, v)
	})
}

// body reads all of a request within its limits. No limit stays on the connection: one that
// passes while the answer is being made would look like a reader who left.
func (s *Server) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(Quick)); err != nil {
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

// Read reads all of the request of a Stream within its limits, and fills in v from it as Request.Read does.
func (s *Server) Read(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := s.body(w, r)
	if err != nil {
		return err
	}
	return read(body, v)
}

// Stay keeps Run from returning, for a connection that is no HTTP any more, until the function that it returns is called.
func (s *Server) Stay() (leave func()) {
	s.upgraded.Add(1)
	return s.upgraded.Done
}

// Deadline says until when the answer must have been taken.
func (s *Server) Deadline(w http.ResponseWriter, limit time.Duration) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit)); err != nil {
		s.Log.Debug("cannot limit an answer on the control socket", "err", err)
	}
}

// Refuse answers with an error.
func (s *Server) Refuse(w http.ResponseWriter, err error) {
	e := AsError(err)
	if e.Status >= http.StatusInternalServerError {
		s.Log.Warn("a request on the control socket failed", "code", e.Code, "err", err)
	}
	s.write(w, e.Status, wire.Envelope{Error: e})
}

func (s *Server) write(w http.ResponseWriter, status int, v any) {
	s.Head(w, "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		s.Log.Debug("an answer on the control socket was not taken", "err", err)
	}
}

// Head names the form of an answer and the zone of the store.
func (s *Server) Head(w http.ResponseWriter, form string) {
	w.Header().Set("Content-Type", form)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(wire.ZoneHeader, s.Zone())
}
