package accounts

import (
	"context"
	"time"
)

// Login is an attempt to log in.
type Login struct {
	Name     string
	Password string
	Code     string // of the authenticator app; "" = none was given
	Source   string // the address that it came from, with or without its port
	Browser  string // the token that Entry.Browser gave this browser; "" = none
	Enrol    bool   // whoever asks has a page to set up an authenticator app on
}

// Entry is what a good login gives: the token of a session, and what the browser keeps to be known.
type Entry struct {
	Session Session
	Token   string // for the session cookie; it is kept nowhere else
	Browser string // for a cookie that lasts KnownFor, readable only by this login; "" for a session that may only enrol
}

// Authenticate lets somebody in, or returns a Refusal. An attempt that must wait costs nothing and is
// not looked at. ctx limits the wait for the turn to hash; an attempt that did not get its turn is not
// counted.
func (a *Accounts) Authenticate(ctx context.Context, l Login, now time.Time) (Entry, error) {
	if a.damaged != nil {
		return Entry{}, a.damaged
	}
	name, from := canonical(l.Name), sourceOf(l.Source)
	r, exists := a.record(name)
	try := attempt{name: name, source: from, exists: exists}
	if browser, known := a.browser(l.Browser, r, now); known && exists {
		try.source, try.known = browser, true
	}
	if err := a.begin(try, from, now); err != nil {
		return Entry{}, err
	}
	entry, err := a.prove(ctx, l, r, exists, try.known, from, now)
	if is(err, Wrong) || is(err, WrongCode) {
		return Entry{}, a.failed(try, from, now, err)
	}
	if err != nil {
		a.undo(try)
		return Entry{}, err
	}
	a.mu.Lock()
	a.limits.succeed(try)
	a.mu.Unlock()
	if entry.Session.Enrol {
		a.tell(Note{At: now, Actor: name, Login: true, OK: true, Text: "logged in from " + from + " without a code, to set up an authenticator app and nothing else"})
		return entry, nil
	}
	if entry.Browser = l.Browser; !try.known {
		entry.Browser = a.browserToken(r, now)
	}
	a.tell(Note{At: now, Actor: name, Login: true, OK: true, Text: "logged in from " + from})
	return entry, nil
}

// prove looks at the password and the code, and opens the session.
func (a *Accounts) prove(ctx context.Context, l Login, r record, exists, known bool, from string, now time.Time) (Entry, error) {
	password := l.Password
	if len(password) > maxPassword {
		password = "" // which is nobody's
	}
	right, upgraded, err := a.hasher.verify(ctx, r.Password, password, !known)
	if err != nil {
		return Entry{}, err
	}
	if !right || !exists {
		return Entry{}, refuse(Wrong, "", "the name or the password is wrong")
	}
	if r.TOTP == "" && a.Policy == Always {
		if !l.Enrol {
			return Entry{}, a.unset(r.Name)
		}
		return a.enter(r, 0, upgraded, from, true, now)
	}
	step, err := a.codeOf(r, l.Code, now)
	if err != nil {
		return Entry{}, err
	}
	return a.enter(r, step, upgraded, from, false, now)
}

// record finds an account. A name that has none gets one that no password opens, which costs the same.
func (a *Accounts) record(name string) (record, bool) {
	if r := a.snapshot().find(name); r != nil {
		return *r, true
	}
	return record{Name: name, Password: a.dummy}, false
}

// begin counts an attempt, or says how long it must wait.
func (a *Accounts) begin(try attempt, from string, now time.Time) error {
	a.mu.Lock()
	wait := a.limits.begin(try, a.since(now))
	a.mu.Unlock()
	if wait == 0 {
		return nil
	}
	return a.failed(try, from, now, waitFor(wait))
}

func (a *Accounts) undo(try attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limits.undo(try)
}

// failed writes down that an attempt failed, and returns why.
func (a *Accounts) failed(try attempt, from string, now time.Time, why error) error {
	a.mu.Lock()
	note, some := a.failures.add(try.name, try.exists, from, now, a.since(now))
	a.mu.Unlock()
	if some {
		a.tell(note)
	}
	return why
}

// codeOf returns the step of the code that an account gives; 0 where it has no authenticator app.
func (a *Accounts) codeOf(r record, code string, now time.Time) (step int64, err error) {
	switch {
	case r.TOTP == "":
		return 0, nil
	case code == "":
		return 0, refuse(CodeNeeded, "enter the code that your authenticator app shows", "a code is needed")
	}
	secret, err := decodeSecret(r.TOTP)
	if err != nil {
		return 0, err
	}
	step, again, ok := matchTOTP(secret, code, now, r.TOTPStep)
	switch {
	case ok:
		return step, nil
	case again:
		return 0, refuse(WrongCode, "wait for the next one", "this code was used already")
	}
	return 0, refuse(WrongCode, "wait for the next one; the clocks of "+a.Place.This+" and of your phone must agree", "the code is wrong")
}

func (a *Accounts) unset(name string) error {
	return refuse(CodeUnset, a.Place.Spot+": "+a.Place.Command+" user totp "+name+" --on", a.Place.Asker+" asks for a code of an authenticator app, and %s has none", name)
}

// enter writes down a login and opens the session, unless the account was changed since it was read.
// A full disk keeps nobody out.
func (a *Accounts) enter(read record, step int64, upgraded, from string, enrol bool, now time.Time) (Entry, error) {
	a.writer.Lock()
	defer a.writer.Unlock()
	err := a.amend(read, func(r *record) {
		r.LastLogin = now.UTC().Truncate(time.Second)
		r.TOTPStep = max(r.TOTPStep, step)
		if upgraded != "" {
			r.Password = upgraded
		}
	}, step)
	if err != nil {
		return Entry{}, err
	}
	return a.open(read, step > 0, from, enrol, now)
}

// amend edits an account in memory and, where the disk allows, in the file. The caller holds the writer.
func (a *Accounts) amend(read record, edit func(*record), step int64) error {
	next := a.snapshot().clone()
	r := next.find(read.Name)
	switch {
	case r == nil || r.Password != read.Password || r.TOTP != read.TOTP || r.Role != read.Role:
		return refuse(Busy, "try again", "the account was changed at this moment")
	case step > 0 && step <= r.TOTPStep:
		return refuse(WrongCode, "wait for the next one", "this code was used already")
	}
	edit(r)
	if err := save(a.path, next); err != nil {
		a.Log.Error("a login is not in the file of the accounts", "account", read.Name, "err", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = next
	return nil
}
