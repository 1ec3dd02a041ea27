package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Exporter makes evidence packs.
type Exporter interface {
	// Evidence writes a pack to w, and into the journal that it did. An error before the first byte
	// means that nothing left the box.
	Evidence(ctx context.Context, w io.Writer, ask EvidenceAsked) (run.EvidenceNote, error)
}

// evidence answers with a pack as it is made.
func (s *Server) evidence(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), socket.Moving)
	defer cancel()
	s.socket.Deadline(w, socket.Moving+socket.Quick)
	ask, err := s.evidenceAsked(ctx, r.URL.Query())
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	out := &late{ResponseWriter: w, begin: func() {
		s.socket.Head(w, "application/zip")
		w.Header().Set("Trailer", wire.EvidenceTrailer+", "+wire.ErrorTrailer)
		w.WriteHeader(http.StatusOK)
	}}
	note, err := s.Evidence.Evidence(ctx, out, ask)
	var nothing *evidence.NothingError
	if errors.As(err, &nothing) {
		err = &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoNight, Message: nothing.Error(), WhatToDo: "see: nightfill journal --since 0 --limit 1"}
	}
	switch {
	case err != nil && !out.begun:
		s.socket.Refuse(w, err)
	case err != nil:
		s.Log.Warn("an evidence pack was broken off", "actor", ask.Actor, "err", err)
		s.trail(w, wire.ErrorTrailer, socket.AsError(err))
	default:
		s.Log.Info("an evidence pack was taken", "actor", ask.Actor, "from", ask.From.String(), "to", ask.To.String(), "sha256", note.SHA256)
		s.trail(w, wire.EvidenceTrailer, note)
	}
}

func (s *Server) trail(w http.ResponseWriter, name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		s.Log.Error("cannot end an answer", "err", err)
		return
	}
	w.Header().Set(name, string(data))
}

// evidenceAsked reads which pack is asked for.
func (s *Server) evidenceAsked(ctx context.Context, q url.Values) (EvidenceAsked, error) {
	ask := EvidenceAsked{Actor: socket.Actor(ctx), AsOf: time.Now().UTC()}
	if s.Evidence == nil {
		return ask, &wire.Error{Status: http.StatusNotFound, Code: wire.CodeNoRoute, Message: "this daemon makes no evidence packs"}
	}
	var err error
	if ask.From, err = window.ParseDate(q.Get("from")); err == nil {
		ask.To, err = window.ParseDate(q.Get("to"))
	}
	if err != nil {
		return ask, wire.Bad("name the nights by their dates", "%v", err)
	}
	if ask.To.Compare(ask.From) < 0 {
		return ask, wire.Bad("name the earlier date first", "the nights %s to %s run backwards", ask.From, ask.To)
	}
	if text := q.Get("as_of"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || at.After(ask.AsOf) {
			return ask, wire.Bad("write a moment that is over, like 2026-11-22T06:00:00Z", "as of %q is not a moment that is over", text)
		}
		ask.AsOf = at.UTC()
	}
	return ask, nil
}

// EvidenceAsked asks for an evidence pack of the nights From to To, both included.
type EvidenceAsked struct {
	From, To window.Date
	AsOf     time.Time // nothing that is later is told
	Actor    string
}
