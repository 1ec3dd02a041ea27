// Package nottonight lets the manager of a store stop the coming night with a PIN and a reason. How
// far he may is decided by site/run; here the PIN is compared, guesses are slowed down, and what
// was asked is written to the journal as a hold of all devices.
//
// It needs no account and no network. It locks nobody out for longer than a quarter of an hour:
// whoever guesses keeps the manager waiting, and a telephone call to a technician goes around it.
package nottonight

import (
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

const (
	freeTries  = 3 // wrong PINs before anybody has to wait
	longest    = 15 * time.Minute
	forgotten  = time.Hour // without a wrong PIN, and counting begins anew
	maxReason  = 200       // letters
	wrongCount = 32        // more are not counted: the wait does not grow any more
)

// Ledger is the journal with its fold.
type Ledger interface {
	State() run.State
	Commit(decide func(run.State) []run.Event) ([]run.Record, error)
}

// Options are what a Gate works with.
type Options struct {
	Ledger   Ledger
	Calendar window.Calendar
	Rule     run.SkipRule
	PIN      string // its hash
}

// Gate lets the manager through. Its methods may be called at the same time.
type Gate struct {
	Options
	mu    sync.Mutex // one PIN is compared at a time
	wrong int
	last  time.Time // of the newest wrong one
}

// New makes a Gate.
func New(o Options) *Gate { return &Gate{Options: o} }

// Refusal is why nothing was done.
type Refusal struct {
	Why   run.Refusal
	Wait  time.Duration // with Guessed: until another PIN is looked at
	Times int           // with run.UsedUp: how often it was done this month
}

// The refusals that are not of the rules.
const (
	BadPIN    run.Refusal = "bad_pin"
	Guessed   run.Refusal = "guessed"   // too many wrong PINs
	NoReason  run.Refusal = "no_reason" // the reason is missing
	Unwritten run.Refusal = "unwritten" // the journal could not be written
)

// May says whether the coming night can be stopped or let go again now, and when its window opens.
func (g *Gate) May(now time.Time) (stop, undo run.Refusal, opens time.Time) {
	s := g.Ledger.State()
	span, stop := run.MaySkip(s, g.Calendar, g.Rule, now)
	_, undo = run.MayUndo(s, g.Calendar, now)
	return stop, undo, span.Open
}

// Left is how many nights of the coming night's month can still be stopped.
func (g *Gate) Left(now time.Time) int {
	span, ok := g.Calendar.Next(now)
	if !ok {
		return 0
	}
	return max(0, g.Rule.MaxPerMonth-run.Skipped(g.Ledger.State(), span.Night))
}

// Stop stops the coming night. Nil = it is written down.
func (g *Gate) Stop(pin, reason string, now time.Time) *Refusal {
	reason = tidy(reason)
	if reason == "" {
		return &Refusal{Why: NoReason}
	}
	if refused := g.enter(pin, now); refused != nil {
		return refused
	}
	return g.commit(func(s run.State) (run.Event, *Refusal) {
		span, why := run.MaySkip(s, g.Calendar, g.Rule, now)
		if why != "" {
			return run.Event{}, &Refusal{Why: why, Times: run.Skipped(s, span.Night)}
		}
		hold := site.Hold{Device: site.AllDevices, Until: span.Close, Reason: reason, Actor: run.Manager}
		return run.Event{Kind: run.HoldSet, At: now, Device: hold.Device, Night: span.Night, Hold: &hold, Actor: run.Manager, Text: reason}, nil
	})
}

// Undo lets the night go on that was stopped. Nil = it is written down.
func (g *Gate) Undo(pin string, now time.Time) *Refusal {
	if refused := g.enter(pin, now); refused != nil {
		return refused
	}
	return g.commit(func(s run.State) (run.Event, *Refusal) {
		span, why := run.MayUndo(s, g.Calendar, now)
		if why != "" {
			return run.Event{}, &Refusal{Why: why}
		}
		return run.Event{Kind: run.HoldReleased, At: now, Device: site.AllDevices, Night: span.Night, Actor: run.Manager}, nil
	})
}

func (g *Gate) commit(decide func(run.State) (run.Event, *Refusal)) *Refusal {
	var refused *Refusal
	_, err := g.Ledger.Commit(func(s run.State) []run.Event {
		var e run.Event
		if e, refused = decide(s); refused != nil {
			return nil
		}
		return []run.Event{e}
	})
	if err != nil {
		return &Refusal{Why: Unwritten}
	}
	return refused
}

// enter compares the PIN. After a few wrong ones nobody is looked at for a while, longer each time.
func (g *Gate) enter(pin string, now time.Time) *Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	since := now.Sub(g.last)
	if since > forgotten {
		g.wrong = 0
	}
	if wait := pauseAfter(g.wrong) - since; wait > 0 && since >= 0 {
		return &Refusal{Why: Guessed, Wait: wait}
	}
	if accounts.MatchPIN(g.PIN, strings.TrimSpace(pin)) {
		g.wrong = 0
		return nil
	}
	g.wrong, g.last = min(g.wrong+1, wrongCount), now
	return &Refusal{Why: BadPIN}
}

// pauseAfter is how long nobody is looked at after so many wrong PINs: a minute after three, then
// twice as long each time.
func pauseAfter(wrong int) time.Duration {
	if wrong < freeTries {
		return 0
	}
	return min(longest, time.Minute<<min(wrong-freeTries, 10))
}

// tidy makes one line of a reason.
func tidy(reason string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(reason, ""))
	letters := []rune(strings.Join(strings.Fields(clean), " "))
	return string(letters[:min(len(letters), maxReason)])
}
