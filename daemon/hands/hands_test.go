package hands_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/daemon/ledger/ledgertest"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// shop is a store with one device, srv-1, and a night in which a was done and b was taken back.
type shop struct {
	t       *testing.T
	journal *ledgertest.Journal
	ledger  *ledger.Ledger
	store   *fake.Store
	device  site.Device
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, journal: &ledgertest.Journal{}, store: fake.NewStore(fake.Options{Seed: 1})}
	s.device = s.store.Add(fake.Device{ID: "srv-1", Class: site.LinuxServer})
	s.open()
	now := time.Now()
	p := func(id string, class site.RollbackClass) site.Patch {
		return site.Patch{ID: id, Install: site.Install{Kind: site.InstallScript}, Rollback: site.Rollback{Class: class}}
	}
	made := plan.Plan{
		Night: window.Date{Year: 2000, Month: 1, Day: 1}, Opens: now, Cutoff: now.Add(time.Hour), Closes: now.Add(2 * time.Hour),
		Members: []plan.Member{{Device: "srv-1"}}, Patches: []site.Patch{p("a", site.RollbackScript), p("b", site.RollbackScript)},
		Lanes: []plan.Lane{{Device: "srv-1", Jobs: []plan.Job{{Patch: "a"}, {Patch: "b"}}}},
	}
	reason := site.Because(site.CodeVerifyFailed, "it broke")
	s.add(run.Event{Kind: run.NightOpened, Plan: &made},
		run.Event{Kind: run.PatchSettled, Device: "srv-1", Patch: "a", To: site.Done},
		run.Event{Kind: run.PatchSettled, Device: "srv-1", Patch: "b", To: site.RolledBack, Reason: reason},
		run.Event{Kind: run.NightClosed})
	return s
}

// open starts a box on the journal as it is.
func (s *shop) open() *hands.Hands {
	s.t.Helper()
	l, err := ledger.Open(s.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ledger = l
	return hands.New(hands.Options{Ledger: l, Devices: s.store, Log: slog.New(slog.DiscardHandler), Device: func(id string) (site.Device, bool) {
		return s.device, id == s.device.ID
	}})
}

func (s *shop) add(events ...run.Event) {
	s.t.Helper()
	for i := range events {
		events[i].At = time.Now()
	}
	if err := s.ledger.Add(events...); err != nil {
		s.t.Fatal(err)
	}
}

// last is the newest record.
func (s *shop) last() run.Event { return s.journal.Records[len(s.journal.Records)-1].Event }

func (s *shop) job(patch string) run.Job {
	j, _ := s.ledger.State().Job("srv-1", patch)
	return j
}

// refused checks why something was refused, and that nothing was written.
func (s *shop) refused(err error, records int, want string) {
	s.t.Helper()
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Text != want {
		s.t.Errorf("refused with\n%v, want\n%s", err, want)
	}
	if len(s.journal.Records) != records {
		s.t.Errorf("%d records were written", len(s.journal.Records)-records)
	}
}

func ann(patch string) hands.Ask {
	return hands.Ask{Device: "srv-1", Patch: patch, Reason: "to be sure", Actor: "ann"}
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		h := s.open()
		n := len(s.journal.Records)
		_, err := h.Retry(ann("a"))
		s.refused(err, n, "a is done on srv-1")
		patches, err := h.Retry(ann(""))
		if err != nil || !slices.Equal(patches, []string{"b"}) || s.job("b").State != site.Queued || !s.ledger.State().Night.Open() {
			t.Errorf("tried again: %v, %v; b is %s", patches, err, s.job("b").State)
		}
		if e := s.last(); e.Actor != "ann" || e.Text != "to be sure" || e.From != site.RolledBack || e.To != site.Queued {
			t.Errorf("written: %+v", e)
		}
	})
}

func TestRollBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		h := s.open()
		n := len(s.journal.Records)
		s.refused(h.RollBack(ann("b")), n, "only what the newest night put on can be taken back, and b is not done on srv-1")
		if err := h.RollBack(ann("a")); err != nil || s.job("a").State != site.Failed {
			t.Errorf("taken back: %v; a is %s", err, s.job("a").State)
		}
	})
}

