package window

import (
	"fmt"
	"strings"
	"time"
)

// Contains reports whether t lies in the window: at Open or later, and before Close.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.Open) && t.Before(s.Close) }

// Length returns how long the window really lasts: 5h, 6h or 7h for the same hours of the clock.
func (s Span) Length() time.Duration { return s.Close.Sub(s.Open) }

// Cutoff returns Close minus the reserve: what is started must have ended by then, its
// rollback included. It never lies outside the window; in a window shorter than the reserve
// it is Open, so that nothing fits.
func (s Span) Cutoff(reserve time.Duration) time.Time {
	return s.Close.Add(-min(max(reserve, 0), s.Length()))
}

// String returns the window for people, for example "2026-03-07 23:00 EST to 2026-03-08 05:00 EDT (5h)".
func (s Span) String() string {
	const layout = "2006-01-02 15:04 MST"
	return fmt.Sprintf("%s to %s (%s)", s.Open.Format(layout), s.Close.Format(layout), brief(s.Length()))
}

// brief writes a length of time without the units that are zero at its end: 5h, 6h30m.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
