package main

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// screen is the box's own console. It is opened for each write, and one on which nobody takes what is
// written does not hold up the daemon.
type screen string

// screenLimit is how long the console has to take what is written.
const screenLimit = 2 * time.Second

// Write implements io.Writer.
func (s screen) Write(p []byte) (n int, err error) {
	f, err := os.OpenFile(string(s), os.O_WRONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	_ = f.SetWriteDeadline(time.Now().Add(screenLimit)) // one without a poller fails at once instead
	n, err = f.Write(p)
	return n, errors.Join(err, f.Close())
}
