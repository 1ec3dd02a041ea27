package terminal_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site"
)

// scene plays with time that flies.
func scene(t *testing.T, limits terminal.Limits, play func(t *testing.T, w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dir, limits)
		synctest.Wait()
		defer w.stop()
		play(t, w)
	})
}

func wants(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestSession(t *testing.T) {
	scene(t, terminal.Limits{}, func(t *testing.T, w *world) {
		s, shell := w.opened("till-1")
		a := attach(t, s, terminal.Attach{Since: -1})
		shell.out <- []byte("hello ")
		wants(t, "shown", next(t, a), "hello ")
		if err := s.Write(t.Context(), []byte("password\r")); err != nil {
			t.Fatal(err)
		}
		if err := s.Resize(t.Context(), terminal.Size{Cols: 120, Rows: 50}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if shell.typed != "password\r" || !slices.Equal(shell.sizes, []terminal.Size{{Cols: 120, Rows: 50}}) {
			t.Errorf("typed %q, sizes %v", shell.typed, shell.sizes)
		}
		a.Detach()
		wants(t, "after Detach", next(t, a), "EOF")
		<-time.After(9*time.Minute + 30*time.Second)
		shell.out <- []byte("w\xc3")
		shell.out <- []byte("\xb6rld")
		a = attach(t, s, terminal.Attach{Since: 6})
		synctest.Wait()
		wants(t, "shown again", next(t, a), "w\xc3\xb6rld")
		shell.status = 3
		close(shell.out)
		item, err := a.Next(t.Context())
		if err != nil || item.Kind != terminal.Ended || *item.End.Exit != 3 || item.End.Reason != nil || len(item.End.Recording) != 64 {
			t.Errorf("ended: %+v, %v", item, err)
		}
		wants(t, "after the end", next(t, a), "EOF")
		shown, notes := recorded(t, w.file(s.Info().ID))
		wants(t, "recorded", shown, "hello wörld")
		wants(t, "notes", strings.Join(notes, "|"), "r 120x50|m nobody looks at it|m ann looks at it again|m the shell ended with exit code 3")
		if text, err := os.ReadFile(w.file(s.Info().ID)); err != nil || strings.Contains(string(text), "password") {
			t.Errorf("what was typed is in the recording, or: %v", err)
		}
		if _, err := w.desk.On("till-1", "ann"); !errors.Is(err, terminal.ErrNotOpen) {
			t.Errorf("after the end: %v", err)
		}
		if err := s.Write(t.Context(), []byte("x")); !errors.Is(err, terminal.ErrNotOpen) {
			t.Errorf("written after the end: %v", err)
		}
	})
}

// However a session ends, the device is given back once and the recording is sealed.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits terminal.Limits
		end    func(w *world, s *terminal.Session, shell *shell)
		said   string
		code   site.Code
	}{
		{"by its person", terminal.Limits{}, func(_ *world, s *terminal.Session, _ *shell) { s.End() }, "ended", ""},
		{"by itself", terminal.Limits{}, func(_ *world, _ *terminal.Session, shell *shell) { close(shell.out) }, "ended", ""},
		{"with the line", terminal.Limits{}, func(_ *world, _ *terminal.Session, shell *shell) { _ = shell.Close() },
			"ended: lost the connection to till-1", site.CodeNoAnswer},
		{"with the box", terminal.Limits{}, func(w *world, _ *terminal.Session, _ *shell) { w.stop() },
			"ended: the box stopped, which ended the terminal", site.CodeInterrupted},
		{"nobody looks", terminal.Limits{}, func(_ *world, _ *terminal.Session, _ *shell) { <-time.After(11 * time.Minute) },
			"ended: nobody looked at the terminal for 10 minutes, which ended it", site.CodeTimedOut},
		{"recording full", terminal.Limits{Recording: 1 << 20}, func(_ *world, _ *terminal.Session, shell *shell) {
			for range 40 {
				select {
				case shell.out <- []byte(strings.Repeat("x", 32<<10)):
				case <-shell.closed:
				}
			}
		}, "ended: the recording reached its limit of 1 MiB, and without one there is no terminal: open a new one", site.CodeBoxFull},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			scene(t, c.limits, func(t *testing.T, w *world) {
				s, shell := w.opened("till-1")
				c.end(w, s, shell)
				synctest.Wait()
				a := attach(t, s, terminal.Attach{Since: s.Info().Shown})
				wants(t, "told", next(t, a), c.said)
				if len(w.ends()) != 1 || len(w.desk.Sessions()) != 0 {
					t.Fatalf("closed %v, open %v", w.ends(), w.desk.Sessions())
				}
				end := w.ends()[0]
				if (end.Reason == nil) != (c.code == "") || end.Reason != nil && end.Reason.Code != c.code {
					t.Errorf("reason %v, want %s", end.Reason, c.code)
				}
				list, err := w.desk.Recordings(t.Context())
				if err != nil || len(list) != 1 || list[0].State != terminal.Whole || list[0].SHA256 != end.Recording {
					t.Errorf("recordings %+v, %v", list, err)
				}
			})
		})
	}
}

