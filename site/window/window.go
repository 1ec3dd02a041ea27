// Package window is the store's calendar: when maintenance may happen and when
// the store opens for trade, correct across zones, changes of daylight saving
// time and midnight. It is pure: it reads no clock and no files.
package window

import "time"

// Calendar is the recurring maintenance window and the opening hours of a store.
// Times are what a clock on the store's wall shows.
type Calendar struct {
	Zone      *time.Location
	Start     Clock
	End       Clock         // not after Start on the dial: the window ends on the next day
	Days      Weekdays      // the dates on which it opens; empty = every day
	Reserve   time.Duration // kept free at the end of each window for verification and repair
	Blackouts []Blackout
	Opening   map[time.Weekday]Clock // when the store opens; a day that is missing is closed
}

// Clock is a time of day on a wall clock, in minutes after midnight.
type Clock int

// Weekdays is a set of days of the week; bit n is time.Weekday(n).
type Weekdays uint8

// Blackout forbids every window that opens on a date from From to To, both included.
type Blackout struct {
	From   Date
	To     Date
	Reason string
}

// Span is one concrete window: Open belongs to it, Close does not.
type Span struct {
	Night Date // the local date on which it opens: the name of the night
	Open  time.Time
	Close time.Time
}
