package overview

import (
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
)

// tells says how a night of a store stands.
type stage int

const (
	unknown stage = iota // no night is known
	coming
	due    // its window is open or over, and nothing was told of it
	open   // it was told that it opened
	closed // it was told that it is over
)

// night is the night of a store that counts now.
type night struct {
	stage          stage
	date           string
	opens, closes  time.Time
	ends           time.Time // expected
	total, settled int
	text           string // how it ended
}

// nightOf finds the night that counts: the newest whose window has opened, until the noon after it;
// then the coming one. A night of which the end was never told counts on until it is.
func nightOf(s *board.Store, o Options, zone *time.Location) night {
	last := newest(s, o.Now, zone)
	next := night{stage: coming, opens: s.Info.WindowOpens, closes: s.Info.WindowCloses}
	if !next.opens.IsZero() {
		next.date = window.DateOf(next.opens.In(zone)).String()
	}
	ahead := next.opens.After(o.Now)
	switch {
	case last.stage == unknown && next.opens.IsZero():
		return night{}
	case last.stage == unknown:
		if !ahead {
			next.stage = due
		}
		return next
	case !ahead && next.opens.After(last.opens) && next.date != last.date:
		next.stage = due // a newer window is open, and no night of it was told
		return next
	case last.stage == closed && !o.Now.Before(noonAfter(last.closes, zone)) && ahead:
		return next
	}
	return last
}

// noonAfter is twelve o'clock of the day on which a window closes.
func noonAfter(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	return time.Date(l.Year(), l.Month(), l.Day(), 12, 0, 0, 0, zone)
}

// newest is the newest night of which something was told.
func newest(s *board.Store, now time.Time, zone *time.Location) night {
	n := night{}
	for date, x := range s.Opened {
		if date > n.date && !x.Opens.After(now) {
			n = night{stage: open, date: date, opens: x.Opens, closes: x.Closes, total: x.Planned}
		}
	}
	for date, x := range s.Nights {
		if date >= n.date && !x.Opens.After(now) {
			n = night{stage: open, date: date, opens: x.Opens, closes: x.Closes, ends: x.Ends, total: x.Total, settled: x.Settled, text: x.Summary}
			if !x.Closed.IsZero() {
				n.stage = closed
			}
		}
	}
	if x, ok := s.Closed[n.date]; ok {
		n.stage, n.text = closed, x.Text
	}
	return n
}

// deadline is when a store that says nothing of its night needs somebody: when it opens to customers,
// or 06:30 of its morning where that is not known.
func deadline(s *board.Store, n night, zone *time.Location) time.Time {
	if s.Info.Opens.After(n.opens) {
		return s.Info.Opens
	}
	l := n.opens.In(zone)
	day := 0
	if l.Hour() >= 12 {
		day = 1
	}
	return time.Date(l.Year(), l.Month(), l.Day()+day, 6, 30, 0, 0, zone)
}
