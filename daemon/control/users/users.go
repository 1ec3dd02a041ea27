// Package users looks after those who may ask: the accounts of people, and the tokens of scripts.
package users

import (
	"context"
	"log/slog"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Users are the accounts of the console, as a person on the box looks after them. Errors that are an
// *accounts.Refusal reach the person with their code.
type Users interface {
	List() ([]accounts.Account, error)
	Remove(name, actor string, now time.Time) error
	UserEditor
}

// UserEditor makes and changes accounts.
type UserEditor interface {
	Add(ctx context.Context, n accounts.New, actor string, now time.Time) (accounts.Made, error)
	SetPassword(ctx context.Context, name, password, actor string, now time.Time) (accounts.Account, error)
	SetRole(name string, role site.UserRole, actor string, now time.Time) (accounts.Account, error)
	SetTOTP(name string, on bool, actor string, now time.Time) (accounts.Made, error)
}

// office answers for the accounts.
type office struct {
	users Users
	now   func(context.Context) time.Time
	log   *slog.Logger
}

// Routes are the questions about the accounts. now is the time of whoever answers.
func Routes(users Users, now func(context.Context) time.Time, log *slog.Logger) []socket.Route {
	o := office{users, now, log}
	return []socket.Route{
		{Method: "GET", Path: "/v1/users", Limit: socket.Quick, Answer: o.list},
		{Method: "POST", Path: "/v1/users/add", Limit: socket.Quick, Answer: o.add},
		{Method: "POST", Path: "/v1/users/remove", Limit: socket.Quick, Answer: o.remove},
		{Method: "POST", Path: "/v1/users/password", Limit: socket.Quick, Answer: o.password},
		{Method: "POST", Path: "/v1/users/role", Limit: socket.Quick, Answer: o.role},
		{Method: "POST", Path: "/v1/users/totp", Limit: socket.Quick, Answer: o.totp},
	}
}

func (o office) list(*socket.Request) (any, error) {
	list, err := o.users.List()
	if err != nil {
		return nil, err
	}
	return wire.UserList{Users: list}, nil
}

// change reads what is asked, and answers with the account as it is after the change.
func (o office) change(r *socket.Request, do func(ask wire.UserAsked, now time.Time) (accounts.Made, error)) (any, error) {
	var ask wire.UserAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	made, err := do(ask, o.now(r.Ctx))
	if err != nil {
		return nil, err
	}
	o.log.Info("an account was changed", "account", made.Name, "actor", r.Actor)
	return wire.UserMade{User: made.Account, OTPAuth: made.URI}, nil
}

func (o office) add(r *socket.Request) (any, error) {
	return o.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		return o.users.Add(r.Ctx, accounts.New{Name: ask.Name, Role: ask.Role, Password: ask.Password, TOTP: ask.TOTP}, r.Actor, now)
	})
}

func (o office) password(r *socket.Request) (any, error) {
	return o.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		a, err := o.users.SetPassword(r.Ctx, ask.Name, ask.Password, r.Actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (o office) role(r *socket.Request) (any, error) {
	return o.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		a, err := o.users.SetRole(ask.Name, ask.Role, r.Actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (o office) totp(r *socket.Request) (any, error) {
	return o.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		return o.users.SetTOTP(ask.Name, ask.TOTP, r.Actor, now)
	})
}

func (o office) remove(r *socket.Request) (any, error) {
	var ask wire.UserAsked
	if err := r.Read(&ask); err != nil {
		return nil, err
	}
	if err := o.users.Remove(ask.Name, r.Actor, o.now(r.Ctx)); err != nil {
		return nil, err
	}
	o.log.Info("an account was removed", "account", ask.Name, "actor", r.Actor)
	return wire.UserRemoved{Name: ask.Name, Actor: r.Actor}, nil
}
