package forecast

import (
	"math"
	"time"
)

// dice is a position in a stream of random numbers. Every draw has a name of its own, so that a fault
// more, a longer window or another order of the devices changes no other draw of the night.
//
// The names are mixed in with FNV-1a, and the numbers come out of the finalizer of splitmix64
// (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
type dice uint64

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
	golden    = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: the step of splitmix64
)

func newDice(seed uint64) dice { return dice(mix(seed + golden)) }

// of returns the dice of a draw with this name.
func (d dice) of(names ...string) dice {
	h := uint64(d) ^ fnvOffset
	for _, name := range names {
		for i := range len(name) {
			h = (h ^ uint64(name[i])) * fnvPrime
		}
		h = (h ^ 0xff) * fnvPrime // no name holds this byte: it ends one
	}
	return dice(mix(h))
}

// night returns the dice of one of many nights.
func (d dice) night(n int) dice { return dice(mix(uint64(d) + uint64(n+1)*golden)) }

// mix is the finalizer of splitmix64: it spreads each bit of a number over all bits of the result.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// share is a number from 0, included, to 1, not included. n tells several of one draw apart.
func (d dice) share(n uint64) float64 {
	return float64(mix(uint64(d)+(n+1)*golden)>>11) / (1 << 53)
}

// one reports true with a probability.
func (d dice) one(p float64) bool { return d.share(0) < p }

// normal draws from the normal distribution, by Box and Muller.
func (d dice) normal() float64 {
	return math.Sqrt(-2*math.Log(1-d.share(0))) * math.Cos(2*math.Pi*d.share(1))
}

// length draws from the lognormal distribution with a median and a 95th percentile.
func (d dice) length(median, p95 time.Duration) time.Duration {
	if median <= 0 || p95 <= median {
		return median
	}
	sigma := math.Log(float64(p95)/float64(median)) / z95
	return time.Duration(float64(median) * math.Exp(sigma*d.normal()))
}

const z95 = 1.645 // of the normal distribution
