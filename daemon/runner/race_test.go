//go:build race

package runner_test

// raceEnabled reports whether the race detector makes every night slow.
const raceEnabled = true
