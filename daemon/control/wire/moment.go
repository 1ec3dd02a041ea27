package wire

import (
	"time"

	"github.com/nightfill/nightfill/site/window"
)

// Moment reads a moment that a person wrote: RFC 3339, a time of day like 05:00, which is the
// next time that the store's clock shows it, or a length of time from now, like 4h.
func Moment(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if c, err := window.ParseClock(text); err == nil {
		now = now.In(zone)
		for days := range 3 {
			t := time.Date(now.Year(), now.Month(), now.Day()+days, int(c)/60, int(c)%60, 0, 0, zone)
			if t.After(now) {
				return t, nil
			}
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(d), nil
	}
	return time.Time{}, Bad("write it like 05:00 (store time), 4h, or 2026-11-22T05:00:00Z", "%q is not a moment", text)
}
