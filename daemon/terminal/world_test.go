package terminal_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/daemon/terminal/cast"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// shell is a shell that shows what a test says.
type shell struct {
	out    chan []byte   // what it shows; closed when it ends by itself
	closed chan struct{} // by Close
	status int

	once  sync.Once
	rest  []byte
	mu    sync.Mutex
	typed string
	sizes []terminal.Size
	read  int64
	over  bool
}

func newShell() *shell { return &shell{out: make(chan []byte), closed: make(chan struct{})} }

func (s *shell) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case more, ok := <-s.out:
			if !ok {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.over = true
				return 0, io.EOF
			}
			s.rest = more
		case <-s.closed:
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	s.mu.Lock()
	s.read += int64(n)
	s.mu.Unlock()
	return n, nil
}

// taken is how many bytes were read from the shell.
func (s *shell) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

func (s *shell) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typed += string(p)
	return len(p), nil
}

func (s *shell) Resize(cols, rows int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, terminal.Size{Cols: cols, Rows: rows})
	return nil
}

func (s *shell) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *shell) Exit() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return s.status, nil
	}
	return 0, errors.New("lost the connection to till-1")
}

// world is a desk with a journal, on which till-1 to till-9 are open for everybody.
type world struct {
	t       testing.TB
	desk    *terminal.Desk
	dir     string
	stop    func()
	refuses error // of the device, instead of a shell

	mu      sync.Mutex
	shells  map[string]*shell
	records []journal.Raw
	closed  []hands.TerminalEnd
	failing error
}

func newWorld(t testing.TB, dir string, limits terminal.Limits) *world {
	w := &world{t: t, dir: dir, shells: map[string]*shell{}}
	w.desk = terminal.New(terminal.Options{
		Shell: w.shell, Hands: w, Journal: w, Dir: dir, Limits: limits,
		Device: func(id string) (site.Device, bool) {
			class := site.LinuxServer
			if id == "pinpad-1" {
				class = site.Observe
			}
			return site.Device{ID: id, Class: class}, id != "nobody"
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var box sync.WaitGroup
	started := make(chan struct{})
	box.Go(func() {
		close(started)
		if err := w.desk.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-started
	w.stop = sync.OnceFunc(func() {
		cancel()
		box.Wait()
	})
	return w
}

func (w *world) shell(_ context.Context, d site.Device, _ terminal.Size) (terminal.Shell, error) {
	if w.refuses != nil {
		return nil, w.refuses
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shells[d.ID] = newShell()
	return w.shells[d.ID], nil
}

func (w *world) write(e run.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing != nil {
		return w.failing
	}
	e.At = time.Now()
	data, err := json.Marshal(e)
	w.records = append(w.records, journal.Raw{Seq: uint64(len(w.records) + 1), Event: data})
	return err
}

// OpenTerminal implements terminal.Hands.
func (w *world) OpenTerminal(a hands.Ask, session string) error {
	return w.write(run.Event{Kind: run.TerminalOpened, Device: a.Device, Actor: a.Actor, Text: a.Reason, Work: session})
}

// CloseTerminal implements terminal.Hands.
func (w *world) CloseTerminal(a hands.Ask, end hands.TerminalEnd) error {
	err := w.write(run.Event{Kind: run.TerminalClosed, Device: a.Device, Actor: a.Actor, Work: end.Session, Text: end.Recording,
		Took: site.Duration(end.Lasted), ExitCode: end.Exit, Reason: end.Reason})
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.closed = append(w.closed, end)
	}
	return err
}

// ends are how sessions ended.
func (w *world) ends() []hands.TerminalEnd {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.closed)
}

// EachRaw implements terminal.Journal.
func (w *world) EachRaw(from uint64, visit func(journal.Raw) error) error {
	w.mu.Lock()
	records := slices.Clone(w.records)
	w.mu.Unlock()
	for _, r := range records {
		if r.Seq >= from {
			if err := visit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func ann(device string) hands.Ask {
	return hands.Ask{Device: device, Actor: "ann", Reason: "to be sure"}
}

// opened opens a session of ann.
func (w *world) opened(device string) (*terminal.Session, *shell) {
	w.t.Helper()
	s, err := w.desk.Open(context.Background(), ann(device), terminal.Size{})
	for errors.Is(err, terminal.ErrStopped) { // Run has not begun
		s, err = w.desk.Open(context.Background(), ann(device), terminal.Size{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return s, w.shells[device]
}

func attach(t testing.TB, s *terminal.Session, o terminal.Attach) *terminal.Attachment {
	t.Helper()
	a, err := s.Attach(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// next is the next item, in words.
func next(t testing.TB, a *terminal.Attachment) string {
	t.Helper()
	item, err := a.Next(context.Background())
	if err != nil {
		return err.Error()
	}
	switch item.Kind {
	case terminal.Output:
		return string(item.Data)
	case terminal.Idle:
		if item.Ends.IsZero() {
			return "idle no more"
		}
		return "ends in " + time.Until(item.Ends).String()
	case terminal.Ended:
		if item.End.Reason != nil {
			return "ended: " + item.End.Reason.Text
		}
		return "ended"
	}
	return string(item.Kind)
}

// recorded is what a recording shows, and its other lines in words.
func recorded(t testing.TB, path string) (shown string, notes []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := cast.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for {
		e, err := r.Next()
		if err == io.EOF {
			return b.String(), notes
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == cast.Output {
			b.WriteString(e.Text)
		} else {
			notes = append(notes, string(e.Kind)+" "+e.Text)
		}
	}
}

func (w *world) file(id string) string { return filepath.Join(w.dir, id+".cast") }
