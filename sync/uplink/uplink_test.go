package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// inShop runs a test in a bubble with a store and a broker.
func inShop(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newShop(t))
	})
}

func topics(messages []heard) []string {
	var out []string
	for _, m := range messages {
		out = append(out, m.topic)
	}
	return out
}

func TestBirthComesFirstThenHistoryInOrder(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.journal.grow(3)
		s.start()
		s.sent(3)
		got := s.messages()
		want := []string{"state", "info", "ready", "night", "num", "d/hh-01", "d/srv-1", "alert/POS-1", "state", "evt", "evt", "evt"}
		if !slices.Equal(topics(got), want) {
			t.Fatalf("heard %v\nwant  %v", topics(got), want)
		}
		for _, m := range got {
			if m.qos != 1 {
				t.Errorf("%s came with QoS %d, want 1", m.topic, m.qos)
			}
			if m.retained != (m.topic != "evt") {
				t.Errorf("%s: retained is %v", m.topic, m.retained)
			}
		}
		wantPayloads := []string{
			`{"state":"init","online":0,"bd":1,"ts":"2000-01-01T00:00:00Z","v":"nightfilld 1.4.0"}`,
			`{"name":"Springfield East","rev":3}`,
			`{"ready":1,"verdict":"ready","rev":3}`,
			`{"date":"2026-11-21","rev":3}`,
			`{"dev_total":2,"ready":1,"rev":3}`,
			`{"state":"queued","rev":3}`,
			`{"state":"done","rev":3}`,
			`{"text":"Till 1","rev":3}`,
			`{"state":"online","online":1,"bd":1,"ts":"2000-01-01T00:00:00Z","v":"nightfilld 1.4.0"}`,
			`{"specversion":"1.0","id":"01JD3Q/1","source":"/org/acme/store/0142","type":"nightfill.check.ended.v1","subject":"0142",` +
				`"time":"2000-01-01T00:00:00.000Z","datacontenttype":"application/json","stream":"01JD3Q","seq":1,` +
				`"data":{"kind":"check.ended","at":"2000-01-01T00:00:00Z"}}`,
		}
		for i, want := range wantPayloads {
			if got[i].payload != want {
				t.Errorf("%s is\n%s\nwant\n%s", got[i].topic, got[i].payload, want)
			}
		}
		s.close()
	})
}

func TestCleanStopSaysDisconnectedAndACutSaysLost(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		s.each((*cable).cut)
		s.until("the second birth", func() bool { return len(s.messages("state")) >= 5 })
		s.online()
		s.end()
		pass(5 * time.Minute) // longer than any keep-alive: no will comes after a goodbye
		var states []string
		for _, m := range s.messages("state") {
			var st struct {
				State      string
				Online, BD int
			}
			if err := json.Unmarshal([]byte(m.payload), &st); err != nil {
				t.Fatal(err)
			}
			states = append(states, fmt.Sprintf("%s/%d/%d", st.State, st.Online, st.BD))
		}
		want := []string{"init/0/1", "online/1/1", "lost/0/1", "init/0/2", "online/1/2", "disconnected/0/2"}
		if !slices.Equal(states, want) {
			t.Errorf("the states were %v, want %v", states, want)
		}
		if !s.messages("state")[2].retained {
			t.Error("the will is not retained")
		}
		if got := s.messages("state")[2].payload; got != `{"state":"lost","online":0,"bd":1,"v":"nightfilld 1.4.0"}` {
			t.Errorf("the will is %s", got)
		}
		s.down()
	})
}

func TestTheBirthNumberGrowsOverRestarts(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		for want := uint64(1); want <= 3; want++ {
			s.start()
			s.online()
			if got := s.retained()["state"]; !strings.Contains(got, fmt.Sprintf(`"bd":%d,`, want)) {
				t.Errorf("the state is %s, want bd %d", got, want)
			}
			s.end()
		}
		if err := os.WriteFile(s.births, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.start()
		s.online()
		if got := s.retained()["state"]; !strings.Contains(got, `"bd":9466848`) || !s.logged("cannot read the number of connections") {
			t.Errorf("with a file that was damaged the state is %s, want a number from the time of day", got)
		}
		s.end()
		s.down()
	})
}

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

func TestSeenMovesTheDurableCursor(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.journal.grow(10)
		s.sent(10)
		pass(2 * time.Second)
		if got := s.journal.cursors; !maps.Equal(got, map[string]uint64{"hq": 0, "broker": 10}) {
			t.Errorf("before headquarters answers, the cursors are %v", got)
		}
		for _, ignored := range []string{
			`{"stream":"another","seq":9}`, `{"stream":"01JD3Q","seq":11}`, `{"stream":"01JD3Q"}`, `{"stream":"01JD3Q","seq":-1}`,
			`{"stream":"01JD3Q","seq":"7"}`, `7`, ``, `[`, strings.Repeat("[", 4000), strings.Repeat(" ", maxDown+1),
		} {
			s.tell(hq+"seen/0142", ignored, false)
		}
		pass(2 * time.Second)
		if s.journal.cursors["hq"] != 0 {
			t.Fatalf("nonsense moved the cursor: %v", s.journal.cursors)
		}
		s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":7,"more":true}`, false)
		pass(2 * time.Second)
		if got := s.journal.cursors["hq"]; got != 7 {
			t.Errorf("the cursor is %d, want 7", got)
		}
		if got := s.link.Status(); got.Stored != 7 || got.Sent != 10 {
			t.Errorf("status is %+v", got)
		}
		s.close()
	})
}

