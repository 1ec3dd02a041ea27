package accounts

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// The limits of sessions.
const (
	IdleLimit   = 15 * time.Minute // usual; without a call of Session or May; PCI DSS 8.2.8
	WholeLimit  = 12 * time.Hour
	FreshFor    = 5 * time.Minute  // how long a code is good for severe actions
	EnrolLimit  = 10 * time.Minute // of a session that may only set up an authenticator app
	maxSessions = 10               // of one account; the one unused for the longest ends
)

// digest is the SHA-256 of a secret that is kept nowhere.
type digest [sha256.Size]byte

// Session is one person who is logged in.
type Session struct {
	ID      string        `json:"id"` // names the session and opens nothing
	Account string        `json:"account"`
	Role    site.UserRole `json:"role"`
	Source  string        `json:"source"`
	Began   time.Time     `json:"began"`
	Used    time.Time     `json:"used"`
	// Enrol: it may do nothing but set up the authenticator app that the policy Always asks for. FinishTOTP makes
	// it a session like any other.
	Enrol bool `json:"enrol,omitempty"`
}

// session is a Session with the times that its limits are counted from.
type session struct {
	Session
	began, used time.Duration
	proven      time.Duration // when a code was given
	code        bool          // one was
	offered     string        // the secret of an authenticator app that is being set up
}

func (a *Accounts) over(s *session, t time.Time) bool {
	now := a.since(t)
	return now-s.used >= a.Idle || now-s.began >= WholeLimit || s.Enrol && now-s.began >= EnrolLimit
}

