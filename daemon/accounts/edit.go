package accounts

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// New is an account that is to be made.
type New struct {
	Name     string
	Role     site.UserRole
	Password string
	TOTP     bool // with an authenticator app
}

// Made is an account after a change, and what its owner must enter in an authenticator app where a
// secret was made: it is shown once.
type Made struct {
	Account
	URI string `json:"otpauth,omitempty"` // otpauth://totp/...
}

// List returns the accounts by name.
func (a *Accounts) List() ([]Account, error) {
	if a.damaged != nil {
		return nil, a.damaged
	}
	list := []Account{}
	for _, r := range a.snapshot().Accounts {
		list = append(list, r.account())
	}
	return list, nil
}

// Add makes an account. actor is who asked.
func (a *Accounts) Add(ctx context.Context, n New, actor string, now time.Time) (Made, error) {
	r, err := a.draft(ctx, n, now)
	if err != nil {
		return Made{}, err
	}
	if err := a.change(func(c *contents) error { return c.insert(r, a.Place) }); err != nil {
		return Made{}, err
	}
	a.tell(Note{At: now, Actor: actor, Text: fmt.Sprintf("account %s was made with the role %s", r.Name, r.Role)})
	return a.made(r), nil
}

// draft makes the record of an account that is to be. What can be refused without a hash is refused first.
func (a *Accounts) draft(ctx context.Context, n New, now time.Time) (record, error) {
	if a.damaged != nil {
		return record{}, a.damaged
	}
	if err := checkName(n.Name); err != nil {
		return record{}, err
	}
	if err := a.checkRole(n.Role); err != nil {
		return record{}, err
	}
	if a.snapshot().find(n.Name) != nil {
		return record{}, a.Place.taken(n.Name)
	}
	if err := CheckPassword(n.Name, n.Password); err != nil {
		return record{}, err
	}
	text, err := a.hasher.make(ctx, n.Password)
	if err != nil {
		return record{}, err
	}
	now = now.UTC().Truncate(time.Second)
	r := record{Name: n.Name, Role: n.Role, Password: text, Created: now, Changed: now}
	if n.TOTP {
		r.TOTP, err = a.secret()
	}
	return r, err
}

func (a *Accounts) secret() (string, error) {
	secret := make([]byte, secretSize)
	if _, err := io.ReadFull(a.Random, secret); err != nil {
		return "", fmt.Errorf("cannot draw a secret: %w", err)
	}
	return encodeSecret(secret), nil
}

func (a *Accounts) made(r record) Made {
	m := Made{Account: r.account()}
	if r.TOTP != "" {
		m.URI = otpauth(a.Issuer, r.Name, r.TOTP)
	}
	return m
}

func (a *Accounts) checkRole(role site.UserRole) error {
	if a.Place.has(role) {
		return nil
	}
	var known []string
	for _, r := range a.Place.Roles {
		known = append(known, string(r))
	}
	return refuse(BadRole, "write one of "+strings.Join(known, ", "), "%q is not a role", role)
}

func (p Place) taken(name string) error {
	return refuse(Taken, "choose another name, or change this one with: "+p.Command+" user password "+name, "there is an account %q already", name)
}

func (c *contents) insert(r record, p Place) error {
	i, there := c.at(r.Name)
	switch {
	case there:
		return p.taken(r.Name)
	case len(c.Accounts) >= maxAccounts:
		return refuse(TooMany, "remove one first", "there are %d accounts, which is the most", maxAccounts)
	}
	c.Accounts = slices.Insert(c.Accounts, i, r)
	return nil
}

// Remove takes an account away and ends its sessions. The last admin stays.
func (a *Accounts) Remove(name, actor string, now time.Time) error {
	err := a.change(func(c *contents) error {
		i, ok := c.at(name)
		switch {
		case !ok:
			return c.nobody(name, a.Place)
		case c.Accounts[i].Role == site.UserAdmin && c.admins() == 1:
			return refuse(LastAdmin, "make another admin first", "%s is the last admin and cannot be removed", name)
		}
		c.Accounts = slices.Delete(c.Accounts, i, i+1)
		return nil
	}, name)
	if err == nil {
		a.tell(Note{At: now, Actor: actor, Text: "account " + name + " was removed"})
	}
	return err
}

// nobody refuses a name that no account has.
func (c *contents) nobody(name string, p Place) error {
	var names []string
	for _, r := range c.Accounts {
		names = append(names, r.Name)
	}
	what := "make one with: " + p.Command + " user add NAME --role admin"
	if len(names) > 0 {
		what = "there are " + strings.Join(names, " ")
	}
	return refuse(NoAccount, what, "there is no account %q", name)
}

// edit changes one account and ends its sessions.
func (a *Accounts) edit(name, actor, text string, now time.Time, edit func(*contents, *record) error) (Made, error) {
	var made Made
	err := a.change(func(c *contents) error {
		r := c.find(name)
		if r == nil {
			return c.nobody(name, a.Place)
		}
		if err := edit(c, r); err != nil {
			return err
		}
		r.Changed = now.UTC().Truncate(time.Second)
		made = a.made(*r)
		return nil
	}, name)
	if err != nil {
		return Made{}, err
	}
	a.tell(Note{At: now, Actor: actor, Text: "account " + name + ": " + text})
	return made, nil
}

// SetPassword changes a password, ends the sessions of the account and its locks.
func (a *Accounts) SetPassword(ctx context.Context, name, password, actor string, now time.Time) (Account, error) {
	known := a.snapshot()
	if a.damaged == nil && known.find(name) == nil {
		return Account{}, known.nobody(name, a.Place)
	}
	if err := CheckPassword(name, password); err != nil {
		return Account{}, err
	}
	text, err := a.hasher.make(ctx, password)
	if err != nil {
		return Account{}, err
	}
	made, err := a.edit(name, actor, "the password was changed", now, func(_ *contents, r *record) error {
		r.Password = text
		return nil
	})
	if err == nil {
		a.mu.Lock()
		delete(a.limits.names, name)
		a.mu.Unlock()
	}
	return made.Account, err
}

// SetRole changes a role and ends the sessions of the account. The last admin stays admin.
func (a *Accounts) SetRole(name string, role site.UserRole, actor string, now time.Time) (Account, error) {
	if err := a.checkRole(role); err != nil {
		return Account{}, err
	}
	made, err := a.edit(name, actor, "the role is "+string(role)+" now", now, func(c *contents, r *record) error {
		if r.Role == site.UserAdmin && role != site.UserAdmin && c.admins() == 1 {
			return refuse(LastAdmin, "make another admin first", "%s is the last admin and must stay one", name)
		}
		r.Role = role
		return nil
	})
	return made.Account, err
}

// SetTOTP gives an account a new secret for an authenticator app, or takes it away, and ends the
// sessions of the account. The secret is in Made.URI, this once.
func (a *Accounts) SetTOTP(name string, on bool, actor string, now time.Time) (Made, error) {
	secret, text := "", "the authenticator app was taken away"
	if on {
		text = "an authenticator app was set up"
		var err error
		if secret, err = a.secret(); err != nil {
			return Made{}, err
		}
	}
	return a.edit(name, actor, text, now, func(_ *contents, r *record) error {
		r.TOTP, r.TOTPStep = secret, 0
		return nil
	})
}
