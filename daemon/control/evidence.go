package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

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

// EvidenceAsked asks for an evidence pack of the nights From to To, both included.
type EvidenceAsked struct {
	From, To window.Date
	AsOf     time.Time // nothing that is later is told
	Actor    string
}

// What an answer that is an evidence pack carries behind its bytes, as JSON: what was written, or why
// it was broken off.
const (
	evidenceTrailer = "Nightfill-Evidence"
	errorTrailer    = "Nightfill-Error"
)

// evidence answers with a pack as it is made.
func (s *Server) evidence(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), moving)
	defer cancel()
	s.deadline(w, moving+quick)
	ask, err := s.evidenceAsked(ctx, r.URL.Query())
	if err != nil {
		s.refuse(w, err)
		return
	}
	out := &late{ResponseWriter: w, begin: func() {
		s.head(w, "application/zip")
		w.Header().Set("Trailer", evidenceTrailer+", "+errorTrailer)
		w.WriteHeader(http.StatusOK)
	}}
	note, err := s.Evidence.Evidence(ctx, out, ask)
	var nothing *evidence.NothingError
	if errors.As(err, &nothing) {
		err = &Error{Status: http.StatusNotFound, Code: CodeNoNight, Message: nothing.Error(), WhatToDo: "see: nightfill journal --since 0 --limit 1"}
	}
	switch {
	case err != nil && !out.begun:
		s.refuse(w, err)
	case err != nil:
		s.Log.Warn("an evidence pack was broken off", "actor", ask.Actor, "err", err)
		s.trail(w, errorTrailer, asError(err))
	default:
		s.Log.Info("an evidence pack was taken", "actor", ask.Actor, "from", ask.From.String(), "to", ask.To.String(), "sha256", note.SHA256)
		s.trail(w, evidenceTrailer, note)
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
	ask := EvidenceAsked{Actor: actor(ctx), AsOf: time.Now().UTC()}
	if s.Evidence == nil {
		return ask, &Error{Status: http.StatusNotFound, Code: CodeNoRoute, Message: "this daemon makes no evidence packs"}
	}
	var err error
	if ask.From, err = window.ParseDate(q.Get("from")); err == nil {
		ask.To, err = window.ParseDate(q.Get("to"))
	}
	if err != nil {
		return ask, bad("name the nights by their dates", "%v", err)
	}
	if ask.To.Compare(ask.From) < 0 {
		return ask, bad("name the earlier date first", "the nights %s to %s run backwards", ask.From, ask.To)
	}
	if text := q.Get("as_of"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || at.After(ask.AsOf) {
			return ask, bad("write a moment that is over, like 2026-11-22T06:00:00Z", "as of %q is not a moment that is over", text)
		}
		ask.AsOf = at.UTC()
	}
	return ask, nil
}

// Evidence writes an evidence pack of the nights from the date from to the date to, both included, to w. As of, a
// moment that is over or "" for now, nothing later is told. After an error what was written is worthless.
func (c *Client) Evidence(ctx context.Context, from, to window.Date, asOf string, w io.Writer) (run.EvidenceNote, error) {
	ctx, cancel := context.WithTimeout(ctx, moving+time.Minute)
	defer cancel()
	var note run.EvidenceNote
	req, err := c.request(ctx, "POST", "/v1/evidence", url.Values{"from": {from.String()}, "to": {to.String()}, "as_of": {asOf}}, nil)
	if err != nil {
		return note, err
	}
	resp, err := c.response(ctx, req, http.StatusOK)
	if err != nil {
		return note, err
	}
	defer resp.Body.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), resp.Body); err != nil {
		return note, c.broken(ctx, err)
	}
	if text := resp.Trailer.Get(errorTrailer); text != "" {
		e := &Error{}
		if err := json.Unmarshal([]byte(text), e); err != nil {
			return note, err
		}
		return note, e
	}
	if err := json.Unmarshal([]byte(resp.Trailer.Get(evidenceTrailer)), &note); err != nil || note.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		return note, c.broken(ctx, errors.New("the evidence pack did not arrive whole"))
	}
	return note, nil
}
