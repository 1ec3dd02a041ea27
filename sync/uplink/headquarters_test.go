package uplink

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

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
		{"it comes for the first time, after everything was sent", func(s *shop) {
			s.tell(hq+"state", `{"online":true}`, true)
			s.tell(hq+"seen/0142", `{"stream":"01JD3Q","seq":0}`, true)
		}, 40 * time.Second, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
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

// What headquarters says in one go is taken in as it was said: a word that overtakes a newer one would pass for
// a loss, and be answered with events that nobody lacks.
func TestWordsFromAboveKeepTheirOrder(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		u, err := New(s.options())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := s.dial(t.Context(), "tcp", "broker:1883")
		if err != nil {
			t.Fatal(err)
		}
		l, err := u.connect(t.Context(), conn, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.subscribe(t.Context(), time.Second, hq+"seen/0142"); err != nil {
			t.Fatal(err)
		}
		for seq := range inboxSize {
			s.tell(hq+"seen/0142", fmt.Sprint(seq), false)
		}
		pass(time.Second)
		for want := range inboxSize {
			if got := string((<-l.inbox).payload); got != fmt.Sprint(want) {
				t.Errorf("word %s came where word %d was due", got, want)
				break
			}
		}
		l.leave()
		s.down()
	})
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
