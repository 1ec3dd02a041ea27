package uplink

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func TestNoEventIsMissedWhileTheBrokerFallsTwentyTimes(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		for i := range 20 {
			s.journal.grow(40)
			if i%2 == 0 {
				s.sent(s.journal.Durable() - 20) // it falls in the middle
			}
			s.down()
			s.journal.grow(10)
			pass(time.Duration(i) * time.Second)
			s.up()
		}
		s.sent(1000)
		repeats := s.wantAll(1000)
		if repeats > 21*2*window {
			t.Errorf("%d repeats, want at most two windows for each fall", repeats)
		}
		if s.retained()["ready"] == "" {
			t.Error("a broker that forgot everything was not told the snapshots again")
		}
		s.close()
	})
}

func TestKilledAndRestartedNothingIsMissed(t *testing.T) {
	for _, answers := range []bool{false, true} {
		t.Run(fmt.Sprintf("headquarters answers %v", answers), func(t *testing.T) {
			inShop(t, func(t *testing.T, s *shop) {
				s.tune = func(o *Options) { o.Rate = 50 }
				for round := range 10 {
					s.start()
					s.online()
					s.journal.grow(100)
					s.sent(uint64(round*100 + 30 + 7*round))
					if answers {
						s.tell(hq+"seen/0142", fmt.Sprintf(`{"stream":"01JD3Q","seq":%d}`, round*100+20), true)
						pass(time.Second)
					}
					s.kill()
				}
				s.start()
				s.sent(1000)
				repeats := s.wantAll(1000)
				if limit := 10 * 150; repeats > limit {
					t.Errorf("%d repeats, want at most %d", repeats, limit)
				}
				s.close()
			})
		})
	}
}

func TestHalfOpenIsNoticedAndNothingIsTakenForSent(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.journal.grow(5)
		s.sent(5)
		s.each(func(c *cable) { c.silent.Store(true) })
		s.journal.grow(5)
		began := time.Now()
		s.within(time.Minute, "noticed", func() bool { return !s.link.Status().Connected })
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("a dead connection was noticed after %s", took)
		}
		if got := s.link.Status().Sent; got != 5 {
			t.Errorf("%d events count as sent over a dead connection, want 5", got)
		}
		s.sent(10)
		s.wantAll(10)
		// The broker now notices too, and says "lost" of the old connection: it must not last.
		pass(3 * time.Minute)
		if got := s.retained()["state"]; !strings.Contains(got, `"online":1,"bd":2`) {
			t.Errorf("the state stays %s", got)
		}
		s.close()
	})
}

func TestWithoutAcknowledgementNothingCountsAsSent(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		s.setDrop(func(kind byte) bool { return kind == 4 }) // PUBACK
		s.journal.grow(40)
		pass(50 * time.Second)
		if got := s.link.Status().Sent; got != 0 {
			t.Errorf("%d events count as sent, want 0", got)
		}
		if got := len(s.seqs()); got != window {
			t.Errorf("%d events were on the way, want %d", got, window)
		}
		s.until("the connection is given up", func() bool { return s.attempts() > 1 })
		s.setDrop(nil)
		s.sent(40)
		s.wantAll(40)
		s.close()
	})
}

func TestABrokerThatNeverAnswersCONNECTIsLeft(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.setDrop(func(byte) bool { return true })
		s.start()
		s.until("another attempt", func() bool { return s.attempts() >= 3 })
		s.setDrop(nil)
		s.online()
		s.close()
	})
}

func TestReconnectingBacksOff(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.down()
		s.start()
		pass(24 * time.Hour)
		if n := s.attempts(); n < 24*60 || n > 24*60*2+20 {
			t.Errorf("%d attempts in a day, want between one and two a minute", n)
		}
		if _, err := os.Stat(s.births); s.journal.writes != 1 || err == nil {
			t.Errorf("%d writes and %v: want nothing on the disk while there is no network", s.journal.writes, err)
		}
		s.end()
	})
}

func TestABacklogIsThrottledAndReadInPages(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.tune = func(o *Options) { o.Rate = 0 }
		s.journal.grow(2016)
		s.start()
		s.online()
		began := time.Now()
		s.sent(2016)
		if took := time.Since(began); took < 39*time.Second || took > 43*time.Second {
			t.Errorf("2016 events took %s, want 2000 at 50 a second", took)
		}
		s.wantAll(2016)
		if s.journal.widest > 64 {
			t.Errorf("%d events were read at once", s.journal.widest)
		}
		s.close()
	})
}

