package control

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
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

// now is the time of the box, or of headquarters.
func (s *Server) now(ctx context.Context) time.Time {
	if s.Box == nil {
		return time.Now()
	}
	return s.Box.View(ctx).Now
}

func (s *Server) users(*request) (any, error) {
	list, err := s.Users.List()
	if err != nil {
		return nil, err
	}
	return wire.UserList{Users: list}, nil
}

// change reads what is asked, and answers with the account as it is after the change.
func (s *Server) change(r *request, do func(ask wire.UserAsked, now time.Time) (accounts.Made, error)) (any, error) {
	var ask wire.UserAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	made, err := do(ask, s.now(r.ctx))
	if err != nil {
		return nil, err
	}
	s.Log.Info("an account was changed", "account", made.Name, "actor", r.actor)
	return wire.UserMade{User: made.Account, OTPAuth: made.URI}, nil
}

func (s *Server) addUser(r *request) (any, error) {
	return s.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		return s.Users.Add(r.ctx, accounts.New{Name: ask.Name, Role: ask.Role, Password: ask.Password, TOTP: ask.TOTP}, r.actor, now)
	})
}

func (s *Server) userPassword(r *request) (any, error) {
	return s.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		a, err := s.Users.SetPassword(r.ctx, ask.Name, ask.Password, r.actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (s *Server) userRole(r *request) (any, error) {
	return s.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		a, err := s.Users.SetRole(ask.Name, ask.Role, r.actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (s *Server) userTOTP(r *request) (any, error) {
	return s.change(r, func(ask wire.UserAsked, now time.Time) (accounts.Made, error) {
		return s.Users.SetTOTP(ask.Name, ask.TOTP, r.actor, now)
	})
}

func (s *Server) removeUser(r *request) (any, error) {
	var ask wire.UserAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	if err := s.Users.Remove(ask.Name, r.actor, s.now(r.ctx)); err != nil {
		return nil, err
	}
	s.Log.Info("an account was removed", "account", ask.Name, "actor", r.actor)
	return wire.UserRemoved{Name: ask.Name, Actor: r.actor}, nil
}
