package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// Manager is the actor of what is asked on the READY page with the manager's PIN.
const Manager = "manager (PIN)"

// SkipRule is how far the manager of the store may stop a night.
type SkipRule struct {
	Latest      window.Clock // of the evening before the window; from then on it is too late
	AnyTime     bool         // there is no Latest: until the window opens
	MaxPerMonth int          // nights
}

// Refusal is why a night cannot be stopped, or let go again. "" = it can.
type Refusal string

// The refusals.
const (
	NoNight     Refusal = "no_night"    // no window opens within a day
	TooLate     Refusal = "too_late"    // the window is open, or about to
	HeldAlready Refusal = "held"        // somebody stopped it already
	UsedUp      Refusal = "used_up"     // as often as the rule allows this month
	NotStopped  Refusal = "not_stopped" // the manager did not stop it
)

// aDay is how long before its window a night can be stopped.
const aDay = 24 * time.Hour

// keptSkips is how many stopped nights are remembered: more than two months have.
const keptSkips = 70

// MaySkip says whether the manager may stop the coming night, and which one that is.
func MaySkip(s State, c window.Calendar, rule SkipRule, now time.Time) (window.Span, Refusal) {
	if span, inside := c.Contains(now); inside {
		return span, TooLate
	}
	span, ok := c.Next(now)
	switch {
	case !ok || span.Open.Sub(now) > aDay:
		return window.Span{}, NoNight
	case holdsAll(s, span):
		return span, HeldAlready
	case !now.Before(rule.until(span)):
		return span, TooLate
	case Skipped(s, span.Night) >= rule.MaxPerMonth:
		return span, UsedUp
	}
	return span, ""
}

// MayUndo says whether the manager may let the night go on that he stopped: before its window opens.
func MayUndo(s State, c window.Calendar, now time.Time) (window.Span, Refusal) {
	if span, inside := c.Contains(now); inside {
		return span, TooLate
	}
	span, ok := c.Next(now)
	if h := s.Holds[site.AllDevices]; !ok || h.Actor != Manager || !holdsAll(s, span) {
		return window.Span{}, NotStopped
	}
	return span, ""
}

// until is when it is too late to stop the night of a window.
func (r SkipRule) until(span window.Span) time.Time {
	if r.AnyTime {
		return span.Open
	}
	d := window.DateOf(span.Open)
	t := time.Date(d.Year, d.Month, d.Day, 0, int(r.Latest), 0, 0, span.Open.Location())
	if t.After(span.Open) {
		d = d.AddDays(-1)
		t = time.Date(d.Year, d.Month, d.Day, 0, int(r.Latest), 0, 0, span.Open.Location())
	}
	return t
}

// holdsAll reports whether every device is held for all of a window.
func holdsAll(s State, span window.Span) bool {
	h, held := s.Holds[site.AllDevices]
	return held && !h.Until.Before(span.Close)
}

// Skipped is how many nights of the month of a night the manager has stopped.
func Skipped(s State, night window.Date) int {
	n := 0
	for _, d := range s.Skips {
		if d.Year == night.Year && d.Month == night.Month {
			n++
		}
	}
	return n
}

// skip remembers, or forgets, a night that the manager stopped.
func (s *State) skip(e Event) {
	if e.Actor != Manager || e.Night.IsZero() {
		return
	}
	skips := slices.DeleteFunc(slices.Clone(s.Skips), func(d window.Date) bool { return d == e.Night })
	if e.Kind == HoldSet {
		skips = append(skips, e.Night)
	}
	s.Skips = skips[max(0, len(skips)-keptSkips):]
}
