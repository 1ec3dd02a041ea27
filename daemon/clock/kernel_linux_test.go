package clock

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWeigh(t *testing.T) {
	const unsynchronised = "the kernel says that it is not synchronised"
	for _, row := range []struct {
		name     string
		state    int
		status   int32
		maxError int64
		want     Sync
		text     string
	}{
		{"held", unix.TIME_OK, unix.STA_PLL, 300_000, InStep, ""},
		{"leap second ahead", unix.TIME_INS, unix.STA_PLL | unix.STA_INS, 300_000, InStep, ""},
		{"almost too wrong", unix.TIME_OK, 0, 15_999_999, InStep, ""},
		{"after boot", unix.TIME_ERROR, unix.STA_UNSYNC, 16_000_000, OutOfStep, unsynchronised},
		{"the bit alone", unix.TIME_OK, unix.STA_UNSYNC, 0, OutOfStep, unsynchronised},
		{"the state alone", unix.TIME_ERROR, 0, 0, OutOfStep, unsynchronised},
		{"the error alone", unix.TIME_OK, 0, 16_000_000, OutOfStep, unsynchronised},
	} {
		if sync, text := weigh(row.state, row.status, row.maxError); sync != row.want || text != row.text {
			t.Errorf("%s: %s, %q, want %s, %q", row.name, sync, text, row.want, row.text)
		}
	}
}
