package control

import (
	"strings"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Alarms are what people are told of.
type Alarms interface {
	// Ack takes an alarm on, by its code, and returns it as it is then.
	Ack(code, reason, actor string) (site.Alarm, error)
}

func (s *Server) ack(r *socket.Request) (any, error) {
	var ask wire.AckAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	ask.Reason = strings.TrimSpace(ask.Reason)
	switch {
	case ask.Code == "":
		return nil, wire.Bad("say which, like POS-1; nightfill status names them", "the code of the alarm is missing")
	case ask.Reason == "":
		return nil, wire.Bad("say what you do about it, for the next person who asks", "the reason is missing")
	case len(ask.Reason) > maxReason:
		return nil, wire.Bad("", "the reason has %d bytes and may have %d", len(ask.Reason), maxReason)
	}
	alarm, err := s.Box.Ack(ask.Code, ask.Reason, r.Actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("an alarm was taken on", "alarm", ask.Code, "actor", r.Actor, "reason", ask.Reason)
	return alarm, nil
}
