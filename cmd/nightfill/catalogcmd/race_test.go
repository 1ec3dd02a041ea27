//go:build race

package catalogcmd

// underRace says that the race detector is on.
const underRace = true
