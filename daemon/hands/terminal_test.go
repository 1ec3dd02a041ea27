package hands_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/site/run"
)

// A terminal keeps everybody else off until it is closed, and is forgotten when the box was away.
func TestTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		h := s.open()
		if err := h.OpenTerminal(ann(""), "one"); err != nil {
			t.Fatal(err)
		}
		n := len(s.journal.Records)
		s.refused(h.OpenTerminal(ann(""), "two"), n, "srv-1: ann works on it in a terminal: to be sure")
		s.refused(h.RollBack(ann("a")), n, "srv-1: ann works on it in a terminal: to be sure")
		status := 3
		end := hands.TerminalEnd{Session: "one", Recording: "digest", Lasted: time.Minute, Exit: &status}
		if err := h.CloseTerminal(ann(""), hands.TerminalEnd{Session: "two"}); err != nil || len(s.journal.Records) != n {
			t.Errorf("another terminal was closed: %v", err)
		}
		for range 2 {
			err := h.CloseTerminal(ann(""), end)
			e := s.last()
			if err != nil || e.Work != "one" || e.Text != "digest" || e.Took.Std() != time.Minute || *e.ExitCode != 3 || len(s.journal.Records) != n+1 {
				t.Errorf("closed: %+v, %v", e, err)
			}
		}
		if err := h.OpenTerminal(ann(""), "three"); err != nil {
			t.Fatal(err)
		}
		h = s.open()
		recorded := func(session string) (string, time.Duration) { return "what is there of " + session, time.Hour }
		if err := h.ForgetTerminals(recorded); err != nil {
			t.Fatal(err)
		}
		e := s.last()
		if e.Kind != run.TerminalClosed || e.Reason == nil || e.Text != "what is there of three" || e.Took.Std() != time.Hour || len(s.ledger.State().Hands) > 0 {
			t.Errorf("after a restart of the box: %+v", e)
		}
		n = len(s.journal.Records)
		if err := h.ForgetTerminals(recorded); err != nil || len(s.journal.Records) != n {
			t.Errorf("forgotten twice: %v", err)
		}
	})
}
