package window

import (
	"fmt"
	"strings"
	"time"
)

// horizon is how many days Next and NextOpening look ahead.
const horizon = 400

// Cause says why a night has a window or has none.
type Cause string

// The causes. All but Opens mean that no window opens on that date.
const (
	Opens      Cause = "opens"                 // a window opens on that date
	Invalid    Cause = "invalid_calendar"      // the calendar has problems: it never opens
	NotADay    Cause = "not_a_maintenance_day" // Days does not name the day of the week
	InBlackout Cause = "blackout"              // a blackout covers the date
	NoSuchDate Cause = "no_such_date"          // the store's calendar skips the date, or it is no date
	NoSuchTime Cause = "no_such_time"          // clocks go forward over the whole window
)

// Length returns how long the window lasts in a night without a change of the clocks.
func (c Calendar) Length() time.Duration {
	minutes := c.End - c.Start
	if c.End <= c.Start {
		minutes += endOfDay
	}
	return time.Duration(minutes) * time.Minute
}

// On returns the window that opens on the date, and false where none does; Why tells the cause.
func (c Calendar) On(night Date) (Span, bool) {
	span, cause := c.on(night)
	return span, cause == Opens
}

// Why explains whether and why no window opens on the date: the cause, and a sentence for people.
func (c Calendar) Why(night Date) (Cause, string) {
	span, cause := c.on(night)
	switch cause {
	case Invalid:
		return cause, "the calendar is invalid and never opens: " + strings.ReplaceAll(c.Validate().Error(), "\n", "; ")
	case NotADay:
		return cause, fmt.Sprintf("%v is a %v: maintenance is on %v", night, night.Weekday(), c.Days)
	case InBlackout:
		b, _ := c.blackout(night)
		return cause, fmt.Sprintf("no maintenance %v", b)
	case NoSuchDate:
		if night.IsZero() {
			return cause, "no date is given"
		}
		return cause, fmt.Sprintf("there is no %v in %v", night, c.Zone)
	case NoSuchTime:
		return cause, fmt.Sprintf("clocks in %v go forward over the whole window of %v", c.Zone, night)
	}
	return cause, fmt.Sprintf("a window opens: %v", span)
}

// Contains returns the window in which t lies, and false where it lies in none.
func (c Calendar) Contains(t time.Time) (Span, bool) {
	if c.Zone == nil {
		return Span{}, false
	}
	today := DateOf(t.In(c.Zone))
	for _, night := range [...]Date{today, today.AddDays(-1), today.AddDays(1)} {
		if span, ok := c.On(night); ok && span.Contains(t) {
			return span, true
		}
	}
	return Span{}, false
}

// Next returns the first window that opens after t; one that is open at t, or opens at t
// itself, is not it. It looks 400 days ahead and returns false where none opens until then.
func (c Calendar) Next(t time.Time) (Span, bool) {
	if c.Zone == nil {
		return Span{}, false
	}
	today := DateOf(t.In(c.Zone))
	for n := range horizon {
		if span, ok := c.On(today.AddDays(n)); ok && span.Open.After(t) {
			return span, true
		}
	}
	return Span{}, false
}

// Remaining returns how much is left at t of the window in which t lies, and 0 outside.
func (c Calendar) Remaining(t time.Time) time.Duration {
	span, ok := c.Contains(t)
	if !ok {
		return 0
	}
	return span.Close.Sub(t)
}

// NextOpening returns the first time after t at which the store opens for trade. It is false
// for a store that never opens and for an invalid calendar.
func (c Calendar) NextOpening(t time.Time) (time.Time, bool) {
	if len(c.Problems()) > 0 || len(c.Opening) == 0 {
		return time.Time{}, false
	}
	today := DateOf(t.In(c.Zone))
	for n := range horizon {
		date := today.AddDays(n)
		clock, ok := c.Opening[date.Weekday()]
		if !ok || c.skips(date) {
			continue
		}
		if opens := c.at(date, clock); opens.After(t) {
			return opens, true
		}
	}
	return time.Time{}, false
}

// String describes the calendar for people.
func (c Calendar) String() string {
	if len(c.Problems()) > 0 {
		_, text := c.Why(Date{})
		return text
	}
	days := "every day"
	if c.Days != 0 && c.Days != everyDay {
		days = "on " + c.Days.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v to %v %s, %v", c.Start, c.End, days, c.Zone)
	if c.Reserve > 0 {
		fmt.Fprintf(&b, ", the last %s kept free", brief(c.Reserve))
	}
	for i, blackout := range c.Blackouts {
		b.WriteString([]string{"; not ", ", "}[min(i, 1)])
		b.WriteString(blackout.String())
	}
	return b.String()
}

// String describes the blackout for people, for example "from 2026-11-25 to 2026-12-02 (peak trading)".
func (b Blackout) String() string {
	text := fmt.Sprintf("from %v to %v", b.From, b.To)
	if b.From == b.To {
		text = fmt.Sprintf("on %v", b.From)
	}
	if b.Reason != "" {
		text += " (" + b.Reason + ")"
	}
	return text
}

// on returns the window of the night with Opens, or an empty one with the cause.
func (c Calendar) on(night Date) (Span, Cause) {
	switch _, dark := c.blackout(night); {
	case len(c.Problems()) > 0:
		return Span{}, Invalid
	case !night.exists():
		return Span{}, NoSuchDate
	case c.Days != 0 && !c.Days.Has(night.Weekday()):
		return Span{}, NotADay
	case dark:
		return Span{}, InBlackout
	case c.skips(night):
		return Span{}, NoSuchDate
	}
	last := night
	if c.End <= c.Start {
		last = night.AddDays(1)
	}
	span := Span{Night: night, Open: c.at(night, c.Start), Close: c.at(last, c.End)}
	if !span.Open.Before(span.Close) {
		return Span{}, NoSuchTime
	}
	return span, Opens
}

// blackout returns the first blackout that covers the date.
func (c Calendar) blackout(night Date) (Blackout, bool) {
	for _, b := range c.Blackouts {
		if b.From.Compare(night) <= 0 && night.Compare(b.To) <= 0 {
			return b, true
		}
	}
	return Blackout{}, false
}

// skips reports whether the store's zone never shows the date, as Samoa's did not
// show 2011-12-30 when it crossed the date line.
func (c Calendar) skips(date Date) bool { return DateOf(c.at(date, 0)) != date }

// at returns the first instant at which a wall clock in the zone shows the date and the
// time of day, or a later one.
func (c Calendar) at(date Date, clock Clock) time.Time {
	const margin = 26 * 60 * 60 // no zone is further from UTC
	shown := time.Date(date.Year, date.Month, date.Day, 0, int(clock), 0, 0, time.UTC).Unix()
	t := time.Unix(shown-margin, 0).In(c.Zone)
	for {
		_, offset := t.Zone()
		due := shown - int64(offset)
		if due <= t.Unix() { // clocks went forward at t, over the time that is asked for
			return t
		}
		_, end := t.ZoneBounds()
		if !end.IsZero() && !end.After(t) { // on the last day of a leap year package time names an end that is over
			end = t.Add(time.Hour)
		}
		if end.IsZero() || due < end.Unix() {
			return time.Unix(due, 0).In(c.Zone)
		}
		t = end
	}
}
