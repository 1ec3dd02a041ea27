package client

import (
	"context"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// HintStore asks a store of headquarters to look or to repeat.
func (c *Client) HintStore(ctx context.Context, store, verb string) (wire.StoreDone, error) {
	return get[wire.StoreDone](ctx, c, "POST", "/v1/stores/hint", nil, wire.StoreAsked{Store: store, Verb: verb})
}

// ForgetStore takes a store that is closed off the board of headquarters.
func (c *Client) ForgetStore(ctx context.Context, store string) (wire.StoreDone, error) {
	return get[wire.StoreDone](ctx, c, "POST", "/v1/stores/forget", nil, wire.StoreAsked{Store: store})
}

// Tokens returns the tokens of scripts, by name.
func (c *Client) Tokens(ctx context.Context) ([]wire.Token, error) {
	v, err := get[wire.TokenList](ctx, c, "GET", "/v1/tokens", nil, nil)
	return v.Tokens, err
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, t wire.Token) (wire.TokenMade, error) {
	return get[wire.TokenMade](ctx, c, "POST", "/v1/tokens/add", nil, t)
}

// RemoveToken takes a token away.
func (c *Client) RemoveToken(ctx context.Context, name string) (wire.TokenRemoved, error) {
	return get[wire.TokenRemoved](ctx, c, "POST", "/v1/tokens/remove", nil, wire.Token{Name: name})
}

// Users returns the accounts of the console, by name.
func (c *Client) Users(ctx context.Context) ([]accounts.Account, error) {
	v, err := get[wire.UserList](ctx, c, "GET", "/v1/users", nil, nil)
	return v.Users, err
}

// AddUser makes an account.
func (c *Client) AddUser(ctx context.Context, ask wire.UserAsked) (wire.UserMade, error) {
	return get[wire.UserMade](ctx, c, "POST", "/v1/users/add", nil, ask)
}

// RemoveUser removes an account and ends its sessions.
func (c *Client) RemoveUser(ctx context.Context, name string) (wire.UserRemoved, error) {
	return get[wire.UserRemoved](ctx, c, "POST", "/v1/users/remove", nil, wire.UserAsked{Name: name})
}

// SetUserPassword changes the password of an account, and ends its sessions and its locks.
func (c *Client) SetUserPassword(ctx context.Context, name, password string) (wire.UserMade, error) {
	return get[wire.UserMade](ctx, c, "POST", "/v1/users/password", nil, wire.UserAsked{Name: name, Password: password})
}

// SetUserRole changes the role of an account, and ends its sessions.
func (c *Client) SetUserRole(ctx context.Context, name string, role site.UserRole) (wire.UserMade, error) {
	return get[wire.UserMade](ctx, c, "POST", "/v1/users/role", nil, wire.UserAsked{Name: name, Role: role})
}

// SetUserTOTP gives an account a new secret for an authenticator app, or takes it away, and ends its
// sessions.
func (c *Client) SetUserTOTP(ctx context.Context, name string, on bool) (wire.UserMade, error) {
	return get[wire.UserMade](ctx, c, "POST", "/v1/users/totp", nil, wire.UserAsked{Name: name, TOTP: on})
}
