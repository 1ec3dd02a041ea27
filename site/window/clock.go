package window

import "fmt"

// endOfDay is 24:00: the midnight at the end of a date.
const endOfDay Clock = 24 * 60

// ParseClock reads a time of day written with two digits each, from 00:00 to 24:00.
// 24:00 is the midnight at the end of a date.
func ParseClock(s string) (Clock, error) {
	var h, m int
	if len(s) != 5 || s[2] != ':' || !twoDigits(s[:2], &h) || !twoDigits(s[3:], &m) {
		return 0, fmt.Errorf("%q is not a time of day: write it with two digits each, like 06:30 or 23:00", s)
	}
	c := Clock(h*60 + m)
	if m > 59 || c > endOfDay {
		return 0, fmt.Errorf("%q is not a time of day: it goes from 00:00 to 24:00", s)
	}
	return c, nil
}

// twoDigits reads s, which has two bytes, into n and reports whether both are digits.
func twoDigits(s string, n *int) bool {
	for i := range 2 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		*n = *n*10 + int(s[i]-'0')
	}
	return true
}

// Valid reports whether c lies from 00:00 to 24:00.
func (c Clock) Valid() bool { return c >= 0 && c <= endOfDay }

// String returns the time written 06:30.
func (c Clock) String() string {
	if !c.Valid() {
		return fmt.Sprintf("minute %d of the day", int(c))
	}
	return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60)
}

// MarshalText implements encoding.TextMarshaler. It refuses what ParseClock would not read back.
func (c Clock) MarshalText() ([]byte, error) {
	if !c.Valid() {
		return nil, fmt.Errorf("%v is not a time of day: it goes from 00:00 to 24:00", c)
	}
	return []byte(c.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler; see ParseClock.
func (c *Clock) UnmarshalText(text []byte) error {
	v, err := ParseClock(string(text))
	if err != nil {
		return err
	}
	*c = v
	return nil
}
