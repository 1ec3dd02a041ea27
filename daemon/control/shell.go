package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
)

const (
	shellProtocol = "nightfill-shell-1" // of the connection after the upgrade: a ShellFrame a line
	maxFrame      = 256 << 10           // bytes of a line
	takeLimit     = 30 * time.Second    // for a person's end to take a frame
	lastWords     = time.Second         // for a person to be told that the box stops
)

// ShellAsked asks for a terminal on a device. Without a reason it can only be gone back to.
type ShellAsked struct {
	Device string `json:"device"`
	Reason string `json:"reason,omitempty"`
	Rev    uint64 `json:"if_rev,omitempty"`
	terminal.Size
}

// The kinds of frames. Those of a person come first, then those of the box.
const (
	FrameInput  = "input"  // Data was typed
	FrameResize = "resize" // the terminal has another size
	FrameEnd    = "end"    // the terminal is to end

	FrameOpened = "opened" // the first: Info, Back when the terminal was open before
	FrameOutput = "output" // Data was shown
	FrameGap    = "gap"    // Missed bytes were not kept
	FrameIdle   = "idle"   // it ends at Ends unless something is typed; zero: not any more
	FrameEnded  = "ended"  // the last: End
)

// ShellFrame is one line of the connection of a terminal, either way.
type ShellFrame struct {
	Kind   string         `json:"kind"`
	Data   []byte         `json:"data,omitempty"`
	Size   *terminal.Size `json:"size,omitempty"`
	Info   *terminal.Info `json:"info,omitempty"`
	Back   bool           `json:"back,omitempty"`
	Missed int64          `json:"missed,omitempty"`
	Ends   time.Time      `json:"ends,omitzero"`
	End    *terminal.End  `json:"end,omitempty"`
}

// shell opens a terminal, or goes back to the one that the person has, and stays with it until
// either side leaves. The terminal outlives the connection.
func (s *Server) shell(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != shellProtocol {
		s.refuse(w, bad("", "a terminal is asked for with Upgrade: %s", shellProtocol))
		return
	}
	session, back, err := s.findShell(w, r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	a, err := session.Attach(terminal.Attach{Since: -1})
	if err != nil {
		s.refuse(w, err)
		return
	}
	defer a.Detach()
	s.upgraded.Add(1)
	defer s.upgraded.Done()
	zone := s.zone()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.refuse(w, err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(takeLimit))
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n", shellProtocol, ZoneHeader, zone)
	if err == nil {
		info := session.Info()
		err = writeFrame(conn, ShellFrame{Kind: FrameOpened, Info: &info, Back: back})
	}
	if err == nil && conn.SetDeadline(time.Time{}) == nil {
		stay(r.Context(), conn, buffered.Reader, session, a)
	}
}

func (s *Server) findShell(w http.ResponseWriter, r *http.Request) (session *terminal.Session, back bool, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), looking)
	defer cancel()
	body, err := s.body(w, r)
	if err != nil {
		return nil, false, err
	}
	var ask ShellAsked
	if err := (&request{body: body}).read(&ask); err != nil {
		return nil, false, err
	}
	if err := known(s.Box.View(ctx), ask.Device); err != nil {
		return nil, false, err
	}
	session, err = s.Terminals.On(ask.Device, actor(ctx))
	if !errors.Is(err, terminal.ErrNotOpen) {
		return session, true, err
	}
	reason := strings.TrimSpace(ask.Reason)
	switch {
	case reason == "":
		return nil, false, bad("say why, for the next person who asks", "the reason is missing, and you have no terminal on %s to go back to", ask.Device)
	case len(reason) > maxReason:
		return nil, false, bad("", "the reason has %d bytes and may have %d", len(reason), maxReason)
	}
	session, err = s.Terminals.Open(ctx, hands.Ask{Device: ask.Device, Actor: actor(ctx), Reason: reason, Rev: ask.Rev}, ask.Size)
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
			err = writeFrame(conn, frameOf(item))
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
	lines := frames(from)
	for {
		f, err := nextFrame(lines)
		if err != nil {
			return
		}
		switch {
		case f.Kind == FrameInput:
			err = session.Write(ctx, f.Data)
		case f.Kind == FrameResize && f.Size != nil:
			err = session.Resize(ctx, *f.Size)
		case f.Kind == FrameEnd:
			session.End()
		}
		if err != nil && !errors.Is(err, terminal.ErrNotOpen) {
			return
		}
	}
}

func frameOf(item terminal.Item) ShellFrame {
	switch item.Kind {
	case terminal.Output:
		return ShellFrame{Kind: FrameOutput, Data: item.Data}
	case terminal.Gap:
		return ShellFrame{Kind: FrameGap, Missed: item.To - item.From}
	case terminal.Idle:
		return ShellFrame{Kind: FrameIdle, Ends: item.Ends}
	}
	return ShellFrame{Kind: FrameEnded, End: item.End}
}

func writeFrame(w io.Writer, f ShellFrame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

func frames(from io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxFrame)
	return lines
}

// nextFrame reads one frame. The end of the connection is io.EOF.
func nextFrame(lines *bufio.Scanner) (ShellFrame, error) {
	var f ShellFrame
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return f, err
		}
		return f, io.EOF
	}
	return f, json.Unmarshal(lines.Bytes(), &f)
}

// Shell is a person's end of a terminal. Next is for one goroutine, the rest for any number.
type Shell struct {
	Info terminal.Info
	Back bool // the terminal was open before
	conn io.ReadWriteCloser
	from *bufio.Scanner

	mu sync.Mutex // one frame at a time
}

// Shell opens a terminal, or goes back to the one that the caller has on the device. Close leaves
// it: the terminal goes on for ten minutes. It ends with ctx.
func (c *Client) Shell(ctx context.Context, ask ShellAsked) (*Shell, error) {
	req, err := c.request(ctx, "POST", "/v1/shell", nil, ask)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", shellProtocol)
	body, err := c.answer(ctx, req, http.StatusSwitchingProtocols)
	if err != nil {
		return nil, err
	}
	conn, ok := body.(io.ReadWriteCloser)
	if !ok {
		return nil, errors.Join(errors.New("the connection cannot be typed into"), body.Close())
	}
	s := &Shell{conn: conn, from: frames(conn)}
	first, err := s.Next()
	if err == nil && (first.Kind != FrameOpened || first.Info == nil) {
		err = fmt.Errorf("the terminal begins with %q", first.Kind)
	}
	if err != nil {
		return nil, errors.Join(c.broken(ctx, err), conn.Close())
	}
	s.Info, s.Back = *first.Info, first.Back
	return s, nil
}

// Next returns what the box says next. An error means that the connection is gone, not the terminal.
func (s *Shell) Next() (ShellFrame, error) { return nextFrame(s.from) }

// Input types into the terminal.
func (s *Shell) Input(p []byte) error { return s.write(ShellFrame{Kind: FrameInput, Data: p}) }

// Resize tells how large the terminal is now.
func (s *Shell) Resize(size terminal.Size) error {
	return s.write(ShellFrame{Kind: FrameResize, Size: &size})
}

func (s *Shell) write(f ShellFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeFrame(s.conn, f)
}

// Close leaves the terminal.
func (s *Shell) Close() error { return s.conn.Close() }