// Who acts on what he saw is told when it is not so any more.
func TestChangedSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		h := s.open()
		ask := ann("a")
		ask.Rev = s.ledger.State().Rev("srv-1")
		s.add(run.Event{Kind: run.HoldSet, Device: "srv-1", Actor: "bob", Hold: &site.Hold{Device: "srv-1", Until: time.Now().Add(time.Hour)}})
		s.refused(h.RollBack(ask), len(s.journal.Records), "srv-1 changed since you looked: hold.set by bob at 00:00:00 UTC; nothing was done")
		ask.Rev = s.ledger.State().Rev("srv-1")
		if err := h.RollBack(ask); err != nil {
			t.Errorf("as he saw it: %v", err)
		}
	})
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name    string
		boot    fake.Boot
		outcome run.Outcome
		reason  string
		boots   int
	}{
		{"as it should", fake.Boot{}, run.OK, "", 1},
		{"ignored", fake.Boot{Ignored: true}, run.Bad, "srv-1 was told to restart and did not come back in time", 0},
		{"dead", fake.Boot{Dead: true}, run.Bad, "srv-1 was told to restart and did not come back in time: srv-1 does not answer: cannot look at srv-1: it gives no answer", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				h := s.open()
				s.store.Script("srv-1", "", fake.Script{Boot: c.boot})
				ctx, cancel := context.WithCancel(t.Context())
				hand, err := h.Restart(ctx, ann(""))
				if err != nil || hand.Actor != "ann" || s.last().Kind != run.RestartAsked {
					t.Fatalf("asked: %+v, %v", hand, err)
				}
				_, err = h.Restart(ctx, ann(""))
				s.refused(err, len(s.journal.Records), "srv-1: ann is restarting it: to be sure")
				var box sync.WaitGroup
				box.Go(func() { _ = h.Run(ctx) })
				<-time.After(20 * time.Minute)
				cancel()
				box.Wait()
				e := s.last()
				text := ""
				if e.Reason != nil {
					text = e.Reason.Text
				}
				if e.Kind != run.RestartEnded || e.Outcome != c.outcome || text != c.reason || s.store.Truth("srv-1").Boots != c.boots || len(s.ledger.State().Hands) > 0 {
					t.Errorf("ended: %s %s %q, %d boots, hands %v", e.Kind, e.Outcome, text, s.store.Truth("srv-1").Boots, s.ledger.State().Hands)
				}
			})
		})
	}
}

// The clock of the box was far ahead when the restart was asked for: it ends in its time all the same.
func TestRestartAskedInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.store.Cut("srv-1")
		asked := time.Now().Add(1000 * time.Hour)
		if err := s.ledger.Add(run.Event{Kind: run.RestartAsked, At: asked, Device: "srv-1", Work: "w", BootID: "x", Deadline: asked.Add(15 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		h := s.open()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		_ = h.Run(ctx)
		if e := s.last(); e.Kind != run.RestartEnded || e.Outcome != run.Bad {
			t.Errorf("after 20 minutes the restart is %s %s", e.Kind, e.Outcome)
		}
	})
}

// A box that dies between the order and its end sees the restart through when it is back, and the
// device restarts once.
func TestRestartOutlivesTheBox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		h := s.open()
		if _, err := h.Restart(t.Context(), ann("")); err != nil {
			t.Fatal(err)
		}
		for _, lives := range []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute} {
			ctx, cancel := context.WithTimeout(t.Context(), lives)
			_ = h.Run(ctx)
			cancel()
			h = s.open()
		}
		if e := s.last(); e.Kind != run.RestartEnded || e.Outcome != run.OK || s.store.Truth("srv-1").Boots != 1 {
			t.Errorf("ended: %s %s after %d boots", e.Kind, e.Outcome, s.store.Truth("srv-1").Boots)
		}
	})
}
