package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// The streams of a seed. Each part of a night draws from its own, so that leaving a fault out
// changes nothing else.
const (
	streamStore uint64 = iota + 1
	streamPatches
	streamPace
	streamFaults
	streamNights
)

// chance draws what a night is made of.
type chance struct{ *rand.Rand }

func draw(seed, stream uint64) chance { return chance{rand.New(rand.NewPCG(seed, stream))} }

// one reports true with a probability.
func (c chance) one(p float64) bool { return c.Float64() < p }

// between returns a number from a to b, both included.
func (c chance) between(a, b int) int { return a + c.IntN(b-a+1) }

// span returns a length from a to b, to the millisecond: round lengths would let timers meet.
func (c chance) span(a, b time.Duration) time.Duration {
	return a + time.Duration(c.Int64N(int64((b-a)/time.Millisecond)+1))*time.Millisecond
}

// minutes draws from the lognormal distribution with a median and a 95th percentile in minutes.
func (c chance) minutes(median, p95 float64) time.Duration {
	sigma := math.Log(p95/median) / 1.645
	return time.Duration(median * math.Exp(sigma*c.NormFloat64()) * float64(time.Minute)).Round(time.Millisecond)
}

func pick[T any](c chance, from []T) T { return from[c.IntN(len(from))] }
