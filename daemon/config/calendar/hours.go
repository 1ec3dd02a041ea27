package calendar

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site/window"
)

// Settle warns of a window in which the store opens, and of a store that never does.
func (c *Calendar) Settle(root strict.Value) {
	if len(c.Of.Opening) == 0 {
		c.Warn(root.Absent("opening"), "there is no day on which the store opens, so no check before opening ever runs", `write opening: {mon-sat: "06:30"}`)
		return
	}
	if c.endAt.Node == nil {
		return
	}
	for _, day := range allDays() {
		if c.Of.Days != 0 && !c.Of.Days.Has(day) {
			continue
		}
		if opens, clock, inside := opensInside(*c.Of, day); inside {
			c.Warn(c.endAt, fmt.Sprintf("the store opens on %s at %v, inside the window that opens on %s at %v",
				strings.ToLower(opens.String()), clock, strings.ToLower(day.String()), c.Of.Start), "end the window before the store opens")
			return
		}
	}
}

func allDays() []time.Weekday {
	return []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
}

// opensInside looks for an opening inside the window that opens on day.
func opensInside(c window.Calendar, day time.Weekday) (time.Weekday, window.Clock, bool) {
	const dayLong = 24 * 60
	end := c.End
	if end <= c.Start {
		end += dayLong
	}
	for later := range 2 {
		on := (day + time.Weekday(later)) % 7
		clock, open := c.Opening[on]
		if at := clock + window.Clock(later*dayLong); open && at > c.Start && at < end {
			return on, clock, true
		}
	}
	return 0, 0, false
}
