package terminal

import (
	"bufio"
	"os"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/terminal/cast"
	"github.com/nightfill/nightfill/site"
)

func TestDiskFull(t *testing.T) {
	file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer file.Close()
	tape := &tape{file: file, buf: bufio.NewWriter(file), limit: 1 << 20}
	if tape.cast, err = cast.NewWriter(tape.buf, time.Now(), 80, 24, ""); err != nil {
		t.Fatal(err)
	}
	err = tape.flush()
	if err == nil {
		t.Fatal("a full disk took a recording")
	}
	reason := unrecorded(err)
	want := "the terminal cannot be recorded any more, and without a recording there is none: write /dev/full: no space left on device"
	if reason.Code != site.CodeBoxFull || reason.Text != want {
		t.Errorf("%s: %s, want %s", reason.Code, reason.Text, want)
	}
}
