package breaker

import "math"

const (
	// usual is the share of devices on which a patch fails that is good: an interrupted installation, a device
	// that was in trouble before. Twice what fleets report, so that a bad night is no bad patch.
	usual = 0.01
	// leastLuck is how unlikely it must be that luck alone broke so many: a chain asks three times for each patch,
	// once for each ring.
	leastLuck = 0.001
)

// luck is how likely it is that at least so many fail of so many where each fails with the usual share: the upper
// tail of the binomial distribution.
func (c Count) luck() float64 {
	n, k := float64(c.Tried), float64(c.Failed)
	if k <= n*usual {
		return 1
	}
	term := math.Exp(logChoose(n, k) + k*math.Log(usual) + (n-k)*math.Log1p(-usual))
	sum := 0.0
	for ; k <= n && term > sum*1e-9; k++ { // beyond the mean each term is smaller than the one before
		sum += term
		term *= (n - k) / (k + 1) * usual / (1 - usual)
	}
	return sum
}

// logChoose is the logarithm of how many ways there are to choose k of n.
func logChoose(n, k float64) float64 {
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}
