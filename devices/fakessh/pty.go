package fakessh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// window is how large a terminal is.
type window struct{ cols, rows uint32 }

// askedSize reads what a pty-req asks for. Nil means that it cannot be read.
func askedSize(payload []byte) *window {
	var ask struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	if ssh.Unmarshal(payload, &ask) != nil {
		return nil
	}
	return &window{ask.Cols, ask.Rows}
}

// openPTY makes a terminal: what is typed into one end is read from the other.
func openPTY() (near, far *os.File, err error) {
	if near, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	number := 0
	err = control(near, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	if err == nil {
		far, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, near.Close())
	}
	return near, far, nil
}

// control asks the kernel something about an open file, without making its calls blocking ones.
func control(f *os.File, ask func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var asked error
	if err := raw.Control(func(fd uintptr) { asked = ask(int(fd)) }); err != nil {
		return err
	}
	return asked
}

func resize(f *os.File, w window) error {
	return control(f, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(w.cols), Row: uint16(w.rows)})
	})
}

// shell runs a login shell in a terminal until it ends. When the session goes away first, the shell
// gets a hang-up, as it does under sshd.
func (h *Host) shell(channel ssh.Channel, requests <-chan *ssh.Request, size window) uint32 {
	near, far, err := openPTY()
	if err != nil {
		return 255
	}
	cmd := exec.Command("/bin/sh", "-i")
	cmd.Args[0] = "-sh"
	cmd.Env = append(h.Env(), "TERM=xterm-256color", "USER="+h.opts.User, "PS1="+h.opts.ID+"$ ")
	cmd.Dir = h.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, far
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = resize(near, size)
	if err == nil {
		err = h.startUnlessDown(cmd)
	}
	_ = far.Close()
	if err != nil {
		_ = near.Close()
		return 255
	}
	var out sync.WaitGroup
	out.Go(func() { _, _ = io.Copy(channel, near) }) // ends when no process has the terminal open any more
	keys := make(chan []byte)
	h.work.Go(func() { // ends with the channel at the latest
		defer close(keys)
		buf := make([]byte, 4096)
		for {
			n, err := channel.Read(buf)
			if n > 0 {
				keys <- bytes.Clone(buf[:n])
			}
			if err != nil {
				return
			}
		}
	})
	h.work.Go(func() { attend(near, keys, requests) })
	err = cmd.Wait()
	out.Wait()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.ExitCode() >= 0:
		return uint32(ended.ExitCode())
	case err != nil:
		return 255
	}
	return 0
}

// attend passes on what is typed into a terminal, and changes its size, in the order in which both came: the library
// hands out a request before whatever came behind it. It ends, and closes the terminal, when nothing more is typed.
func attend(near *os.File, keys <-chan []byte, requests <-chan *ssh.Request) {
	defer near.Close()
	for {
		select {
		case typed, more := <-keys:
			for waits := true; waits; {
				select {
				case r := <-requests:
					waits = r != nil
					answer(near, r)
				default:
					waits = false
				}
			}
			if !more {
				return
			}
			_, _ = near.Write(typed) // nobody listens when the shell has ended
		case r, more := <-requests:
			if !more {
				requests = nil
			}
			answer(near, r)
		}
	}
}

// answer carries out a request of a session that has a terminal; nil is none.
func answer(near *os.File, r *ssh.Request) {
	if r == nil {
		return
	}
	var w struct{ Cols, Rows, Width, Height uint32 }
	if r.Type == "window-change" && ssh.Unmarshal(r.Payload, &w) == nil {
		_ = resize(near, window{w.Cols, w.Rows})
	}
	if r.WantReply {
		_ = r.Reply(false, nil)
	}
}

// startUnlessDown starts a process on the device, unless it is off.
func (h *Host) startUnlessDown(cmd *exec.Cmd) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down || h.closed {
		return errors.New("the device is off")
	}
	return cmd.Start()
}