func TestIdle(t *testing.T) {
	scene(t, terminal.Limits{}, func(t *testing.T, w *world) {
		s, _ := w.opened("till-1")
		a := attach(t, s, terminal.Attach{Since: -1})
		wants(t, "warned", next(t, a), "ends in 1m0s")
		if ends := s.Info().IdleEnds; !ends.Equal(s.Info().Since.Add(15 * time.Minute)) {
			t.Errorf("it ends at %s", ends)
		}
		if err := s.Write(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		wants(t, "typed", next(t, a), "idle no more")
		wants(t, "warned again", next(t, a), "ends in 1m0s")
		wants(t, "not typed", next(t, a), "ended: nothing was typed for 15 minutes, which ended the terminal")
	})
}

// A slow journal is waited for: the device is given back when it can be written down.
func TestJournalFails(t *testing.T) {
	scene(t, terminal.Limits{}, func(t *testing.T, w *world) {
		s, _ := w.opened("till-1")
		w.mu.Lock()
		w.failing = errors.New("the disk is full")
		w.mu.Unlock()
		a := attach(t, s, terminal.Attach{Since: -1})
		s.End()
		wants(t, "told", next(t, a), "ended")
		if _, err := w.desk.Open(t.Context(), ann("till-1"), terminal.Size{}); err == nil {
			t.Error("opened although it was not given back")
		}
		w.mu.Lock()
		w.failing = nil
		w.mu.Unlock()
		<-time.After(6 * time.Second)
		if len(w.ends()) != 1 {
			t.Errorf("closed: %v", w.ends())
		}
		w.opened("till-1")
	})
}

func TestRefused(t *testing.T) {
	scene(t, terminal.Limits{Sessions: 2}, func(t *testing.T, w *world) {
		open := func(device, actor, reason string) string {
			ask := ann(device)
			ask.Actor, ask.Reason = actor, reason
			_, err := w.desk.Open(t.Context(), ask, terminal.Size{})
			if err == nil {
				return ""
			}
			return err.Error()
		}
		wants(t, "no reason", open("till-1", "ann", " "), "the reason is missing: say why, for the next person who asks")
		wants(t, "long", open("till-1", "ann", strings.Repeat("x", 501)), "the reason is too long: it may have 500 bytes")
		wants(t, "unknown", open("nobody", "ann", "x"), "no device is called nobody; see: nightfill devices")
		wants(t, "observed", open("pinpad-1", "ann", "x"), "pinpad-1 is only observed: there is no shell on it")
		w.refuses = site.Because(site.CodeAuth, "till-1 refuses the login")
		wants(t, "login", open("till-1", "ann", "x"), "till-1 refuses the login")
		if len(w.ends()) != 1 || w.ends()[0].Reason.Code != site.CodeAuth || w.ends()[0].Recording != "" {
			t.Errorf("closed: %+v", w.ends())
		}
		if list, err := w.desk.Recordings(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("recordings of nothing: %v, %v", list, err)
		}
		if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 0 {
			t.Errorf("files of nothing: %v, %v", entries, err)
		}
		w.refuses = nil
		s, _ := w.opened("till-1")
		wants(t, "taken", open("till-1", "bob", "x"), "till-1: ann works on it in a terminal: to be sure")
		_, err := w.desk.On("till-1", "bob")
		wants(t, "looked at", err.Error(), "till-1: ann works on it in a terminal: to be sure")
		if found, err := w.desk.Find(s.Info().ID, "ann"); err != nil || found != s {
			t.Errorf("found %v, %v", found, err)
		}
		if _, err := w.desk.Find("x", "ann"); !errors.Is(err, terminal.ErrNotOpen) {
			t.Errorf("found: %v", err)
		}
		w.opened("till-2")
		wants(t, "too many", open("till-3", "ann", "x"), "2 terminals are open, and no more can be at once: end one first")
		for range 8 {
			attach(t, s, terminal.Attach{Since: -1})
		}
		_, err = s.Attach(terminal.Attach{Since: -1})
		wants(t, "readers", err.Error(), "too many readers of one terminal: close one first")
		w.stop()
		wants(t, "stopped", open("till-1", "ann", "x"), "the box is starting or stopping: try again when it runs")
	})
}

// A device that shows without end is slowed down by who looks, by the pace, and by nobody's being
// slow; an interrupt is seen at once.
func TestFlood(t *testing.T) {
	scene(t, terminal.Limits{}, func(t *testing.T, w *world) {
		s, shell := w.opened("till-1")
		flood := make(chan struct{})
		go func() {
			defer close(flood)
			for page := []byte(strings.Repeat("y\n", 16<<10)); ; {
				select {
				case shell.out <- page:
				case <-shell.closed:
					return
				}
			}
		}()
		a := attach(t, s, terminal.Attach{Since: 0, Acks: true})
		<-time.After(time.Second)
		if shown := s.Info().Shown; shown > 600<<10 {
			t.Errorf("%d bytes were shown to somebody who saw nothing", shown)
		}
		begun := time.Now()
		for s.Info().Shown < 10<<20 {
			item, err := a.Next(t.Context())
			if err != nil || item.Kind != terminal.Output {
				t.Fatalf("%+v, %v", item, err)
			}
			a.Ack(item.To)
		}
		if took := time.Since(begun); took < 15*time.Second || took > 25*time.Second {
			t.Errorf("10 MiB took %s", took)
		}
		before := shell.taken()
		if err := s.Write(t.Context(), []byte("\x03")); err != nil {
			t.Fatal(err)
		}
		for shell.taken() < before+2<<20 {
			if _, err := a.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		if shown := s.Info().Shown; shown < 20<<20 {
			t.Errorf("a slow reader held up the device: %d bytes", shown)
		}
		item, err := a.Next(t.Context())
		if err != nil || item.Kind != terminal.Gap || s.Info().Shown-item.To > 1<<20 {
			t.Errorf("%+v, %v", item, err)
		}
		b := attach(t, s, terminal.Attach{Since: -1})
		first, err := b.Next(t.Context())
		if err != nil || first.Kind != terminal.Output || s.Info().Shown-first.From > 260<<10 || string(first.Data[:2]) != "y\n" {
			t.Errorf("replayed from %d of %d, %v", first.From, s.Info().Shown, err)
		}
		s.End()
		<-flood
	})
}

func TestRecordings(t *testing.T) {
	scene(t, terminal.Limits{}, func(t *testing.T, w *world) {
		one, _ := w.opened("till-1")
		one.End()
		<-time.After(time.Hour)
		two, shell := w.opened("till-2")
		shell.out <- []byte("something")
		three, _ := w.opened("till-3")
		two.End()
		synctest.Wait()
		states := func() string {
			list, err := w.desk.Recordings(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, r := range list {
				words = append(words, r.Device+" "+string(r.State))
			}
			slices.Sort(words)
			return strings.Join(words, ", ")
		}
		wants(t, "states", states(), "till-1 whole, till-2 whole, till-3 open")
		file, err := os.OpenFile(w.file(two.Info().ID), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString("[1,\"o\",\"not so\"]\n"); err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		wants(t, "changed", states(), "till-1 whole, till-2 changed, till-3 open")
		r, body, err := w.desk.Recording(t.Context(), two.Info().ID)
		if err != nil || r.State != terminal.Changed || r.Actor != "ann" || r.Reason != "to be sure" || body == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		_ = body.Close()
		if err := os.Remove(w.file(two.Info().ID)); err != nil {
			t.Fatal(err)
		}
		if r, body, err = w.desk.Recording(t.Context(), two.Info().ID); err != nil || r.State != terminal.Missing || body != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if _, _, err := w.desk.Recording(t.Context(), "../journal"); !errors.Is(err, terminal.ErrNoRecording) {
			t.Errorf("error is %v", err)
		}
		if err := w.desk.Forget(t.Context(), time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		wants(t, "forgotten", states(), "till-2 missing, till-3 open")
		if _, err := os.Stat(w.file(one.Info().ID)); !os.IsNotExist(err) {
			t.Errorf("the file is there: %v", err)
		}
		if err := w.desk.Forget(t.Context(), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		three.End()
	})
}

// A recording that a crash cut in a line is closed with the lines before.
func TestSalvage(t *testing.T) {
	dir := t.TempDir()
	whole := "{\"version\":2}\n[0,\"o\",\"a\"]\n[61.5,\"o\",\"b\"]\n"
	if err := os.WriteFile(dir+"/x.cast", []byte(whole+"[62,\"o\",\"c"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		digest, lasted, err := terminal.Salvage(dir, "x")
		if err != nil || lasted != 61*time.Second+500*time.Millisecond || len(digest) != 64 {
			t.Errorf("%s, %s, %v", digest, lasted, err)
		}
		if left, err := os.ReadFile(dir + "/x.cast"); err != nil || string(left) != whole {
			t.Errorf("left is %q, %v", left, err)
		}
	}
	if digest, _, err := terminal.Salvage(dir, "y"); digest != "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s, %v", digest, err)
	}
}
