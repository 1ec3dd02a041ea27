// Package clock judges whether the time of this box may be trusted. A maintenance window
// opens on a trusted clock only: a box whose clock battery is dead must not take noon
// for midnight. The package never sets the clock and asks no time server itself; it
// reads what the operating system says of its own clock and compares that with times
// which cannot lie in the future.
package clock

import (
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Trust says what the time of the box rests on.
type Trust string

// The kinds of trust. Synchronised and Operator are also what a store file may ask for
// (clock.trust); Suspect is only ever a judgement.
const (
	Synchronised Trust = "synchronised" // the operating system keeps the clock in step with a time server
	Operator     Trust = "operator"     // a person vouches for the clock of this box
	Suspect      Trust = "suspect"      // the time may be wrong: nothing that hangs on it is begun
)

// Sync is what the operating system says of its own clock.
type Sync string

// The answers of the operating system. Every one but InStep is no reason to trust it.
const (
	InStep    Sync = "in_step"     // kept in step with a time server
	OutOfStep Sync = "out_of_step" // running freely
	NoAnswer  Sync = "no_answer"   // it could not be asked
)

// Back is how far the clock may lie behind the newest time of the journal.
const Back = run.Back

// Facts are everything that the judgement goes by.
type Facts struct {
	Asked    Trust     // the store file's clock.trust: Synchronised or Operator
	Now      time.Time // the box's wall clock
	Sync     Sync
	SyncText string    // for people: why Sync is not InStep
	Built    time.Time // when this program was built; zero = not known
	LastSeen time.Time // the newest time in the journal that was written under trust; zero = none
}

// Judgement is what the box's time is worth at one moment. It is not kept over a crash:
// a box that starts again judges again.
type Judgement struct {
	Trust  Trust
	At     time.Time    // the time that was judged
	Reason *site.Reason // why it is Suspect, with CodeClockUnsure; nil otherwise
}

// Trusted reports whether work that hangs on the time may begin. The zero Judgement is not trusted.
func (j Judgement) Trusted() bool { return j.Trust == Synchronised || j.Trust == Operator }

// Change is the event that tells that the clock came to be trusted, or ceased to be, where the
// journal holds why it was not before; nil = it was trusted. It is false when that is as it was.
func (j Judgement) Change(unsure *site.Reason) (run.Event, bool) {
	if j.Trusted() == (unsure == nil) {
		return run.Event{}, false
	}
	return run.Event{Kind: run.ClockChanged, At: j.At, Reason: j.Reason}, true
}

// Judge decides what the time is worth. A time before the program was built, or before what
// the journal has seen, is suspect whoever vouches for it; after that the store file
// decides whether the operating system or a person is believed.
func Judge(f Facts) Judgement {
	now := f.Now.Round(0) // wall clock only: the monotonic reading hides that the clock was set back
	last := f.LastSeen.Round(0)
	switch {
	case now.Before(f.Built.Round(0)):
		return f.suspect(fmt.Sprintf("the clock of this box shows %s, but this program was built on %s: the clock lost its time; %s, and check the clock battery of this box",
			show(now), show(f.Built), setIt))
	case !last.IsZero() && last.Sub(now) > Back:
		return f.suspect(fmt.Sprintf("the clock of this box shows %s, but the newest entry of its journal is of %s: the clock went back by %s, or ran ahead before; %s; if %s is right, say so with `nightfill clock confirm`",
			show(now), show(last), last.Sub(now).Round(time.Second), setIt, show(now)))
	case f.Asked == Operator:
		return Judgement{Trust: Operator, At: now}
	case f.Asked != Synchronised:
		return f.suspect(fmt.Sprintf("the store file asks for clock.trust: %s, which is no kind of trust; write synchronised or operator", f.Asked))
	case f.Sync != InStep:
		return f.suspect(fmt.Sprintf("the clock of this box shows %s, but is not known to be right: %s; start chrony or systemd-timesyncd and see `timedatectl`, or write clock.trust: operator in the store file if you vouch for the clock",
			show(now), f.syncText()))
	}
	return Judgement{Trust: Synchronised, At: now}
}

// setIt is what to do about a wrong clock.
const setIt = "connect it to a time server or set the clock with `timedatectl set-time`"

func (f Facts) syncText() string {
	if f.SyncText == "" {
		return "the operating system does not say that it is synchronised"
	}
	return f.SyncText
}

func (f Facts) suspect(text string) Judgement {
	facts := []string{"asked", string(f.Asked), "now", stamp(f.Now), "sync", string(f.Sync)}
	if !f.Built.IsZero() {
		facts = append(facts, "built", stamp(f.Built))
	}
	if !f.LastSeen.IsZero() {
		facts = append(facts, "last_seen", stamp(f.LastSeen))
	}
	return Judgement{Trust: Suspect, At: f.Now.Round(0), Reason: site.Because(site.CodeClockUnsure, text, facts...)}
}

func show(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
