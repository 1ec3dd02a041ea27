package sim

import (
	"time"

	"github.com/nightfill/nightfill/site/window/tzdata"
)

// opening is the hour at which every window opens, on the clocks of the store.
const opening = 23

// boltEvery is the seeds of nights that write their journal to files, too.
const boltEvery = 50

// turn is a night in which clocks are changed, by the date of its evening.
type turn struct {
	zone string
	year int
	mon  time.Month
	day  int
}

func turns() []turn {
	return []turn{
		{"Europe/Berlin", 2026, time.March, 28}, {"Europe/Berlin", 2026, time.October, 24},
		{"America/New_York", 2026, time.March, 7}, {"America/New_York", 2026, time.October, 31},
	}
}

// drawNights draws how many nights are played, how long their windows are, and whether clocks
// are changed in one of them.
func (s *Scene) drawNights(c chance) {
	hours := pick(c, []int{2, 2, 4, 6})
	zone, first, n := time.UTC, turn{"UTC", 2026, time.January, 10}, 1
	if c.one(0.2) {
		n = c.between(2, 3)
	}
	if c.one(0.15) {
		first = pick(c, turns())
		first.day -= c.IntN(n)
		hours = max(hours, 4)
		var err error
		if zone, err = tzdata.Load(first.zone); err != nil {
			panic("sim: " + err.Error())
		}
	}
	for night := range n {
		date := func(hour int) time.Time {
			return time.Date(first.year, first.mon, first.day+night, hour, 0, 0, 0, zone)
		}
		s.Nights = append(s.Nights, span{date(opening), date(opening + hours)})
	}
	s.Opens, s.Closes = s.Nights[0].opens, s.Nights[0].closes
}

// play runs the box through every night, from before its window until it is over. Over the day
// the box is off.
func (w *world) play() {
	for n, night := range w.scene.Nights {
		pass(time.Until(night.opens.Add(-time.Minute)))
		w.deliver(n)
		w.oracle.begin(night, n)
		w.boot()
		at := night.closes.Add(lateEnd)
		w.until(at)
		for limit := night.closes.Add(12 * time.Hour); w.oracle.open() && at.Before(limit); {
			at = at.Add(15 * time.Minute)
			w.until(at)
		}
		w.morning()
		w.cancel()
		<-w.stopped
		w.oracle.final()
	}
}
