package board

import (
	"math"
	"time"
)

// Time is a moment as the board keeps it, because it keeps millions: nanoseconds since 1970 began, in a third of
// the memory of a time.Time. The zero Time is none. It reaches from 1678 to 2262; what is beyond counts as the end
// of that.
type Time int64

// At returns a moment as the board keeps it.
func At(t time.Time) Time {
	switch first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64); {
	case t.IsZero():
		return 0
	case t.Before(first):
		return math.MinInt64
	case t.After(last):
		return math.MaxInt64
	}
	return Time(t.UnixNano())
}

// Time returns the moment in UTC; the zero time.Time for none.
func (t Time) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// IsZero reports whether it is no moment.
func (t Time) IsZero() bool { return t == 0 }

// After reports whether t is later than u; none is earlier than every moment.
func (t Time) After(u Time) bool { return t.Time().After(u.Time()) }

// Before reports whether t is earlier than u; none is earlier than every moment.
func (t Time) Before(u Time) bool { return u.After(t) }
