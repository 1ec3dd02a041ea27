//go:build race

package sim

// raceEnabled reports whether the race detector makes every night slow.
const raceEnabled = true
