package exit

import (
	"os"
	"os/signal"
	"syscall"
)

// Stops are the signals at which a daemon ends in good order: an interrupt, a request to end, and the hang-up of the
// terminal it was started from, unless whoever started it said that hang-ups are ignored, as nohup does.
func Stops() []os.Signal {
	stops := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		stops = append(stops, syscall.SIGHUP)
	}
	return stops
}
