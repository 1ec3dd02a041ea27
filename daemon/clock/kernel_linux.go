package clock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// System asks the Linux kernel, which every time service (chrony with rtcsync, ntpd,
// systemd-timesyncd, ptp) tells when it holds the clock.
func System() (Sync, string) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return NoAnswer, fmt.Sprintf("the kernel does not say whether it is synchronised (adjtimex: %v)", err)
	}
	return weigh(state, t.Status, int64(t.Maxerror))
}

// weigh turns the kernel's answer into one of ours: the state of its clock, the status
// bits, and the largest error that it reckons with, in microseconds. The kernel takes a clock
// for free-running once the error reaches 16 s.
func weigh(state int, status int32, maxError int64) (Sync, string) {
	const freeRunning = 16_000_000
	if state == unix.TIME_ERROR || status&unix.STA_UNSYNC != 0 || maxError >= freeRunning {
		return OutOfStep, "the kernel says that it is not synchronised"
	}
	return InStep, ""
}