func TestCursorsAreWrittenAtMostOnceASecond(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.journal.grow(200)
		s.sent(200)
		before := s.journal.writes
		for i := range 100 {
			s.tell(hq+"seen/0142", fmt.Sprintf(`{"stream":"01JD3Q","seq":%d}`, i+1), false)
			pass(50 * time.Millisecond)
		}
		pass(2 * time.Second)
		if got := s.journal.writes - before; got > 9 {
			t.Errorf("%d writes in seven seconds, want at most one a second", got)
		}
		if s.journal.cursors["hq"] != 100 {
			t.Errorf("the cursor is %d, want 100", s.journal.cursors["hq"])
		}
		s.close()
	})
}

func TestWhatHeadquartersLacksIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		tell  func(s *shop)
		after time.Duration // when it must have come again; 0 = never
		want  []uint64
	}{
		{"it lost what it had", func(s *shop) {
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":10}`, false)
			pass(time.Second)
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":6}`, false)
		}, 40 * time.Second, []uint64{7, 8, 9, 10}},
		{"two of them speak at once", func(s *shop) {
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":10}`, false)
			pass(time.Second)
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":6}`, false)
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":10}`, false)
		}, 0, nil},
		{"it stands still", func(s *shop) {
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":8}`, false)
		}, 3 * time.Minute, []uint64{9, 10}},
		{"it comes back", func(s *shop) {
			s.tell(hq+"state", `{"online":true,"timestamp":1}`, true)
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":8}`, true)
			s.tell(hq+"state", `{"online":false}`, true)
			pass(10 * time.Minute)
			s.tell(hq+"state", `{"online":true}`, true)
		}, 40 * time.Second, []uint64{9, 10}},
		{"it is not there", func(s *shop) {
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":8}`, false)
			s.tell(hq+"state", `{"online":false}`, true)
		}, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, func(t *testing.T, s *shop) {
				s.start()
				s.journal.grow(10)
				s.sent(10)
				c.tell(s)
				if c.after == 0 {
					pass(20 * time.Minute)
				} else {
					pass(c.after)
				}
				if got := s.seqs()[10:]; !slices.Equal(got, c.want) {
					t.Errorf("sent again: %v, want %v", got, c.want)
				}
				s.close()
			})
		})
	}
}

func TestWhatHeadquartersNeverStoresIsRepeatedLessAndLess(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.journal.grow(1)
		s.sent(1)
		s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":0}`, false)
		pass(2 * time.Hour)
		if got := len(s.seqs()); got < 5 || got > 8 {
			t.Errorf("one event was sent %d times in two hours, want ever more rarely", got)
		}
		s.close()
	})
}

func TestHints(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		retained      bool
		again         []uint64
		posts         int // retained messages that follow
		verbs         []string
	}{
		{"resend", `{"verb":"resend","from":3,"to":5}`, false, []uint64{3, 4, 5}, 0, []string{"resend"}},
		{"resend all", `{"verb":"resend","from":8}`, false, []uint64{8, 9, 10}, 0, []string{"resend"}},
		{"resend more than there is", `{"verb":"resend","from":0,"to":18446744073709551615}`, false, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0, []string{"resend"}},
		{"resend what never was", `{"verb":"resend","from":11,"to":12}`, false, nil, 0, []string{"resend"}},
		{"refresh", `{"verb":"refresh"}`, false, nil, 7, []string{"refresh"}},
		{"retained", `{"verb":"refresh"}`, true, nil, 0, nil},
		{"another stream", `{"verb":"resend","stream":"old","from":1,"to":2}`, false, nil, 0, nil},
		{"backwards", `{"verb":"resend","from":5,"to":3}`, false, nil, 0, nil},
		{"an order", `{"verb":"install","patch":"p1"}`, false, nil, 0, nil},
		{"no JSON", `refresh`, false, nil, 0, nil},
		{"empty", ``, false, nil, 0, nil},
		{"wrong types", `{"verb":1}`, false, nil, 0, nil},
		{"a negative number", `{"verb":"resend","from":-1}`, false, nil, 0, nil},
		{"deep", strings.Repeat(`{"a":`, 700), false, nil, 0, nil},
		{"too large", `{"verb":"refresh","pad":"` + strings.Repeat("x", maxDown) + `"}`, false, nil, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inShop(t, func(t *testing.T, s *shop) {
				s.journal.grow(10)
				if c.retained {
					s.tell(root+"hint", c.payload, true)
				}
				s.start()
				s.sent(10)
				before := len(s.messages("info", "ready", "night", "num", "d/", "alert/"))
				if !c.retained {
					s.tell(root+"hint", c.payload, false)
				}
				pass(time.Minute)
				if got := s.seqs()[10:]; !slices.Equal(got, c.again) {
					t.Errorf("sent again: %v, want %v", got, c.again)
				}
				if got := len(s.messages("info", "ready", "night", "num", "d/", "alert/")) - before; got != c.posts {
					t.Errorf("%d snapshots were posted, want %d", got, c.posts)
				}
				if !slices.Equal(s.hints, c.verbs) {
					t.Errorf("the daemon was told %v, want %v", s.hints, c.verbs)
				}
				if (c.verbs == nil) != s.logged("a message from above was ignored") {
					t.Errorf("the log says: %s", s.log.String())
				}
				s.close()
			})
		})
	}
}

