package accounts

import (
	"context"
	"crypto/sha256"
	"time"
)

// Own is what a person is told of his own account.
type Own struct {
	Account
	// Wanted: a code is asked for, and the account has no authenticator app.
	Wanted bool
}

// Own returns the account of a session.
func (a *Accounts) Own(token string, now time.Time) (Own, error) {
	s, ok := a.Enrolling(token, now)
	if !ok {
		return Own{}, sessionOver()
	}
	r, _ := a.record(s.Account)
	return Own{Account: r.account(), Wanted: r.TOTP == "" && a.Policy != Never}, nil
}

// ChangePassword changes the password of a session's account, for who knows the old one, and ends every other
// session of it. Wrong passwords are counted as failed logins of this session.
func (a *Accounts) ChangePassword(ctx context.Context, token, old, password string, now time.Time) error {
	if _, ok := a.Session(token, now); !ok {
		return sessionOver()
	}
	read, err := a.again(ctx, token, old, now)
	if err != nil {
		return err
	}
	if err := CheckPassword(read.Name, password); err != nil {
		return err
	}
	if old == password {
		return refuse(Weak, "take another one", "the new password is the old one")
	}
	text, err := a.hasher.make(ctx, password)
	if err != nil {
		return err
	}
	return a.changeOwn(token, read, "the password was changed", now, func(r *record) { r.Password = text })
}

// BeginTOTP draws a secret for the authenticator app of a session's account, for who knows its password, and
// returns what is to be entered in the app. It counts only when FinishTOTP was given a code of it.
func (a *Accounts) BeginTOTP(ctx context.Context, token, password string, now time.Time) (uri string, err error) {
	own, err := a.Own(token, now)
	switch {
	case err != nil:
		return "", err
	case own.TOTP:
		return "", refuse(Taken, "an admin makes a new one "+a.Place.Spot+": "+a.Place.Command+" user totp "+own.Name+" --on", "%s has an authenticator app already", own.Name)
	case !own.Wanted:
		return "", refuse(NotAllowed, a.Place.Spot+": "+a.Place.Command+" user totp "+own.Name+" --on", "%s asks for no codes of an authenticator app", a.Place.Asker)
	}
	if _, err := a.again(ctx, token, password, now); err != nil {
		return "", err
	}
	secret, err := a.secret()
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.find(token, now)
	if s == nil {
		return "", sessionOver()
	}
	s.offered = secret
	return otpauth(a.Issuer, own.Name, secret), nil
}

// FinishTOTP gives the account of a session the secret that BeginTOTP drew, when a code of it is right, and ends
// every other session of the account; this one may do whatever the role may, if it could only enrol before. Wrong codes are counted as failed logins of this session.
func (a *Accounts) FinishTOTP(token, code string, now time.Time) error {
	s, ok := a.Enrolling(token, now)
	if !ok {
		return sessionOver()
	}
	a.mu.Lock()
	offered := ""
	if live := a.find(token, now); live != nil {
		offered = live.offered
	}
	a.mu.Unlock()
	read, _ := a.record(s.Account)
	if offered == "" || read.TOTP != "" {
		return refuse(CodeUnset, "begin anew", "no authenticator app is being set up for %s", s.Account)
	}
	try, err := a.trying(s, now)
	if err != nil {
		return err
	}
	asked := read
	asked.TOTP, asked.TOTPStep = offered, 0
	step, err := a.codeOf(asked, code, now)
	if is(err, WrongCode) || is(err, CodeNeeded) {
		return a.failed(try, s.Source, now, err)
	}
	a.undo(try)
	if err != nil {
		return err
	}
	if err := a.changeOwn(token, read, "an authenticator app was set up", now, func(r *record) { r.TOTP, r.TOTPStep = offered, step }); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if live := a.find(token, now); live != nil {
		live.offered, live.code, live.proven, live.Enrol = "", true, a.since(now), false
	}
	return nil
}

// again asks for the password of a session's account once more, and returns the account as it was read.
func (a *Accounts) again(ctx context.Context, token, password string, now time.Time) (record, error) {
	s, ok := a.Enrolling(token, now)
	if !ok {
		return record{}, sessionOver()
	}
	try, err := a.trying(s, now)
	if err != nil {
		return record{}, err
	}
	r, _ := a.record(s.Account)
	if len(password) > maxPassword {
		password = "" // which is nobody's
	}
	right, _, err := a.hasher.verify(ctx, r.Password, password, false)
	if err == nil && !right {
		return record{}, a.failed(try, s.Source, now, refuse(Wrong, "", "the old password is wrong"))
	}
	a.undo(try)
	return r, err
}

// trying counts an attempt within a session.
func (a *Accounts) trying(s Session, now time.Time) (attempt, error) {
	try := attempt{name: s.Account, source: "session " + s.ID, exists: true, known: true}
	return try, a.begin(try, s.Source, now)
}

// changeOwn edits the account of a session, unless it was changed since it was read, and ends its other sessions.
func (a *Accounts) changeOwn(token string, read record, text string, now time.Time, edit func(*record)) error {
	err := a.change(func(c *contents) error {
		r := c.find(read.Name)
		if r == nil || r.Password != read.Password || r.TOTP != read.TOTP || r.Role != read.Role {
			return refuse(Busy, "try again", "the account was changed at this moment")
		}
		edit(r)
		r.Changed = now.UTC().Truncate(time.Second)
		return nil
	})
	if err != nil {
		return err
	}
	mine := digest(sha256.Sum256([]byte(token)))
	a.mu.Lock()
	for key, s := range a.sessions {
		if s.Account == read.Name && key != mine {
			delete(a.sessions, key)
		}
	}
	a.mu.Unlock()
	a.tell(Note{At: now, Actor: read.Name, Text: "account " + read.Name + ": " + text})
	return nil
}
