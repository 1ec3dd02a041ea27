package control

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Tokens are what scripts show in place of a login.
type Tokens interface {
	// List returns the tokens by name, without their secrets.
	List(ctx context.Context) ([]Token, error)
	// Add makes a token and returns its secret, this once.
	Add(ctx context.Context, t Token, actor string) (secret string, err error)
	// Remove takes a token away; it opens nothing from then on.
	Remove(ctx context.Context, name, actor string) error
}

// Token is what may be known of a token.
type Token struct {
	Name    string        `json:"name"`
	Role    site.UserRole `json:"role"`
	Created time.Time     `json:"created,omitzero"`
	By      string        `json:"by,omitempty"`
	Until   time.Time     `json:"until,omitzero"` // zero: it does not end by itself
}

// TokenList is the answer about all tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// TokenMade is a token with its secret, shown only in the answer that made it.
type TokenMade struct {
	Token
	Secret string `json:"secret"`
}

// TokenRemoved says which token was removed, and by whom.
type TokenRemoved struct {
	Name  string `json:"name"`
	Actor string `json:"actor"`
}

func (s *Server) tokens(r *request) (any, error) {
	list, err := s.Tokens.List(r.ctx)
	if err != nil {
		return nil, err
	}
	return TokenList{list}, nil
}

func (s *Server) addToken(r *request) (any, error) {
	var t Token
	if err := r.read(&t); err != nil {
		return nil, err
	}
	t.Created, t.By = s.now(r.ctx).UTC().Truncate(time.Second), r.actor
	secret, err := s.Tokens.Add(r.ctx, t, r.actor)
	if err != nil {
		return nil, err
	}
	s.Log.Info("a token was made", "token", t.Name, "role", t.Role, "actor", r.actor)
	return TokenMade{t, secret}, nil
}

func (s *Server) removeToken(r *request) (any, error) {
	var t Token
	if err := r.read(&t); err != nil {
		return nil, err
	}
	if err := s.Tokens.Remove(r.ctx, t.Name, r.actor); err != nil {
		return nil, err
	}
	s.Log.Info("a token was removed", "token", t.Name, "actor", r.actor)
	return TokenRemoved{t.Name, r.actor}, nil
}

// Tokens returns the tokens of scripts, by name.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	v, err := get[TokenList](ctx, c, "GET", "/v1/tokens", nil, nil)
	return v.Tokens, err
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, t Token) (TokenMade, error) {
	return get[TokenMade](ctx, c, "POST", "/v1/tokens/add", nil, t)
}

// RemoveToken takes a token away.
func (c *Client) RemoveToken(ctx context.Context, name string) (TokenRemoved, error) {
	return get[TokenRemoved](ctx, c, "POST", "/v1/tokens/remove", nil, Token{Name: name})
}
