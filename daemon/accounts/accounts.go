package accounts

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Policy says when a code of an authenticator app is asked for.
type Policy string

// The policies. An account that has an authenticator app gives a code at each login, whatever the policy.
const (
	Never  Policy = "never"  // nobody must have an authenticator app
	Severe Policy = "severe" // and severe actions need a code that is not older than FreshFor
	Always Policy = "always" // as Severe, and an account without one gets in only to set one up
)

// Needs reports whether what is of a tier needs a fresh code.
func (p Policy) Needs(t site.Tier) bool {
	return (p == Severe || p == Always) && (t == site.TierSevere || t == site.TierUsers)
}

// Options are what Accounts are made from.
type Options struct {
	Dir    string        // the state directory
	Policy Policy        // "" = Never
	Place  Place         // zero = Box()
	Idle   time.Duration // a session ends when it was not used for so long; 0 = IdleLimit
	Issuer string        // what an authenticator app calls the store, as "Nightfill 0142"
	Audit  Audit         // nil = nobody is told
	Log    *slog.Logger  // nil = none
	Random io.Reader     // nil = crypto/rand
	Cost   Cost          // of a hash; zero = for the smallest box
}

// Account is what may be known of an account.
type Account struct {
	Name      string        `json:"name"`
	Role      site.UserRole `json:"role"`
	TOTP      bool          `json:"totp"` // it has an authenticator app
	Created   time.Time     `json:"created"`
	Changed   time.Time     `json:"changed"`
	LastLogin time.Time     `json:"last_login,omitzero"`
}

func (r record) account() Account {
	return Account{Name: r.Name, Role: r.Role, TOTP: r.TOTP != "", Created: r.Created, Changed: r.Changed, LastLogin: r.LastLogin}
}

// Accounts are the accounts of a box, and who is logged in. Any number of goroutines may use them.
type Accounts struct {
	Options
	path    string
	started time.Time
	damaged error
	hasher  *hasher
	dummy   string // the hash that a name without an account is compared with

	writer sync.Mutex // one change at a time; held while the file is written

	mu       sync.Mutex // guards what follows; held for memory only
	known    contents
	sessions map[digest]*session
	limits   *limits
	failures failures
	claim    *digest // nil = there is none
}

// Open reads the accounts. A file that cannot be used is no error of Open: Err tells about it, and
// every call is refused with it, because a store must be patched also when nobody can log in.
// now is the start from which limits and sessions count.
func Open(o Options, now time.Time) (*Accounts, error) {
	if o.Policy == "" {
		o.Policy = Never
	}
	if o.Place.This == "" {
		o.Place = Box()
	}
	if o.Idle == 0 {
		o.Idle = IdleLimit
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Cost == (Cost{}) {
		o.Cost = cost()
	}
	a := &Accounts{
		Options: o, path: filepath.Join(o.Dir, FileName), started: now, hasher: newHasher(o.Cost, o.Random),
		sessions: map[digest]*session{}, limits: newLimits(), failures: newFailures(),
	}
	var err error
	if a.known, err = load(a.path, o.Place, o.Random); err != nil {
		a.damaged = refuse(Damaged, "put back a good copy, or move it away, start "+o.Place.Program+" again and claim "+o.Place.The+" with the code that it then shows",
			"the accounts in %s cannot be used: %v", a.path, err)
	}
	a.dummy, err = a.hasher.make(context.Background(), "")
	return a, err
}

// Err is why the accounts cannot be used, nil when they can.
func (a *Accounts) Err() error { return a.damaged }

// since is the time that passed since the start: t and the start carry a reading of the clock that
// never jumps.
func (a *Accounts) since(t time.Time) time.Duration { return t.Sub(a.started) }

// snapshot is what the accounts are now. Nobody changes it.
func (a *Accounts) snapshot() contents {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known
}

// change edits the accounts, and returns when the file holds the change. When that fails nothing has
// changed. ends names the accounts whose sessions are over.
func (a *Accounts) change(edit func(*contents) error, ends ...string) error {
	a.writer.Lock()
	defer a.writer.Unlock()
	if a.damaged != nil {
		return a.damaged
	}
	next := a.snapshot().clone()
	if err := edit(&next); err != nil {
		return err
	}
	if err := save(a.path, next); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = next
	for _, name := range ends {
		a.endAll(name)
	}
	if len(next.Accounts) > 0 {
		a.claim = nil
	}
	return nil
}

// Run writes down what is left to tell and forgets what is over, once a minute until ctx ends.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			a.sweep(time.Now())
		case <-ctx.Done():
			a.mu.Lock()
			note, some := a.failures.take(time.Now(), a.since(time.Now()))
			a.mu.Unlock()
			if some {
				a.tell(note)
			}
			return nil
		}
	}
}

func (a *Accounts) sweep(now time.Time) {
	a.mu.Lock()
	a.limits.sweep(a.since(now))
	for key, s := range a.sessions {
		if a.over(s, now) {
			delete(a.sessions, key)
		}
	}
	note, some := a.failures.due(now, a.since(now))
	a.mu.Unlock()
	if some {
		a.tell(note)
	}
}

// String names the accounts without their secrets, wherever they are printed.
func (a *Accounts) String() string { return fmt.Sprintf("accounts in %s", a.path) }
