package uplink

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

const oldRoot = "nightfill/v1/acme/s/0141/"

// moved is a shop whose store was acme/0141, and what it has written down.
type moved struct {
	*shop
	left    []string
	cleared []string
	fail    error // of writing down
}

func inMovedShop(t *testing.T, test func(t *testing.T, s *moved)) {
	inShop(t, func(t *testing.T, sh *shop) {
		s := &moved{shop: sh, left: []string{"acme/0141"}}
		sh.tune = func(o *Options) {
			o.Left = func() []string {
				s.mu.Lock()
				defer s.mu.Unlock()
				return slices.Clone(s.left)
			}
			o.Cleared = func(id string) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.fail != nil {
					return s.fail
				}
				s.left = slices.DeleteFunc(s.left, func(is string) bool { return is == id })
				s.cleared = append(s.cleared, id)
				return nil
			}
		}
		test(t, s)
	})
}

// hang puts a tree under the old id. stream is of its info, state the state of the box there.
func (s *moved) hang(stream, state string) {
	online := 0
	if state == "online" {
		online = 1
	}
	for topic, payload := range map[string]string{
		"state": fmt.Sprintf(`{"state":%q,"online":%d,"bd":7}`, state, online), "info": fmt.Sprintf(`{"store":"0141","stream":%q,"pad":%q}`, stream, strings.Repeat("x", 2*maxDown)),
		"ready": `{}`, "night": `{}`, "num": `{"ready":1}`, "d/gone-1": `{"pad":"` + strings.Repeat("x", 2*maxDown) + `"}`, "alert/POS-9": `{}`,
	} {
		s.tell(oldRoot+topic, payload, true)
	}
	s.tell(oldRoot+"hint", "kept by somebody else", true)
	s.tell("nightfill/v1/acme/s/01411/state", "of a neighbour", true)
}

// old is what hangs under the old id, and beside it.
func (s *moved) old() []string {
	s.lab.mu.Lock()
	defer s.lab.mu.Unlock()
	var out []string
	for topic, pk := range s.server.Topics.Retained.GetAll() {
		if below, ok := strings.CutPrefix(topic, "nightfill/v1/acme/s/0141"); ok && len(pk.Payload) > 0 {
			out = append(out, strings.TrimPrefix(below, "/"))
		}
	}
	slices.Sort(out)
	return out
}

func (s *moved) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.cleared)
}

func (s *moved) want(when string, topics ...string) {
	s.t.Helper()
	if got, want := s.old(), slices.Sorted(slices.Values(append(topics, "1/state", "hint"))); !slices.Equal(got, want) {
		s.t.Errorf("%s under the old id hang %q, want %q", when, got, want)
	}
}

var wholeTree = []string{"state", "info", "ready", "night", "num", "d/gone-1", "alert/POS-9"}

func TestTheTreeOfTheOldIDIsClearedOnce(t *testing.T) {
	inMovedShop(t, func(t *testing.T, s *moved) {
		s.journal.grow(3)
		s.hang(s.journal.Stream(), "disconnected")
		s.start()
		s.online()
		pass(5 * time.Second)
		s.want("at first", wholeTree...)
		s.until("it is written down", func() bool { return len(s.told()) == 1 })
		s.want("after it")
		s.sent(3)
		s.wantAll(3)
		if got := slices.Sorted(maps.Keys(s.retained())); !slices.Equal(got, []string{"alert/POS-1", "d/hh-01", "d/srv-1", "info", "night", "num", "ready", "state"}) {
			t.Errorf("under the new id hang %q", got)
		}
		s.end()
		s.hang(s.journal.Stream(), "disconnected") // whoever does that now is not asked
		s.start()
		s.online()
		pass(5 * time.Minute)
		s.want("in the next run", wholeTree...)
		if got := s.told(); !slices.Equal(got, []string{"acme/0141"}) || !s.logged("nothing hangs under the old id") {
			t.Errorf("written down is %q", got)
		}
		s.close()
	})
}

// The last will of the connection before may come long after everything was cleared.
func TestALateWillUnderTheOldIDIsCleared(t *testing.T) {
	inMovedShop(t, func(t *testing.T, s *moved) {
		s.hang(s.journal.Stream(), "disconnected")
		s.start()
		s.online()
		pass(30 * time.Second)
		s.want("before the will")
		s.tell(oldRoot+"state", `{"state":"lost","online":0,"bd":7}`, true)
		s.until("it is written down", func() bool { return len(s.told()) == 1 })
		s.want("after the will")
		s.close()
	})
}

