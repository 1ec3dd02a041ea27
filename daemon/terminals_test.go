package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// shows reads a terminal until it shows a text.
func (l *lab) shows(a *terminal.Attachment, text string) {
	l.t.Helper()
	for seen := ""; !strings.Contains(seen, text); {
		item, err := a.Next(l.t.Context())
		if err != nil || item.Kind == terminal.Ended {
			l.t.Fatalf("%q was not shown before the end: %+v, %v; shown was %q", text, item, err, seen)
		}
		seen += string(item.Data)
	}
}

// TestTerminal works on a device in a terminal: through a lost line of the person, to the end of the
// box, and through a crash of it.
func TestTerminal(t *testing.T) {
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	d, stop := l.start(cfg)
	l.until(d, "a night", closed)
	ask := hands.Ask{Device: "till-1", Actor: "ann", Reason: "printer"}
	s, err := d.Terminals().Open(t.Context(), ask, terminal.Size{Cols: 100, Rows: 30})
	l.must(err)
	a, err := s.Attach(terminal.Attach{Since: -1})
	l.must(err)
	l.must(s.Write(t.Context(), []byte("stty size; v=4; echo a$((v+38))z\r")))
	l.shows(a, "a42z")
	a.Detach()
	var busy *site.Reason
	if _, err := d.hands.Restart(t.Context(), ask); !errors.As(err, &busy) || busy.Text != "till-1: ann works on it in a terminal: printer" {
		t.Errorf("restarted under a person's hands: %v", err)
	}
	s, err = d.Terminals().On("till-1", "ann")
	l.must(err)
	a, err = s.Attach(terminal.Attach{Since: -1})
	l.must(err)
	l.shows(a, "30 100")
	l.must(s.Write(t.Context(), []byte("echo still:$v\r")))
	l.shows(a, "still:4")
	stop()
	if len(d.State().Hands) > 0 {
		t.Errorf("the device was not given back: %v", d.State().Hands)
	}
	id := s.Info().ID
	lost := "20261101-000000-till-1-crash"
	l.must(os.WriteFile(filepath.Join(cfg.State, "recordings", lost+".cast"), []byte("{\"version\":2}\n[7,\"o\",\"a\"]\n[8"), 0o600))
	again, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	l.must(again.hands.OpenTerminal(ask, lost)) // and the box loses its power
	l.must(again.journal.Close())
	d, _ = l.start(cfg)
	l.until(d, "a device that is given back", func(s run.State) bool { return len(s.Hands) == 0 })
	list, err := d.Terminals().Recordings(t.Context())
	if err != nil || len(list) != 2 || list[1].ID != id || list[1].State != terminal.Whole || list[1].Ended.Code != site.CodeInterrupted {
		t.Fatalf("recordings %+v, %v", list, err)
	}
	if r := list[0]; r.ID != lost || r.State != terminal.Whole || r.Lasted.Std() != 7*time.Second || r.Ended.Code != site.CodeInterrupted {
		t.Errorf("after a crash: %+v", r)
	}
	l.must(d.forgetRecordings(t.Context(), time.Now().Add(time.Minute)))
	if list, err := d.Terminals().Recordings(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("forgotten: %+v, %v", list, err)
	}
}
