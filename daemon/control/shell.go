package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/control/socket"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
)

const (
	takeLimit = 30 * time.Second // for a person's end to take a frame
	lastWords = time.Second      // for a person to be told that the box stops
)

// shell opens a terminal, or goes back to the one that the person has, and stays with it until
// either side leaves. The terminal outlives the connection.
func (s *Server) shell(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != wire.ShellProtocol {
		s.socket.Refuse(w, wire.Bad("", "a terminal is asked for with Upgrade: %s", wire.ShellProtocol))
		return
	}
	session, back, err := s.findShell(w, r)
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	a, err := session.Attach(terminal.Attach{Since: -1})
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	defer a.Detach()
	defer s.socket.Stay()()
	zone := s.socket.Zone()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.socket.Refuse(w, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(takeLimit))
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n", wire.ShellProtocol, wire.ZoneHeader, zone)
	if err == nil {
		info := session.Info()
		err = wire.WriteFrame(conn, wire.Frame{Kind: wire.FrameOpened, Info: &info, Back: back})
	}
	if err == nil && conn.SetDeadline(time.Time{}) == nil {
		stay(r.Context(), conn, buffered.Reader, session, a)
	}
}

func (s *Server) findShell(w http.ResponseWriter, r *http.Request) (session *terminal.Session, back bool, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), socket.Looking)
	defer cancel()
	var ask wire.ShellAsked
	if err := s.socket.Read(w, r, &ask); err != nil {
		return nil, false, err
	}
	if err := known(s.Box.View(ctx), ask.Device); err != nil {
		return nil, false, err
	}
	session, err = s.Terminals.On(ask.Device, socket.Actor(ctx))
	if !errors.Is(err, terminal.ErrNotOpen) {
		return session, true, err
	}
	reason := strings.TrimSpace(ask.Reason)
	switch {
	case reason == "":
		return nil, false, wire.Bad("say why, for the next person who asks", "the reason is missing, and you have no terminal on %s to go back to", ask.Device)
	case len(reason) > maxReason:
		return nil, false, wire.Bad("", "the reason has %d bytes and may have %d", len(reason), maxReason)
	}
	session, err = s.Terminals.Open(ctx, hands.Ask{Device: ask.Device, Actor: socket.Actor(ctx), Reason: reason, Rev: ask.Rev}, ask.Size)
	return session, false, err
}

// stay carries frames both ways until the terminal ends or the person leaves. When ctx ends the box
// stops, which ends the terminal: the person is told that first.
func stay(ctx context.Context, conn net.Conn, from *bufio.Reader, session *terminal.Session, a *terminal.Attachment) {
	here, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer context.AfterFunc(here, func() { _ = conn.Close() })()
	var parts sync.WaitGroup
	parts.Go(func() {
		defer leave()
		obey(here, from, session)
	})
	parts.Go(func() {
		select {
		case <-here.Done():
			return
		case <-ctx.Done():
		}
		last := time.AfterFunc(lastWords, leave)
		<-here.Done()
		last.Stop()
	})
	for {
		item, err := a.Next(here)
		if err == nil {
			_ = conn.SetWriteDeadline(time.Now().Add(takeLimit))
			err = wire.WriteFrame(conn, frameOf(item))
		}
		if err != nil || item.Kind == terminal.Ended {
			break
		}
	}
	leave()
	_ = conn.Close()
	parts.Wait()
}

// obey does what a person's frames say, until there are no more.
func obey(ctx context.Context, from io.Reader, session *terminal.Session) {
	lines := wire.Frames(from)
	for {
		f, err := wire.NextFrame(lines)
		if err != nil {
			return
		}
		switch {
		case f.Kind == wire.FrameInput:
			err = session.Write(ctx, f.Data)
		case f.Kind == wire.FrameResize && f.Size != nil:
			err = session.Resize(ctx, *f.Size)
		case f.Kind == wire.FrameEnd:
			session.End()
		}
		if err != nil && !errors.Is(err, terminal.ErrNotOpen) {
			return
		}
	}
}

func frameOf(item terminal.Item) wire.Frame {
	switch item.Kind {
	case terminal.Output:
		return wire.Frame{Kind: wire.FrameOutput, Data: item.Data}
	case terminal.Gap:
		return wire.Frame{Kind: wire.FrameGap, Missed: item.To - item.From}
	case terminal.Idle:
		return wire.Frame{Kind: wire.FrameIdle, Ends: item.Ends}
	}
	return wire.Frame{Kind: wire.FrameEnded, End: item.End}
}