// A line that breaks, a box that dies and a journal that cannot be written make it begin anew.
func TestClearingGoesOnAfterARestart(t *testing.T) {
	inMovedShop(t, func(t *testing.T, s *moved) {
		s.hang(s.journal.Stream(), "lost")
		s.start()
		s.online()
		pass(9 * time.Second)
		s.setDrop(func(kind byte) bool { return kind == 4 }) // PUBACK
		pass(30 * time.Second)
		s.want("in the middle", "state", "info")
		s.kill()
		s.setDrop(nil)
		if got := s.told(); len(got) != 0 {
			t.Fatalf("it is written down too early: %q", got)
		}
		s.fail = errors.New("the disk is full")
		s.start()
		s.until("it cannot be written down", func() bool { return s.logged("cannot write down that the old id of the store is cleared") })
		s.want("after all")
		s.end()
		s.fail = nil
		s.start()
		s.until("it is written down", func() bool { return len(s.told()) == 1 })
		s.close()
	})
}

func TestTheTreeOfAnotherBoxIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		hang   func(s *moved)
		live   func(s *moved) // after five seconds
		logged string
		done   bool
	}{
		{name: "another journal", hang: func(s *moved) { s.hang("01OTHER", "online") },
			logged: "another box reports under the old id of the store", done: true},
		{name: "a copy of this journal", hang: func(s *moved) { s.hang(s.journal.Stream(), "disconnected") },
			live: func(s *moved) { s.tell(oldRoot+"num", `{"ready":0}`, true) }, logged: "a box reports under the old id of the store with a copy of this box's journal"},
		{name: "a copy of this journal that is still", hang: func(s *moved) { s.hang(s.journal.Stream(), "online") },
			live: func(s *moved) {
				pass(9 * time.Minute)
				s.tell(oldRoot+"state", `{"state":"online","online":1,"bd":7}`, true)
			},
			logged: "a box reports under the old id of the store with a copy of this box's journal"},
		{name: "nobody knows whose", hang: func(s *moved) {
			s.hang(s.journal.Stream(), "disconnected")
			s.tell(oldRoot+"info", `{"store":"0141"}`, true)
		},
			logged: "nothing tells whose it is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inMovedShop(t, func(t *testing.T, s *moved) {
				c.hang(s)
				s.start()
				s.online()
				pass(5 * time.Second)
				if c.live != nil {
					c.live(s)
				}
				pass(30 * time.Minute)
				s.want("at the end", wholeTree...)
				if got := s.told(); !s.logged(c.logged) || (len(got) == 1) != c.done {
					t.Errorf("written down is %q, and the log has %q: %v", got, c.logged, s.logged(c.logged))
				}
				s.close()
			})
		})
	}
}

// A box that lost its power left "online" behind at a broker that fell with it: nobody says anything there any more.
func TestAnOldOnlineIsClearedOnceItIsStill(t *testing.T) {
	inMovedShop(t, func(t *testing.T, s *moved) {
		s.hang(s.journal.Stream(), "online")
		s.start()
		s.online()
		pass(stateEvery)
		s.want("while a box could be there", wholeTree...)
		s.within(5*time.Minute, "it is written down", func() bool { return len(s.told()) == 1 })
		s.want("after it")
		s.close()
	})
}

func TestJudge(t *testing.T) {
	found := func(topics ...string) map[string]bool {
		m := map[string]bool{}
		for _, topic := range topics {
			m[topic] = true
		}
		return m
	}
	for _, c := range []struct {
		name string
		is   leaving
		want verdict
	}{
		{"nothing", leaving{}, gone},
		{"nothing, once cleared", leaving{cleared: clearings}, gone},
		{"ours", leaving{found: found("info", "state", "num"), named: true, stream: "us"}, clearable},
		{"ours, and the broker keeps it", leaving{found: found("info"), named: true, stream: "us", cleared: clearings}, stubborn},
		{"ours, and perhaps there", leaving{found: found("info", "state"), named: true, stream: "us", online: true}, wait},
		{"ours, and not there", leaving{found: found("info", "state"), named: true, stream: "us", online: true, waited: true}, clearable},
		{"ours, and there after all", leaving{found: found("info", "state"), named: true, stream: "us", online: true, waited: true, alive: true}, copied},
		{"theirs", leaving{found: found("info"), named: true, stream: "them", alive: true, online: true}, another},
		{"without a stream", leaving{found: found("info"), named: true}, nobody},
		{"without an info", leaving{found: found("num", "state")}, nobody},
		{"a last will", leaving{found: found("state")}, clearable},
		{"a state of somebody", leaving{found: found("state"), online: true}, nobody},
		{"a last will that comes again and again", leaving{found: found("state"), cleared: clearings}, stubborn},
	} {
		if got := c.is.judge("us"); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
