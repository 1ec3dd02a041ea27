package controltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Desk makes terminals on the devices of the box, with shells that parrot what is typed into them.
// Its Run must run. dir is where the recordings are.
func (b *Box) Desk(dir string) *terminal.Desk {
	return terminal.New(terminal.Options{
		Shell:  func(context.Context, site.Device, terminal.Size) (terminal.Shell, error) { return newParrot(), nil },
		Device: func(id string) (site.Device, bool) { return b.View(context.Background()).Store.Device(id) },
		Hands:  b, Journal: b.Journal, Dir: dir,
	})
}

// OpenTerminal implements terminal.Hands.
func (b *Box) OpenTerminal(a hands.Ask, session string) error {
	return b.add(run.Event{Kind: run.TerminalOpened, Device: a.Device, Actor: a.Actor, Text: a.Reason, Work: session})
}

// CloseTerminal implements terminal.Hands.
func (b *Box) CloseTerminal(a hands.Ask, end hands.TerminalEnd) error {
	return b.add(run.Event{Kind: run.TerminalClosed, Device: a.Device, Actor: a.Actor, Work: end.Session, Text: end.Recording,
		Took: site.Duration(end.Lasted), ExitCode: end.Exit, Reason: end.Reason})
}

// EachRaw implements terminal.Journal.
func (j *Journal) EachRaw(from uint64, visit func(journal.Raw) error) error {
	records, err := j.Since(from, 1<<20)
	for _, r := range records {
		data, err := json.Marshal(r.Event)
		if err == nil {
			err = visit(journal.Raw{Seq: r.Seq, Prev: r.Prev, Hash: r.Hash, Event: data})
		}
		if err != nil {
			return err
		}
	}
	return err
}

// parrot is a shell that shows in capitals every line that is typed into it. The line "exit 3" ends
// it with the exit status 3, "break" as a lost line does, and Ctrl-D with 0.
type parrot struct {
	in, closed chan []byte
	once       sync.Once

	rest, line []byte
	over       bool

	mu     sync.Mutex
	status int
	err    error
}

func newParrot() *parrot {
	p := &parrot{in: make(chan []byte, 16), closed: make(chan []byte), err: errors.New("lost the connection to the parrot")}
	p.in <- nil
	return p
}

// Read implements terminal.Shell.
func (p *parrot) Read(to []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.over {
			return 0, io.EOF
		}
		select {
		case typed := <-p.in:
			p.hear(typed)
		case <-p.closed:
			return 0, io.EOF
		}
	}
	n := copy(to, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *parrot) hear(typed []byte) {
	if typed == nil {
		p.rest = []byte("\x1b[1mparrot$\x1b[0m ")
	}
	for _, c := range typed {
		switch {
		case c == 4 && len(p.line) == 0:
			p.end(0, nil)
		case c == '\r' || c == '\n':
			p.obey(string(p.line))
			p.line = nil
		default:
			p.line = append(p.line, c)
		}
	}
}

func (p *parrot) obey(line string) {
	status := 0
	switch _, err := fmt.Sscanf(line, "exit %d", &status); {
	case err == nil:
		p.end(status, nil)
	case line == "break":
		p.over = true
	default:
		p.rest = append(p.rest, strings.ToUpper(line)+"\r\nparrot$ "...)
	}
}

func (p *parrot) end(status int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.status, p.err = true, status, err
}

// Write implements terminal.Shell.
func (p *parrot) Write(typed []byte) (int, error) {
	select {
	case p.in <- bytes.Clone(typed):
		return len(typed), nil
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
}

// Resize implements terminal.Shell.
func (p *parrot) Resize(cols, rows int) error {
	return nil
}

// Close implements terminal.Shell.
func (p *parrot) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Exit implements terminal.Shell.
func (p *parrot) Exit() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status, p.err
}

// Terminals are those of a store in which three terminals were recorded, one of them is not what was
// recorded, and ann works on srv-3 now.
type Terminals struct{}

// Open implements control.Terminals: nothing can be opened.
func (Terminals) Open(context.Context, hands.Ask, terminal.Size) (*terminal.Session, error) {
	return nil, site.Because(site.CodeAuth, "srv-1 refuses the login of patch: is the box's key in its authorized keys?")
}

// On implements control.Terminals: the one on srv-3 is ann's.
func (Terminals) On(device, _ string) (*terminal.Session, error) {
	if device == "srv-3" {
		return nil, site.Because(site.CodeBusy, "srv-3: ann works on it in a terminal: receipts print twice")
	}
	return nil, terminal.ErrNotOpen
}

// Sessions implements control.Terminals.
func (Terminals) Sessions() []terminal.Info { return nil }

// Recordings implements control.Library.
func (Terminals) Recordings(context.Context) ([]terminal.Recording, error) {
	at := time.Date(2026, 11, 21, 16, 15, 0, 0, time.UTC)
	one, digest := 1, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	r := func(device, suffix string, begun time.Time, state terminal.State) terminal.Recording {
		return terminal.Recording{ID: begun.Format("20060102-150405") + "-" + device + "-" + suffix, Device: device, Actor: "ann",
			Reason: "receipts print twice", Begun: begun, Lasted: site.Duration(125 * time.Second), Exit: &one, SHA256: digest, Bytes: 5120, State: state}
	}
	list := []terminal.Recording{
		r("srv-3", "77aa10", at.Add(20*time.Hour), terminal.Open), r("srv-2", "b4c3d2", at.Add(time.Hour), terminal.Changed),
		r("srv-1", "3fa29c", at, terminal.Whole), r("srv-1", "000001", at.Add(-time.Hour), terminal.Missing),
	}
	list[0].SHA256, list[0].Exit = "", nil
	list[1].Exit, list[1].Ended = nil, site.Because(site.CodeTimedOut, "nobody looked at the terminal for 10 minutes, which ended it")
	return list, nil
}

// Recording implements control.Library.
func (t Terminals) Recording(ctx context.Context, id string) (terminal.Recording, io.ReadCloser, error) {
	list, err := t.Recordings(ctx)
	for _, r := range list {
		if r.ID != id {
			continue
		}
		if r.State == terminal.Missing {
			return r, nil, nil
		}
		text := "{\"version\":2,\"width\":80,\"height\":24}\n[0.01,\"o\",\"\\u001b[1mtill\\u001b[0m$ una\"]\n[0.02,\"o\",\"me\\r\\nLinux\\r\\n\"]\n[0.03,\"m\",\"the terminal was ended\"]\n"
		return r, io.NopCloser(bytes.NewReader([]byte(text))), err
	}
	return terminal.Recording{}, nil, errors.Join(err, terminal.ErrNoRecording)
}
