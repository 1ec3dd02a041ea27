package control

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Tokens are what scripts show in place of a login.
type Tokens interface {
	// List returns the tokens by name, without their secrets.
	List(ctx context.Context) ([]wire.Token, error)
	// Add makes a token and returns its secret, this once.
	Add(ctx context.Context, t wire.Token, actor string) (secret string, err error)
	// Remove takes a token away; it opens nothing from then on.
	Remove(ctx context.Context, name, actor string) error
}

func (s *Server) tokens(r *request) (any, error) {
	list, err := s.Tokens.List(r.ctx)
	if err != nil {
		return nil, err
	}
	return wire.TokenList{Tokens: list}, nil
}

func (s *Server) addToken(r *request) (any, error) {
	var t wire.Token
	if err := r.read(&t); err != nil {
		return nil, err
	}
	t.Created, t.By = s.now(r.ctx).UTC().Truncate(time.Second), r.actor
	secret, err := s.Tokens.Add(r.ctx, t, r.actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("a token was made", "token", t.Name, "role", t.Role, "actor", r.actor)
	return wire.TokenMade{Token: t, Secret: secret}, nil
}

func (s *Server) removeToken(r *request) (any, error) {
	var t wire.Token
	if err := r.read(&t); err != nil {
		return nil, err
	}
	if err := s.Tokens.Remove(r.ctx, t.Name, r.actor); err != nil {
		return nil, err
	}
	s.Log.Info("a token was removed", "token", t.Name, "actor", r.actor)
	return wire.TokenRemoved{Name: t.Name, Actor: r.actor}, nil
}