// open begins a session. The caller holds the writer, so that nobody changes the account meanwhile.
func (a *Accounts) open(r record, code bool, from string, enrol bool, now time.Time) (Entry, error) {
	token := make([]byte, 32)
	if _, err := io.ReadFull(a.Random, token); err != nil {
		return Entry{}, fmt.Errorf("cannot draw a token: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(token)
	key, at := digest(sha256.Sum256([]byte(text))), a.since(now)
	s := &session{
		Session: Session{ID: hex.EncodeToString(key[:8]), Account: r.Name, Role: r.Role, Source: from, Began: now, Used: now, Enrol: enrol},
		began:   at, used: at, proven: at, code: code,
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.makeRoom(r.Name)
	a.sessions[key] = s
	return Entry{Session: s.Session, Token: text}, nil
}

// makeRoom ends the session that was unused for the longest when an account has the most it may have.
func (a *Accounts) makeRoom(name string) {
	var oldest digest
	n := 0
	for key, s := range a.sessions {
		if s.Account != name {
			continue
		}
		if n++; n == 1 || s.used < a.sessions[oldest].used {
			oldest = key
		}
	}
	if n >= maxSessions {
		delete(a.sessions, oldest)
	}
}

// find returns the live session of a token. The caller holds mu.
func (a *Accounts) find(token string, now time.Time) *session {
	key := digest(sha256.Sum256([]byte(token)))
	s := a.sessions[key]
	if s != nil && a.over(s, now) {
		delete(a.sessions, key)
		return nil
	}
	return s
}

// Session returns who a token stands for, and counts as a sign of life. ok is false for a token that
// is over, never was, or may only enrol.
func (a *Accounts) Session(token string, now time.Time) (s Session, ok bool) {
	s, ok = a.Enrolling(token, now)
	if s.Enrol {
		return Session{}, false
	}
	return s, ok
}

// Enrolling is Session, also for a token that may only enrol.
func (a *Accounts) Enrolling(token string, now time.Time) (s Session, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.find(token, now)
	if found == nil {
		return Session{}, false
	}
	found.used, found.Used = max(found.used, a.since(now)), now
	return found.Session, true
}

// Peek is Session without the sign of life, for what goes on by itself: a page that follows the night ends
// with its session.
func (a *Accounts) Peek(token string, now time.Time) (s Session, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.find(token, now)
	if found == nil || found.Enrol {
		return Session{}, false
	}
	return found.Session, true
}

// May returns who a token stands for when that person may do what is of the tier now, and else a
// Refusal: SessionOver, NotAllowed, CodeUnset, or CodeNeeded, after which Confirm helps.
func (a *Accounts) May(token string, t site.Tier, now time.Time) (Session, error) {
	s, ok := a.Session(token, now)
	switch {
	case !ok:
		return Session{}, sessionOver()
	case !s.Role.May(t):
		return s, refuse(NotAllowed, "ask somebody with another role", "the role %s may not do this", s.Role)
	case !a.Policy.Needs(t):
		return s, nil
	}
	if r, exists := a.record(s.Account); exists && r.TOTP == "" {
		return s, a.unset(s.Account)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if found := a.find(token, now); found != nil && found.code && a.since(now)-found.proven < FreshFor {
		return s, nil
	}
	return s, refuse(CodeNeeded, "enter the code that your authenticator app shows", "this needs a new code")
}

func sessionOver() *Refusal {
	return refuse(SessionOver, "log in again", "you are not logged in any more")
}

// Confirm takes a code within a session, so that severe actions may be done for the time of FreshFor.
// Wrong codes are counted as failed logins of this session.
func (a *Accounts) Confirm(token, code string, now time.Time) error {
	s, ok := a.Session(token, now)
	if !ok {
		return sessionOver()
	}
	try := attempt{name: s.Account, source: "session " + s.ID, exists: true, known: true}
	if err := a.begin(try, s.Source, now); err != nil {
		return err
	}
	err := a.confirm(token, s.Account, code, now)
	if is(err, WrongCode) {
		return a.failed(try, s.Source, now, err)
	}
	a.undo(try)
	return err
}

func (a *Accounts) confirm(token, name, code string, now time.Time) error {
	r, _ := a.record(name)
	if r.TOTP == "" {
		return a.unset(name)
	}
	step, err := a.codeOf(r, code, now)
	if err != nil {
		return err
	}
	a.writer.Lock()
	defer a.writer.Unlock()
	if err := a.amend(r, func(r *record) { r.TOTPStep = step }, step); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.find(token, now)
	if s == nil {
		return sessionOver()
	}
	s.code, s.proven = true, a.since(now)
	return nil
}

// End ends the session of a token, if there is one, because its person logged out, and tells of it.
func (a *Accounts) End(token string, now time.Time) { a.leave(token, "logged out", now) }

// Replace ends the session of a token, if there is one, because its browser was let in anew, and tells of it.
func (a *Accounts) Replace(token string, now time.Time) {
	a.leave(token, "the same browser logged in again", now)
}

// leave ends a session that is not over by itself, and tells why.
func (a *Accounts) leave(token, why string, now time.Time) {
	a.mu.Lock()
	s := a.find(token, now)
	delete(a.sessions, digest(sha256.Sum256([]byte(token))))
	a.mu.Unlock()
	if s != nil {
		a.tell(Note{At: now, Actor: s.Account, Logout: true, Text: "a session of account " + s.Account + " was ended: " + why})
	}
}

// EndID ends the session that Sessions lists with an id, and reports whether there was one.
func (a *Accounts) EndID(id, actor string, now time.Time) bool {
	a.mu.Lock()
	ended := ""
	for key, s := range a.sessions {
		if s.ID == id {
			ended = s.Account
			delete(a.sessions, key)
		}
	}
	a.mu.Unlock()
	if ended != "" {
		a.tell(Note{At: now, Actor: actor, Text: "a session of account " + ended + " was ended"})
	}
	return ended != ""
}

// endAll ends the sessions of an account. The caller holds mu.
func (a *Accounts) endAll(name string) {
	for key, s := range a.sessions {
		if s.Account == name {
			delete(a.sessions, key)
		}
	}
}

// Sessions returns who is logged in, the newest first. It is no sign of life of any of them.
func (a *Accounts) Sessions(now time.Time) []Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []Session{}
	for _, s := range a.sessions {
		if !a.over(s, now) {
			list = append(list, s.Session)
		}
	}
	slices.SortFunc(list, func(x, y Session) int { return cmp.Or(y.Began.Compare(x.Began), cmp.Compare(x.ID, y.ID)) })
	return list
}
