// Package window is the store's calendar: when maintenance may happen and when
// the store opens for trade, correct across zones, changes of daylight saving
// time and midnight. It is pure: it reads no clock and no files.
//
// Start, End and the opening hours are what a clock on the store's wall shows, and each
// is turned into an instant by one rule: the first instant at which the wall clock shows
// that date and time, or a later one. From this follows
//
//   - 23:00 to 05:00 lasts five hours in the night when clocks go forward and seven when
//     they go back; nothing is ever computed by adding six hours to the opening;
//   - a time that does not exist, because clocks skip it, is the instant at which they skip:
//     a window from 02:30 then opens at 03:00, one until 02:30 closes there. A window that
//     lies wholly inside the skipped time does not open that night;
//   - a time that occurs twice is its first occurrence, for the opening and for the close.
//     A window until 01:30 closes when clocks show 01:30 for the first time and stays
//     closed when they show it again;
//   - instants keep the order of what the wall clock shows, so no two windows overlap.
//
// A window belongs to the date on which it opens: days: [sat] from 23:00 to 05:00 is open on
// Sunday at 02:00 and closed on Saturday at 02:00. Where clocks skip the last hour of a
// date, its window opens with the first instant of the next date and is still that date's night.
package window

import "time"

// Calendar is the recurring maintenance window and the opening hours of a store.
// Times are what a clock on the store's wall shows. A calendar with problems (see
// Problems) fails closed: no instant lies in any of its windows.
type Calendar struct {
	Zone      *time.Location
	Start     Clock         // 00:00 to 23:59
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

// Span is one concrete window: Open belongs to it, Close does not. Both instants
// carry the store's zone.
type Span struct {
	Night Date // the date for which it opens: the name of the night
	Open  time.Time
	Close time.Time
}
