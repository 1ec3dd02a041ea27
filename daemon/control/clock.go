package control

import (
	"strings"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

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
