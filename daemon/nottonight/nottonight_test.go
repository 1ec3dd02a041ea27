package nottonight

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// book is a ledger in memory.
type book struct {
	state  run.State
	events []run.Event
	broken bool
}

func (b *book) State() run.State { return b.state }

func (b *book) Commit(decide func(run.State) []run.Event) ([]run.Record, error) {
	events := decide(b.state)
	if b.broken && len(events) > 0 {
		return nil, errors.New("the disk is full")
	}
	b.state = run.Foresee(b.state, events...)
	b.events = append(b.events, events...)
	return nil, nil
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func gate(t *testing.T) (*Gate, *book) {
	t.Helper()
	hash, err := accounts.HashPIN("4711", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &book{}
	return New(Options{Ledger: b, PIN: hash, Calendar: window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60}, Rule: run.SkipRule{Latest: 22 * 60, MaxPerMonth: 2}}), b
}

func TestStopAndUndo(t *testing.T) {
	g, b := gate(t)
	if stop, undo, opens := g.May(noon); stop != "" || undo != run.NotStopped || !opens.Equal(noon.Add(11*time.Hour)) || g.Left(noon) != 2 {
		t.Errorf("before: %q %q %v, %d left", stop, undo, opens, g.Left(noon))
	}
	if r := g.Stop("4711", " \t\n", noon); r == nil || r.Why != NoReason {
		t.Errorf("without a reason: %+v", r)
	}
	if r := g.Stop(" 4711 ", "stock\x00 taking\n"+strings.Repeat("ü", 300), noon); r != nil {
		t.Fatalf("refused: %+v", r)
	}
	e := b.events[0]
	if e.Kind != run.HoldSet || e.Actor != "manager (PIN)" || e.Device != site.AllDevices || !e.Hold.Until.Equal(noon.Add(17*time.Hour)) ||
		!strings.HasPrefix(e.Hold.Reason, "stock taking ü") || len([]rune(e.Text)) != 200 {
		t.Errorf("written down: %+v %+v", e, e.Hold)
	}
	if r := g.Stop("4711", "again", noon); r == nil || r.Why != run.HeldAlready {
		t.Errorf("twice: %+v", r)
	}
	if stop, undo, _ := g.May(noon); stop != run.HeldAlready || undo != "" || g.Left(noon) != 1 {
		t.Errorf("after: %q %q, %d left", stop, undo, g.Left(noon))
	}
	if r := g.Undo("4711", noon); r != nil || g.Left(noon) != 2 || len(b.state.Holds) != 0 {
		t.Errorf("let go: %+v, %d left, %v", r, g.Left(noon), b.state.Holds)
	}
	if r := g.Undo("4711", noon); r == nil || r.Why != run.NotStopped {
		t.Errorf("let go twice: %+v", r)
	}
	if r := g.Stop("4711", "late", noon.Add(10*time.Hour)); r == nil || r.Why != run.TooLate {
		t.Errorf("at 22:00: %+v", r)
	}
	b.state.Skips = []window.Date{{Year: 2026, Month: 11, Day: 1}, {Year: 2026, Month: 11, Day: 2}}
	if r := g.Stop("4711", "x", noon); r == nil || r.Why != run.UsedUp || r.Times != 2 {
		t.Errorf("a third time: %+v", r)
	}
	b.state.Skips, b.broken = nil, true
	if r := g.Stop("4711", "x", noon); r == nil || r.Why != Unwritten {
		t.Errorf("on a full disk: %+v", r)
	}
}

func TestGuessesAreSlowedDownAndNobodyIsLockedOut(t *testing.T) {
	g, b := gate(t)
	now := noon
	for range 3 {
		if r := g.Stop("0000", "x", now); r == nil || r.Why != BadPIN {
			t.Fatalf("a wrong PIN: %+v", r)
		}
	}
	for _, wait := range []time.Duration{1, 2, 4, 8, 15, 15} {
		if r := g.Stop("4711", "x", now.Add(wait*time.Minute-time.Second)); r == nil || r.Why != Guessed || r.Wait != time.Second {
			t.Errorf("a right PIN too early, after %d min: %+v", wait, r)
		}
		now = now.Add(wait * time.Minute)
		if r := g.Stop("0000", "x", now); r == nil || r.Why != BadPIN {
			t.Errorf("another wrong one after %d min: %+v", wait, r)
		}
	}
	if len(b.events) > 0 {
		t.Fatalf("written down: %+v", b.events)
	}
	if r := g.Stop("4711", "x", now.Add(15*time.Minute)); r != nil {
		t.Errorf("the right PIN after the longest wait: %+v", r)
	}
	for range 3 {
		_ = g.Undo("0000", now)
	}
	if r := g.Undo("4711", now.Add(-time.Hour)); r != nil {
		t.Errorf("after the clock was set back: %+v", r)
	}
}

func TestOldGuessesAreForgotten(t *testing.T) {
	g, _ := gate(t)
	for range 2 {
		_ = g.Stop("0000", "x", noon)
	}
	later := noon.Add(61 * time.Minute)
	for range 2 {
		if r := g.Stop("0000", "x", later); r.Why != BadPIN {
			t.Errorf("an hour later: %+v", r)
		}
	}
	if r := g.Stop("4711", "x", later); r != nil {
		t.Errorf("the right one: %+v", r)
	}
}
