package window

import (
	"fmt"
	"strings"
	"time"
)

// everyDay is the set of all seven days.
const everyDay Weekdays = 1<<7 - 1

// ParseWeekdays reads days ("mon") and ranges of days ("mon-sat") into one set. A range goes
// forward from its first day to its last, over the end of the week where need be: "fri-mon" is
// fri, sat, sun and mon. No items at all make the empty set.
func ParseWeekdays(items []string) (Weekdays, error) {
	var set Weekdays
	for _, item := range items {
		from, to, ranged := strings.Cut(item, "-")
		if !ranged {
			to = from
		}
		first, last := weekday(from), weekday(to)
		if first < 0 || last < 0 {
			return 0, fmt.Errorf("%q is not a day of the week: write mon, tue, wed, thu, fri, sat or sun, or a range like mon-sat", item)
		}
		for day := first; ; day = (day + 1) % 7 {
			set |= 1 << day
			if day == last {
				break
			}
		}
	}
	return set, nil
}

// weekday returns the day with this short name, and -1 for none.
func weekday(name string) time.Weekday {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if name == short(day) {
			return day
		}
	}
	return -1
}

// short returns the name of a day as files write it: mon.
func short(day time.Weekday) string { return strings.ToLower(day.String()[:3]) }

// Has reports whether day is in the set. The empty set has no day; that a calendar
// with an empty set opens every day is the calendar's rule.
func (w Weekdays) Has(day time.Weekday) bool {
	return day >= time.Sunday && day <= time.Saturday && w&(1<<day) != 0
}

// Days returns the days of the set, from Monday to Sunday.
func (w Weekdays) Days() []time.Weekday {
	var days []time.Weekday
	for i := range 7 {
		if day := time.Weekday((i + 1) % 7); w.Has(day) {
			days = append(days, day)
		}
	}
	return days
}

// String returns the days from Monday to Sunday, three and more in a row as a range: "mon-fri,sun".
// The empty set is "".
func (w Weekdays) String() string {
	var items []string
	days := w.Days()
	for len(days) > 0 {
		run := 1
		for run < len(days) && days[run] == (days[run-1]+1)%7 {
			run++
		}
		if run > 2 {
			items = append(items, short(days[0])+"-"+short(days[run-1]))
		} else {
			run = 1
			items = append(items, short(days[0]))
		}
		days = days[run:]
	}
	return strings.Join(items, ",")
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (w Weekdays) MarshalText() ([]byte, error) {
	if w > everyDay {
		return nil, fmt.Errorf("%#x is not a set of days of the week", uint8(w))
	}
	return []byte(w.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler: days and ranges with commas between them.
func (w *Weekdays) UnmarshalText(text []byte) error {
	var items []string
	for item := range strings.SplitSeq(string(text), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	v, err := ParseWeekdays(items)
	if err != nil {
		return err
	}
	*w = v
	return nil
}
