package control

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
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

// UserList is the answer about all accounts.
type UserList struct {
	Users []accounts.Account `json:"users"`
}

// UserAsked asks for an account, or for a change of one. What the route does not need is empty.
type UserAsked struct {
	Name     string        `json:"name"`
	Role     site.UserRole `json:"role,omitempty"`
	Password string        `json:"password,omitempty"`
	TOTP     bool          `json:"totp,omitempty"`
}

// UserMade is an account after a change. OTPAuth is what its owner enters in an authenticator app, shown
// only in the answer to the change that made it.
type UserMade struct {
	User    accounts.Account `json:"user"`
	OTPAuth string           `json:"otpauth,omitempty"`
}

// UserRemoved says which account was removed, and by whom.
type UserRemoved struct {
	Name  string `json:"name"`
	Actor string `json:"actor"`
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
	return UserList{list}, nil
}

// change reads what is asked, and answers with the account as it is after the change.
func (s *Server) change(r *request, do func(ask UserAsked, now time.Time) (accounts.Made, error)) (any, error) {
	var ask UserAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	made, err := do(ask, s.now(r.ctx))
	if err != nil {
		return nil, err
	}
	s.Log.Info("an account was changed", "account", made.Name, "actor", r.actor)
	return UserMade{User: made.Account, OTPAuth: made.URI}, nil
}

func (s *Server) addUser(r *request) (any, error) {
	return s.change(r, func(ask UserAsked, now time.Time) (accounts.Made, error) {
		return s.Users.Add(r.ctx, accounts.New{Name: ask.Name, Role: ask.Role, Password: ask.Password, TOTP: ask.TOTP}, r.actor, now)
	})
}

func (s *Server) userPassword(r *request) (any, error) {
	return s.change(r, func(ask UserAsked, now time.Time) (accounts.Made, error) {
		a, err := s.Users.SetPassword(r.ctx, ask.Name, ask.Password, r.actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (s *Server) userRole(r *request) (any, error) {
	return s.change(r, func(ask UserAsked, now time.Time) (accounts.Made, error) {
		a, err := s.Users.SetRole(ask.Name, ask.Role, r.actor, now)
		return accounts.Made{Account: a}, err
	})
}

func (s *Server) userTOTP(r *request) (any, error) {
	return s.change(r, func(ask UserAsked, now time.Time) (accounts.Made, error) {
		return s.Users.SetTOTP(ask.Name, ask.TOTP, r.actor, now)
	})
}

func (s *Server) removeUser(r *request) (any, error) {
	var ask UserAsked
	if err := r.read(&ask); err != nil {
		return nil, err
	}
	if err := s.Users.Remove(ask.Name, r.actor, s.now(r.ctx)); err != nil {
		return nil, err
	}
	s.Log.Info("an account was removed", "account", ask.Name, "actor", r.actor)
	return UserRemoved{ask.Name, r.actor}, nil
}

// Users returns the accounts of the console, by name.
func (c *Client) Users(ctx context.Context) ([]accounts.Account, error) {
	v, err := get[UserList](ctx, c, "GET", "/v1/users", nil, nil)
	return v.Users, err
}

// AddUser makes an account.
func (c *Client) AddUser(ctx context.Context, ask UserAsked) (UserMade, error) {
	return get[UserMade](ctx, c, "POST", "/v1/users/add", nil, ask)
}

// RemoveUser removes an account and ends its sessions.
func (c *Client) RemoveUser(ctx context.Context, name string) (UserRemoved, error) {
	return get[UserRemoved](ctx, c, "POST", "/v1/users/remove", nil, UserAsked{Name: name})
}

// SetUserPassword changes the password of an account, and ends its sessions and its locks.
func (c *Client) SetUserPassword(ctx context.Context, name, password string) (UserMade, error) {
	return get[UserMade](ctx, c, "POST", "/v1/users/password", nil, UserAsked{Name: name, Password: password})
}

// SetUserRole changes the role of an account, and ends its sessions.
func (c *Client) SetUserRole(ctx context.Context, name string, role site.UserRole) (UserMade, error) {
	return get[UserMade](ctx, c, "POST", "/v1/users/role", nil, UserAsked{Name: name, Role: role})
}

// SetUserTOTP gives an account a new secret for an authenticator app, or takes it away, and ends its
// sessions.
func (c *Client) SetUserTOTP(ctx context.Context, name string, on bool) (UserMade, error) {
	return get[UserMade](ctx, c, "POST", "/v1/users/totp", nil, UserAsked{Name: name, TOTP: on})
}
