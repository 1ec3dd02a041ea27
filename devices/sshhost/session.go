package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/site"
)

// result is what a command on a device came to.
type result struct {
	stdout, stderr string
	exit           int
}

// exec runs one command with stdin and returns when it has ended or ctx is over. More than limit
// bytes of output end the connection: no command that the box sends is so talkative.
func (d *Driver) exec(ctx context.Context, dev site.Device, command string, stdin io.Reader, limit int) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, onBehalf(dev, err)
	}
	if err := d.begin(); err != nil {
		return result{}, err
	}
	defer d.work.Done()
	c, s, err := d.session(ctx, dev)
	if err != nil {
		return result{}, err
	}
	out, complaint := &capped{limit: limit, over: c.close}, &capped{limit: complaintAtMost, quiet: true}
	s.Stdout, s.Stderr = out, complaint
	done := make(chan error, 1)
	d.work.Go(func() {
		err := feed(s, command, stdin)
		<-c.slots
		done <- err
	})
	select {
	case err = <-done:
	case <-ctx.Done():
		d.abandon(c, s, done)
		return result{}, onBehalf(dev, ctx.Err())
	}
	c.touch()
	res := result{stdout: out.String(), stderr: complaint.String()}
	if out.overflowed() {
		return res, fmt.Errorf("%s printed more than %d bytes: the connection was closed", dev.ID, limit)
	}
	var ended *ssh.ExitError
	switch {
	case errors.As(err, &ended) && ended.Signal() == "":
		res.exit = ended.ExitStatus()
	case err != nil:
		return res, fmt.Errorf("lost the connection to %s: %w", dev.ID, err)
	}
	return res, nil
}

// errNotTaken says that a session was closed before its command was accepted. Dropbear 2022 does
// that now and then when another session of the same connection ends in the same moment.
var errNotTaken = errors.New("the session was closed before its command was accepted")

// feed runs the command with stdin until it ends. A command may end without reading all of its
// input: what counts is how it ended. Nothing reads stdin any more when feed returns.
func feed(s *ssh.Session, command string, stdin io.Reader) error {
	var copying sync.WaitGroup
	defer copying.Wait()
	defer s.Close()
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	if err := s.Start(command); err != nil {
		return errors.Join(errNotTaken, err)
	}
	copying.Go(func() {
		_, _ = io.Copy(in, stdin)
		_ = in.Close()
	})
	return s.Wait()
}

func onBehalf(dev site.Device, err error) error {
	return fmt.Errorf("%s did not answer in time: %w", dev.ID, err)
}

// abandon ends a session that nobody waits for. When the other side does not let go of it
// soon, the whole connection ends.
func (d *Driver) abandon(c *conn, s *ssh.Session, done <-chan error) {
	d.work.Go(func() {
		late := time.AfterFunc(lingerAfter, c.close)
		defer late.Stop()
		_ = s.Close()
		<-done
	})
}

// session opens a session. A connection that was kept and turns out to be dead is replaced once:
// nothing has been asked on it yet.
func (d *Driver) session(ctx context.Context, dev site.Device) (*conn, *ssh.Session, error) {
	for {
		c, kept, err := d.connection(ctx, dev)
		if err != nil {
			return nil, nil, err
		}
		select {
		case c.slots <- struct{}{}:
		case <-c.gone:
			if kept {
				continue
			}
			return nil, nil, fmt.Errorf("lost the connection to %s", dev.ID)
		case <-ctx.Done():
			return nil, nil, onBehalf(dev, ctx.Err())
		}
		s, err := c.open(ctx)
		if err == nil {
			return c, s, nil
		}
		<-c.slots
		if ctx.Err() != nil {
			return nil, nil, onBehalf(dev, ctx.Err())
		}
		if !kept {
			return nil, nil, fmt.Errorf("cannot open a session on %s: %w", dev.ID, err)
		}
		c.close()
		<-c.gone
	}
}

// open opens a session within openWithin and ctx, or closes the connection.
func (c *conn) open(ctx context.Context) (*ssh.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	return c.client.NewSession()
}

// capped keeps what is written, up to a limit.
type capped struct {
	limit int
	quiet bool   // throw away what is too much; else call over and refuse it
	over  func() // ends the source

	mu   sync.Mutex
	buf  bytes.Buffer
	more bool
}

// Write implements io.Writer.
func (w *capped) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.limit - w.buf.Len()
	if len(p) <= room {
		return w.buf.Write(p)
	}
	w.buf.Write(p[:room])
	w.more = true
	if w.quiet {
		return len(p), nil
	}
	w.over()
	return room, io.ErrShortWrite
}

// String returns what was kept.
func (w *capped) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func (w *capped) overflowed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.more && !w.quiet
}
