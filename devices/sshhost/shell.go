package sshhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// shellTerminal is what a device is told that people look at it with.
const shellTerminal = "xterm-256color"

// lastWord is how long a shell that shows nothing any more has to say how it ended. OpenSSH says it when it has
// reaped the shell, which may be after the end of what that showed.
const lastWord = 2 * time.Second

// Shell is an interactive login shell on a device, on a connection of its own. Read, Write, Resize
// and Close may be called at the same time; each of them by one goroutine at a time.
type Shell struct {
	device  site.Device
	conn    *conn
	session *ssh.Session
	out     io.Reader
	in      io.Writer
	ended   chan struct{} // closed when end is known
	end     error         // of the session, as the library tells it
	close   sync.Once
}

// Shell opens a login shell for a person, with a terminal of so many columns and rows. ctx bounds
// the opening only. The errors are those of every other call: a device without a pinned host key,
// with another one, or that refuses the login is a *site.Reason. Close of the driver ends it.
func (d *Driver) Shell(ctx context.Context, dev site.Device, cols, rows int) (*Shell, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.work.Done()
	pinned, err := pinnedKey(dev)
	if err != nil {
		return nil, err
	}
	c, err := d.dial(ctx, dev, pinned)
	if err != nil {
		return nil, err
	}
	c.slots <- struct{}{} // in use, however long nothing is said
	if err := d.own(c); err != nil {
		return nil, err
	}
	s := &Shell{device: dev, conn: c, ended: make(chan struct{})}
	stop := context.AfterFunc(ctx, c.close)
	err = s.start(ctx, cols, rows)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.close()
		if ctx.Err() != nil {
			return nil, onBehalf(dev, ctx.Err())
		}
		return nil, err
	}
	return s, d.attend(s)
}

// start asks for a terminal and a shell in it.
func (s *Shell) start(ctx context.Context, cols, rows int) error {
	var err error
	if s.session, err = s.conn.open(ctx); err != nil {
		return fmt.Errorf("cannot open a session on %s: %w", s.device.ID, err)
	}
	if s.in, err = s.session.StdinPipe(); err != nil {
		return err
	}
	if s.out, err = s.session.StdoutPipe(); err != nil {
		return err
	}
	modes := ssh.TerminalModes{ssh.ECHO: 1, ssh.TTY_OP_ISPEED: 115200, ssh.TTY_OP_OSPEED: 115200}
	if err := s.session.RequestPty(shellTerminal, rows, cols, modes); err != nil {
		return devices.Failure(site.CodeUnsupported, "%s gives no terminal to %s: %v", s.device.ID, userOf(s.device), err)
	}
	if err := s.session.Shell(); err != nil {
		return devices.Failure(site.CodeUnsupported, "%s gives no shell to %s: %v", s.device.ID, userOf(s.device), err)
	}
	return nil
}

// attend waits for the end of a shell, and ends it with the driver.
func (d *Driver) attend(s *Shell) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		s.conn.close()
		return errClosed
	}
	d.shells[s] = struct{}{}
	d.work.Go(func() {
		s.end = s.session.Wait()
		close(s.ended)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.shells, s)
	})
	return nil
}

// Read reads what the shell shows. Who does not read stops the device after some 2 MiB. It returns
// io.EOF when the shell has ended or the connection is gone; Exit tells which. A device that shows
// nothing any more and does not say how its shell ended is waited for through lastWord.
func (s *Shell) Read(p []byte) (int, error) {
	n, err := s.out.Read(p)
	if err != nil {
		s.awaitEnd()
	}
	return n, err
}

// awaitEnd waits until the end is known, through lastWord at most.
func (s *Shell) awaitEnd() {
	late := time.NewTimer(lastWord)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
	}
}

// Write types into the shell. It waits while the device takes no more, until Close.
func (s *Shell) Write(p []byte) (int, error) { return s.in.Write(p) }

// Resize tells the device how large the terminal is now.
func (s *Shell) Resize(cols, rows int) error {
	if err := s.session.WindowChange(rows, cols); err != nil {
		return fmt.Errorf("cannot resize the terminal on %s: %w", s.device.ID, err)
	}
	return nil
}

// Close ends the shell and its connection at once; what the shell started gets a hang-up. Closing
// twice is closing once.
func (s *Shell) Close() error {
	s.close.Do(s.conn.close)
	<-s.ended
	return nil
}

// Exit waits for the end of the shell and returns its exit status, 255 when a signal ended it. An
// error means that the connection was lost or closed before the shell said how it ended.
func (s *Shell) Exit() (int, error) {
	<-s.ended
	var status *ssh.ExitError
	switch {
	case s.end == nil:
		s.close.Do(s.conn.close)
		return 0, nil
	case errors.As(s.end, &status):
		s.close.Do(s.conn.close)
		if status.Signal() != "" {
			return 255, nil
		}
		return status.ExitStatus(), nil
	}
	return 0, fmt.Errorf("lost the connection to %s: %w", s.device.ID, s.end)
}
