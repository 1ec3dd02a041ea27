package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/terminal"
)

// Shell is a person's end of a terminal. Next is for one goroutine, the rest for any number.
type Shell struct {
	Info terminal.Info
	Back bool // the terminal was open before
	conn io.ReadWriteCloser
	from *bufio.Scanner

	mu sync.Mutex // one frame at a time
}

// Next returns what the box says next. An error means that the connection is gone, not the terminal.
func (s *Shell) Next() (wire.Frame, error) { return wire.NextFrame(s.from) }

// Input types into the terminal.
func (s *Shell) Input(p []byte) error { return s.write(wire.Frame{Kind: wire.FrameInput, Data: p}) }

// Resize tells how large the terminal is now.
func (s *Shell) Resize(size terminal.Size) error {
	return s.write(wire.Frame{Kind: wire.FrameResize, Size: &size})
}

func (s *Shell) write(f wire.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.WriteFrame(s.conn, f)
}

// Close leaves the terminal.
func (s *Shell) Close() error { return s.conn.Close() }

// Shell opens a terminal, or goes back to the one that the caller has on the device. Close leaves
// it: the terminal goes on for ten minutes. It ends with ctx.
func (c *Client) Shell(ctx context.Context, ask wire.ShellAsked) (*Shell, error) {
	req, err := c.request(ctx, "POST", "/v1/shell", nil, ask)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", wire.ShellProtocol)
	body, err := c.answer(ctx, req, http.StatusSwitchingProtocols)
	if err != nil {
		return nil, err
	}
	conn, ok := body.(io.ReadWriteCloser)
	if !ok {
		return nil, errors.Join(errors.New("the connection cannot be typed into"), body.Close())
	}
	s := &Shell{conn: conn, from: wire.Frames(conn)}
	first, err := s.Next()
	if err == nil && (first.Kind != wire.FrameOpened || first.Info == nil) {
		err = fmt.Errorf("the terminal begins with %q", first.Kind)
	}
	if err != nil {
		return nil, errors.Join(c.broken(ctx, err), conn.Close())
	}
	s.Info, s.Back = *first.Info, first.Back
	return s, nil
}
