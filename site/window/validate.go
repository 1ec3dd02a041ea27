package window

import (
	"errors"
	"fmt"
	"time"
)

// Problem is one thing that makes a calendar invalid.
type Problem struct {
	Field string // which part: zone, start, end, days, reserve, blackouts[0], opening[sat]
	Text  string // what is wrong with it, and what to write instead
}

// Error returns the field and the text.
func (p Problem) Error() string { return p.Field + ": " + p.Text }

// Validate returns nil, or all problems of the calendar joined into one error, a line each.
func (c Calendar) Validate() error {
	var all []error
	for _, p := range c.Problems() {
		all = append(all, p)
	}
	return errors.Join(all...)
}

// Problems returns everything that makes the calendar invalid, in the order of its fields.
func (c Calendar) Problems() []Problem {
	problems := c.zoneProblems(nil)
	problems = c.hoursProblems(problems)
	problems = c.blackoutProblems(problems)
	return c.openingProblems(problems)
}

func (c Calendar) zoneProblems(to []Problem) []Problem {
	switch {
	case c.Zone == nil:
		return append(to, Problem{"zone", "it is missing: name the store's time zone, for example America/Chicago"})
	case c.Zone.String() == time.Local.String():
		return append(to, Problem{"zone", "it is the box's own: name the store's time zone, for example America/Chicago"})
	}
	return to
}

func (c Calendar) hoursProblems(to []Problem) []Problem {
	hours := len(to)
	if !c.Start.Valid() {
		to = append(to, Problem{"start", fmt.Sprintf("%v is not a time of day: it goes from 00:00 to 23:59", c.Start)})
	}
	if c.Start == endOfDay {
		to = append(to, Problem{"start", "24:00 is on the next day: write 00:00 and the day on which it opens"})
	}
	if !c.End.Valid() {
		to = append(to, Problem{"end", fmt.Sprintf("%v is not a time of day: it goes from 00:00 to 24:00", c.End)})
	}
	if c.Start == c.End {
		to = append(to, Problem{"end", fmt.Sprintf("the window starts and ends at %v: make it later or earlier; a whole day is 00:00 to 24:00", c.End)})
	}
	usable := len(to) == hours
	if c.Days > everyDay {
		to = append(to, Problem{"days", fmt.Sprintf("%#x is not a set of days of the week", uint8(c.Days))})
	}
	switch {
	case c.Reserve < 0:
		to = append(to, Problem{"reserve", fmt.Sprintf("%s is negative: it is 0 or more", brief(c.Reserve))})
	case usable && c.Reserve >= c.Length():
		to = append(to, Problem{"reserve", fmt.Sprintf("%s leaves nothing of a window of %s: make it shorter than the window", brief(c.Reserve), brief(c.Length()))})
	}
	return to
}

func (c Calendar) blackoutProblems(to []Problem) []Problem {
	for i, b := range c.Blackouts {
		text := ""
		switch {
		case b.From.IsZero():
			text = "it has no first day: write from"
		case b.To.IsZero():
			text = "it has no last day: write to"
		case !b.From.exists():
			text = fmt.Sprintf("%v is not a day of the calendar", b.From)
		case !b.To.exists():
			text = fmt.Sprintf("%v is not a day of the calendar", b.To)
		case b.From.Compare(b.To) > 0:
			text = fmt.Sprintf("it is from %v to %v: the first day must not be after the last", b.From, b.To)
		default:
			continue
		}
		to = append(to, Problem{fmt.Sprintf("blackouts[%d]", i), text})
	}
	return to
}

func (c Calendar) openingProblems(to []Problem) []Problem {
	known := 0
	for day := time.Sunday; day <= time.Saturday; day++ {
		clock, ok := c.Opening[day]
		if !ok {
			continue
		}
		known++
		field := "opening[" + short(day) + "]"
		switch {
		case !clock.Valid():
			to = append(to, Problem{field, fmt.Sprintf("%v is not a time of day: it goes from 00:00 to 23:59", clock)})
		case clock == endOfDay:
			to = append(to, Problem{field, "24:00 is on the next day: write 00:00 for that day"})
		}
	}
	if len(c.Opening) > known {
		to = append(to, Problem{"opening", "it names a day that is no day of the week"})
	}
	return to
}
