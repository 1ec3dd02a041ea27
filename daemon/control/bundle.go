package control

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/nightfill/nightfill/daemon/bundle"
	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Bundler makes support bundles.
type Bundler interface {
	// Bundle writes a support bundle, and writes down who took it. When it returns an error before it wrote
	// anything, nothing was done; after that, what was written is no whole zip.
	Bundle(ctx context.Context, ask bundle.Ask, w io.Writer) (bundle.Manifest, error)
}

// late is an answer whose head is written with its first byte.
type late struct {
	http.ResponseWriter
	begin func()
	begun bool
}

// Write implements io.Writer.
func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin()
	}
	return l.ResponseWriter.Write(p)
}

// bundle streams a support bundle. One that breaks off is cut, so that nobody takes it for a whole one.
func (s *Server) bundle(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), socket.Looking)
	defer cancel()
	s.socket.Deadline(w, socket.Looking+socket.Quick)
	var ask wire.BundleAsked
	err := s.socket.Read(w, r, &ask)
	if ask.Reason = strings.TrimSpace(ask.Reason); err == nil && len(ask.Reason) > maxReason {
		err = wire.Bad("", "the reason of the bundle has %d bytes and may have %d", len(ask.Reason), maxReason)
	}
	if err == nil && ask.Device != "" {
		err = known(s.Box.View(ctx), ask.Device)
	}
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	out := &late{ResponseWriter: w, begin: func() { s.socket.Head(w, "application/zip") }}
	_, err = s.Box.Bundle(ctx, bundle.Ask{Device: ask.Device, Reason: ask.Reason, Actor: socket.Actor(r.Context())}, out)
	switch {
	case err != nil && !out.begun:
		s.socket.Refuse(w, err)
	case err != nil:
		s.Log.Warn("a support bundle was not taken whole", "err", err)
		panic(http.ErrAbortHandler)
	}
}