func TestAFloodOfHintsIsCutOff(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		for range 500 {
			s.tell(root+"hint", `{"verb":"refresh"}`, false)
		}
		pass(10 * time.Second)
		if got := len(s.hints); got < 1 || got > 12 {
			t.Errorf("%d of 500 hints were followed, want about ten", got)
		}
		s.close()
	})
}

func TestChangesArePostedAtMostOnceASecond(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		before := len(s.messages("d/srv-1"))
		others := len(s.messages("info", "ready", "d/hh-01"))
		for i := range 100 {
			s.show(func(snap *Snapshot) { snap.Devices["srv-1"] = map[string]any{"update_percentage": i} })
			s.journal.grow(1)
			pass(50 * time.Millisecond)
		}
		pass(2 * time.Second)
		if got := len(s.messages("d/srv-1")) - before; got < 4 || got > 7 {
			t.Errorf("%d posts in five seconds, want about one a second", got)
		}
		if got := s.retained()["d/srv-1"]; got != `{"update_percentage":99,"rev":100}` {
			t.Errorf("the last word is %s", got)
		}
		if got := len(s.messages("info", "ready", "d/hh-01")) - others; got != 0 {
			t.Errorf("%d posts of what did not change, want 0", got)
		}
		s.close()
	})
}

func TestAStateThatNobodyTouchesIsRepeated(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		pass(time.Hour + time.Second)
		if got := len(s.messages("state")); got != 2+6 {
			t.Errorf("the state was posted %d times in an hour, want at birth and every ten minutes", got)
		}
		s.close()
	})
}

func TestAnOldWillDoesNotStay(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		pass(time.Minute)
		s.tell(root+"state", `{"state":"lost","online":0,"bd":0}`, true)
		pass(5 * time.Second)
		if got := s.retained()["state"]; !strings.Contains(got, `"state":"online","online":1,"bd":1`) {
			t.Errorf("the state stays %s", got)
		}
		s.close()
	})
}

func TestStaleTopicsAreCleared(t *testing.T) {
	keys := func(m map[string]string) []string {
		return slices.Sorted(maps.Keys(m))
	}
	all := []string{"alert/POS-1", "d/hh-01", "d/srv-1", "info", "night", "num", "ready", "state"}
	inShop(t, func(t *testing.T, s *shop) {
		// From an earlier run.
		s.tell(root+"alert/OLD", `{"text":"gone"}`, true)
		s.tell(root+"d/gone", `{"state":"done"}`, true)
		s.start()
		s.online()
		pass(5 * time.Second)
		if got := keys(s.retained()); !slices.Equal(got, all) {
			t.Errorf("after a restart the broker holds %v", got)
		}
		// While connected.
		s.show(func(snap *Snapshot) { snap.Alerts = map[string]any{"POS-2": map[string]any{}} })
		pass(time.Minute)
		want := slices.Clone(all)
		want[0] = "alert/POS-2"
		if got := keys(s.retained()); !slices.Equal(got, want) {
			t.Errorf("after an alert ended the broker holds %v", got)
		}
		// While the line is down.
		s.gone.Store(true)
		s.each((*cable).cut)
		s.show(func(snap *Snapshot) { snap.Alerts = nil })
		pass(time.Minute)
		s.gone.Store(false)
		s.online()
		if got := keys(s.retained()); !slices.Equal(got, all[1:]) {
			t.Errorf("after an alert ended offline the broker holds %v", got)
		}
		for _, m := range s.messages("alert/", "d/") {
			if m.payload == "" && !m.retained {
				t.Errorf("%s was not cleared with a retained message", m.topic)
			}
		}
		s.close()
	})
}

func TestAnUnknownSnapshotClearsNothing(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.start()
		s.online()
		before := s.retained()
		s.blind.Store(true)
		pass(10 * time.Minute)
		after := s.retained()
		delete(before, "state")
		delete(after, "state") // repeated every ten minutes, with the time
		if len(before) != 7 || !maps.Equal(before, after) {
			t.Errorf("the broker held %v, and holds %v", before, after)
		}
		s.close()
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
		if took := time.Since(began); took < 99*time.Second || took > 105*time.Second {
			t.Errorf("2016 events took %s, want 2000 at 20 a second", took)
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
		if took := time.Since(began); took < 29*time.Second || took > 61*time.Second {
			t.Errorf("a large backlog waited %s, want 30 to 60 s", took)
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
