package terminal

import (
	"bytes"
	"time"
)

const (
	burst     = 1 << 20     // may be shown at once after a rest
	urgentFor = time.Second // how long an interrupt lifts the pace, so that its effect is seen at once
)

// pace keeps a device that shows without end from filling its recording: so many bytes a second
// in the long run.
type pace struct {
	rate   float64
	credit float64
	at     time.Time // of credit
	urgent time.Time // until then there is no pace
}

func newPace(rate int, now time.Time) *pace {
	return &pace{rate: float64(rate), credit: burst, at: now}
}

// spend counts what was shown.
func (p *pace) spend(n int, now time.Time) {
	p.credit = min(burst, p.credit+now.Sub(p.at).Seconds()*p.rate) - float64(n)
	p.credit, p.at = max(p.credit, -burst), now
}

// wait is how long nothing may be shown.
func (p *pace) wait(now time.Time) time.Duration {
	if now.Before(p.urgent) {
		return 0
	}
	credit := p.credit + now.Sub(p.at).Seconds()*p.rate
	if credit >= 0 {
		return 0
	}
	return time.Duration(-credit / p.rate * float64(time.Second))
}

// interrupts reports whether a person wants something to stop: Ctrl-C, Ctrl-\ or Ctrl-Z.
func interrupts(typed []byte) bool { return bytes.ContainsAny(typed, "\x03\x1c\x1a") }
