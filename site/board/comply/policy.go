package comply

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// Policy is what an organisation demands of itself.
type Policy struct {
	// Fresh is how old the newest look at a device may be before what it told says nothing any more.
	Fresh time.Duration
	// Grace is how long after its vendor's release a patch is not asked for yet.
	Grace time.Duration
	// Limits say until when a patch must be proven, from its vendor's release on.
	Limits map[site.Severity]Limit
}

// Limit is a time after the vendor's release, in calendar months and days. The zero Limit is none.
type Limit struct {
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

// DefaultPolicy asks for a look every 72 hours and, as PCI DSS 6.3.3 does, for what is critical within
// one calendar month; for high within 30 days and for medium within 90. What is low has no limit.
func DefaultPolicy() Policy {
	return Policy{
		Fresh:  72 * time.Hour,
		Limits: map[site.Severity]Limit{site.Critical: {Months: 1}, site.High: {Days: 30}, site.Medium: {Days: 90}},
	}
}

// Due is the first moment at which a patch that its vendor released on a day is late, in UTC: the last
// good day is the one with the same number a month later, or the last of that month. The zero time
// means that it is never late: there is no limit, or nobody knows when it was released.
func (l Limit) Due(released window.Date) time.Time {
	if l == (Limit{}) || released.IsZero() {
		return time.Time{}
	}
	last := time.Date(released.Year, released.Month+time.Month(l.Months)+1, 0, 0, 0, 0, 0, time.UTC)
	day := time.Date(released.Year, released.Month+time.Month(l.Months), min(released.Day, last.Day()), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, l.Days+1)
}

// Age is a range of days.
type Age string

// The ages of a patch, or of how long something is late. AgeNone is that of a patch whose release
// nobody knows.
const (
	Age7    Age = "0-7"
	Age14   Age = "8-14"
	Age30   Age = "15-30"
	Age60   Age = "31-60"
	Age90   Age = "61-90"
	AgeOver Age = "over-90"
	AgeNone Age = "none"
)

// Ages are all ages, the youngest first.
func Ages() []Age { return []Age{Age7, Age14, Age30, Age60, Age90, AgeOver, AgeNone} }

// AgeOf is the range in which the time from a moment until now lies, in whole days. What is still to
// come counts as just begun.
func AgeOf(from, now time.Time) Age {
	if from.IsZero() {
		return AgeNone
	}
	days := int(now.Sub(from) / (24 * time.Hour))
	for _, r := range []struct {
		last int
		age  Age
	}{{7, Age7}, {14, Age14}, {30, Age30}, {60, Age60}, {90, Age90}} {
		if days <= r.last {
			return r.age
		}
	}
	return AgeOver
}

// midnight is the first moment of a day in UTC; the zero time for no day.
func midnight(d window.Date) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}
