package control

import (
	"context"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// ClockAsked confirms that the clock of the box is right.
type ClockAsked struct {
	Reason string `json:"reason"`
}

// ClockConfirmed is what came of it.
type ClockConfirmed struct {
	Now    time.Time    `json:"now"` // what the clock shows
	Actor  string       `json:"actor"`
	Reason string       `json:"reason"`
	Unsure *site.Reason `json:"unsure,omitempty"` // why the clock is not trusted all the same; absent when it is
}

func (s *Server) confirmClock(r *request) (any, error) {
	var ask ClockAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	ask.Reason = strings.TrimSpace(ask.Reason)
	switch {
	case ask.Reason == "":
		return nil, bad("say how you know, like \"compared with the phone\"", "the reason is missing")
	case len(ask.Reason) > maxReason:
		return nil, bad("", "the reason has %d bytes and may have %d", len(ask.Reason), maxReason)
	}
	unsure, err := s.Box.ConfirmClock(ask.Reason, r.actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("the clock was confirmed", "actor", r.actor, "reason", ask.Reason)
	return ClockConfirmed{Now: s.Box.View(r.ctx).Now, Actor: r.actor, Reason: ask.Reason, Unsure: unsure}, nil
}

// ConfirmClock says that the clock of the box is right, and the journal's later times are not.
func (c *Client) ConfirmClock(ctx context.Context, ask ClockAsked) (ClockConfirmed, error) {
	return get[ClockConfirmed](ctx, c, "POST", "/v1/clock/confirm", nil, ask)
}
