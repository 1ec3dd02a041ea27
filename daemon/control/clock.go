package control

import (
	"strings"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Clock is the clock of the box, which may be doubted.
type Clock interface {
	// ConfirmClock takes a person's word that the clock is right where the journal has later times, and returns
	// why it is not trusted then; nil = it is.
	ConfirmClock(reason, actor string) (*site.Reason, error)
}

func (s *Server) confirmClock(r *socket.Request) (any, error) {
	var ask wire.ClockAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	ask.Reason = strings.TrimSpace(ask.Reason)
	switch {
	case ask.Reason == "":
		return nil, wire.Bad("say how you know, like \"compared with the phone\"", "the reason is missing")
	case len(ask.Reason) > maxReason:
		return nil, wire.Bad("", "the reason has %d bytes and may have %d", len(ask.Reason), maxReason)
	}
	unsure, err := s.Box.ConfirmClock(ask.Reason, r.Actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("the clock was confirmed", "actor", r.Actor, "reason", ask.Reason)
	return wire.ClockConfirmed{Now: s.Box.View(r.Ctx).Now, Actor: r.Actor, Reason: ask.Reason, Unsure: unsure}, nil
}
