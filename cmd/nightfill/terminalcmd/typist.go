package terminalcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// endOfInput is what a terminal makes of Ctrl-D: a shell that reads it at the beginning of a line ends.
const endOfInput = "\x04"

// typist passes on what is typed, but for what ~ means at the beginning of a line.
type typist struct {
	to interface {
		Input(p []byte) error
	}
	told  io.Writer
	leave func() // ends the connection
	whole bool   // nobody types: ~ means nothing, and the end of the input ends the shell

	inLine bool // something was typed since the last line began
	tilde  bool // the last was ~ at the beginning of a line
	gone   atomic.Bool
}

// left reports whether the person left the terminal, and did not lose it.
func (t *typist) left() bool { return t.gone.Load() }

// run ends with the input, with ctx or when the person leaves.
func (t *typist) run(ctx context.Context, in io.Reader) {
	buf := make([]byte, 4096)
	for readable(ctx, in) {
		n, err := in.Read(buf)
		if n > 0 && !t.pass(buf[:n]) {
			return
		}
		if err != nil {
			if t.whole {
				_ = t.to.Input([]byte(endOfInput)) // when it does not arrive, the terminal is kept as told
			}
			return
		}
	}
}

// readable waits until there is something to read. What is no file is read without waiting.
func readable(ctx context.Context, in io.Reader) bool {
	f, ok := in.(*os.File)
	for ok && ctx.Err() == nil {
		wait := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(wait, 100); n > 0 || err != nil && err != unix.EINTR {
			break
		}
	}
	return ctx.Err() == nil
}

// pass passes on some input, and reports whether more is wanted.
func (t *typist) pass(p []byte) bool {
	if t.whole {
		return t.to.Input(p) == nil
	}
	typed, leave := t.sift(p)
	if len(typed) > 0 && t.to.Input(typed) != nil {
		return false
	}
	if leave {
		t.gone.Store(true)
		t.leave()
	}
	return !leave
}

// sift takes out what ~ means, and says whether the person leaves.
func (t *typist) sift(p []byte) (typed []byte, leave bool) {
	for _, b := range p {
		switch {
		case t.tilde && b == '.':
			return typed, true
		case t.tilde && b == '?':
			fmt.Fprint(t.told, "\r\n~.  leave the terminal; it is kept for 10 minutes\r\n~~  type ~\r\n~?  this list\r\n")
			t.tilde = false
			continue
		case t.tilde && b == '~':
			t.tilde, t.inLine = false, true
			typed = append(typed, b)
			continue
		case t.tilde:
			typed, t.tilde = append(typed, '~'), false
		case b == '~' && !t.inLine:
			t.tilde = true
			continue
		}
		typed = append(typed, b)
		t.inLine = b != '\r' && b != '\n'
	}
	return typed, false
}
