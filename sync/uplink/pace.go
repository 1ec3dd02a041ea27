package uplink

import (
	"math/rand/v2"
	"time"
)

// pace lets a burst through and then so many a second. The zero rate or a negative
// one lets everything through.
type pace struct {
	rate  float64
	burst float64
	left  float64
	at    time.Time // when left was true
}

// newPace returns a pace with its whole burst left.
func newPace(rate float64, burst int, now time.Time) *pace {
	return &pace{rate: rate, burst: float64(burst), left: float64(burst), at: now}
}

// take reports whether one more may pass now, and counts it.
func (p *pace) take(now time.Time) bool {
	if p.rate <= 0 {
		return true
	}
	p.left = min(p.burst, p.left+now.Sub(p.at).Seconds()*p.rate)
	p.at = now
	if p.left < 1 {
		return false
	}
	p.left--
	return true
}

// ready returns when the next one may pass.
func (p *pace) ready() time.Time {
	if p.rate <= 0 || p.left >= 1 {
		return p.at
	}
	return p.at.Add(time.Duration((1-p.left)/p.rate*float64(time.Second)) + time.Millisecond)
}

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	// steady is how long a connection must last to count as good: the next failure is
	// then met with the shortest wait again.
	steady = 20 * time.Second
)

// backoff is the wait between attempts to connect: it doubles up to a minute, and
// each wait is a random part of it, never less than half.
type backoff struct{ wait time.Duration }

// after returns how long to wait after a connection that lasted so long; 0 for an
// attempt that failed.
func (b *backoff) after(lasted time.Duration) time.Duration {
	if lasted >= steady || b.wait == 0 {
		b.wait = firstRetry
	} else {
		b.wait = min(2*b.wait, lastRetry)
	}
	return part(b.wait)
}

// part returns a random length between half of d and d.
func part(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d/2+1)
}

// spread returns how long to wait before a backlog of n events is sent after a
// reconnect, so that the stores of a broker that came back do not all send at once.
// A backlog of two minutes' worth of events or more waits up to the whole limit,
// a smaller one in proportion.
func spread(n uint64, limit time.Duration) time.Duration {
	const whole = 120
	if limit <= 0 {
		return 0
	}
	return part(limit * time.Duration(min(n, whole)) / whole)
}
