package users

import (
	"context"
	"log/slog"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
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

// keys answers for the tokens.
type keys struct {
	tokens Tokens
	log    *slog.Logger
}

// TokenRoutes are the questions about the tokens of headquarters.
func TokenRoutes(tokens Tokens, log *slog.Logger) []socket.Route {
	k := keys{tokens, log}
	return []socket.Route{
		{Method: "GET", Path: "/v1/tokens", Limit: socket.Quick, Answer: k.list},
		{Method: "POST", Path: "/v1/tokens/add", Limit: socket.Quick, Answer: k.add},
		{Method: "POST", Path: "/v1/tokens/remove", Limit: socket.Quick, Answer: k.remove},
	}
}

func (k keys) list(r *socket.Request) (any, error) {
	list, err := k.tokens.List(r.Ctx)
	if err != nil {
		return nil, err
	}
	return wire.TokenList{Tokens: list}, nil
}

func (k keys) add(r *socket.Request) (any, error) {
	var t wire.Token
	if err := r.Read(&t); err != nil {
		return nil, err
	}
	t.Created, t.By = time.Now().UTC().Truncate(time.Second), r.Actor
	secret, err := k.tokens.Add(r.Ctx, t, r.Actor)
	if err != nil {
		return nil, err
	}
	k.log.Info("a token was made", "token", t.Name, "role", t.Role, "actor", r.Actor)
	return wire.TokenMade{Token: t, Secret: secret}, nil
}

func (k keys) remove(r *socket.Request) (any, error) {
	var t wire.Token
	if err := r.Read(&t); err != nil {
		return nil, err
	}
	if err := k.tokens.Remove(r.Ctx, t.Name, r.Actor); err != nil {
		return nil, err
	}
	k.log.Info("a token was removed", "token", t.Name, "actor", r.Actor)
	return wire.TokenRemoved{Name: t.Name, Actor: r.Actor}, nil
}
