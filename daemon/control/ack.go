package control

import (
	"context"
	"strings"

	"github.com/nightfill/nightfill/site"
)

// AckAsked takes an alarm on: nobody else is told of it until it changes.
type AckAsked struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

func (s *Server) ack(r *request) (any, error) {
	var ask AckAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	ask.Reason = strings.TrimSpace(ask.Reason)
	switch {
	case ask.Code == "":
		return nil, bad("say which, like POS-1; nightfill status names them", "the code of the alarm is missing")
	case ask.Reason == "":
		return nil, bad("say what you do about it, for the next person who asks", "the reason is missing")
	case len(ask.Reason) > maxReason:
		return nil, bad("", "the reason has %d bytes and may have %d", len(ask.Reason), maxReason)
	}
	alarm, err := s.Box.Ack(ask.Code, ask.Reason, r.actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("an alarm was taken on", "alarm", ask.Code, "actor", r.actor, "reason", ask.Reason)
	return alarm, nil
}

// Ack takes an alarm on and returns it as it is now.
func (c *Client) Ack(ctx context.Context, ask AckAsked) (site.Alarm, error) {
	return get[site.Alarm](ctx, c, "POST", "/v1/ack", nil, ask)
}