func TestABacklogWaitsAfterAReconnectOnly(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.tune = func(o *Options) { o.Jitter = 0 }
		s.journal.grow(500)
		s.start()
		s.online()
		began := time.Now()
		s.sent(500)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the first connection waited %s", took)
		}
		s.down()
		s.journal.grow(500)
		s.up()
		s.until("lost", func() bool { return !s.link.Status().Connected })
		s.online()
		began = time.Now()
		s.until("history", func() bool { return s.link.Status().Sent > 500 })
		if took := time.Since(began); took < 9*time.Second || took > 21*time.Second {
			t.Errorf("a large backlog waited %s, want 10 to 20 s", took)
		}
		s.sent(1000)
		s.wantAll(1000)
		s.close()
	})
}

func TestCompactedEventsAreSkippedWithAWord(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.journal.grow(100)
		s.journal.first = 91
		s.start()
		s.sent(100)
		if got := s.seqs(); len(got) != 10 || got[0] != 91 {
			t.Errorf("sent %v, want 91 to 100", got)
		}
		s.tell(root+"hint", `{"verb":"resend","from":80,"to":92}`, false)
		pass(time.Second)
		if got := s.seqs()[10:]; !slices.Equal(got, []uint64{91, 92}) {
			t.Errorf("sent again %v, want what is left of 80 to 92", got)
		}
		if !s.logged("events are no longer in the journal") {
			t.Error("the gap is not in the log")
		}
		s.close()
	})
}

func TestWhatACrashCouldTakeBackIsNotSent(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.journal.risk(0)
		s.start()
		s.online()
		s.journal.grow(3)
		s.sent(3)
		s.journal.risk(2) // as if two more had been written without a sync
		s.journal.mu.Lock()
		s.journal.records = append(s.journal.records, run.Record{Seq: 4}, run.Record{Seq: 5})
		s.journal.notify()
		s.journal.mu.Unlock()
		pass(time.Minute)
		if got := len(s.seqs()); got != 3 {
			t.Errorf("%d events were sent, want only the 3 on the disk", got)
		}
		s.journal.risk(0)
		s.sent(5)
		s.wantAll(5)
		s.close()
	})
}

func TestAJournalThatFailsIsWaitedFor(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.journal.breakWith(errors.New("input/output error"))
		s.start()
		pass(time.Minute)
		s.journal.breakWith(nil)
		s.online()
		s.journal.grow(3)
		s.sent(3)
		s.journal.breakWith(errors.New("input/output error"))
		s.journal.grow(3)
		pass(5 * time.Minute)
		if !s.link.Status().Connected {
			t.Error("a journal that fails ended the connection")
		}
		s.journal.breakWith(nil)
		s.sent(6)
		s.wantAll(6)
		s.close()
	})
}

func TestOldEventsAreMarkedAsHistory(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		old, recent := time.Now().Add(-121*time.Second), time.Now().Add(-119*time.Second)
		s.journal.add(
			run.Event{Kind: run.StepEnded, At: old, Device: "srv-1", From: site.Verifying, To: site.Done},
			run.Event{Kind: run.StepEnded, At: recent, Device: "srv-1", To: site.Done},
		)
		s.start()
		s.sent(2)
		got := s.messages("evt")
		if !strings.Contains(got[0].payload, `"seq":1,"historical":true,"data":`) || strings.Contains(got[1].payload, "historical") {
			t.Errorf("heard\n%s\n%s", got[0].payload, got[1].payload)
		}
		s.close()
	})
}

func TestTwoBoxesWithOneNameAreReported(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		for range 6 {
			s.until("connected again", func() bool { return s.link.Status().Connected })
			s.each((*cable).cut)
			s.until("kicked out", func() bool { return !s.link.Status().Connected })
		}
		if !s.logged("another box may use the same client id") {
			t.Error("the log does not say that another box may use the same client id")
		}
		s.online()
		s.close()
	})
}

// Who waits for Changed learns at once that the broker has come or gone.
func TestChangedTellsThatTheBrokerCameOrWent(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		await := func(connected bool, change func()) {
			t.Helper()
			changed := s.link.Changed()
			change()
			for s.link.Status().Connected != connected {
				select {
				case <-changed:
					changed = s.link.Changed()
				case <-time.After(time.Minute):
					t.Fatalf("nobody was told of connected: %t", connected)
				}
			}
		}
		await(true, func() {})
		began := time.Now()
		await(false, func() { s.each((*cable).cut) })
		if took := time.Since(began); took > time.Second {
			t.Errorf("the loss was told after %s", took)
		}
		await(true, func() {})
		s.close()
	})
}
