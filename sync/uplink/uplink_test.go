package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

// TestTheLineIsUpAsSoonAsItIs: the snapshots of a birth are made before the store is connected.
func TestTheLineIsUpAsSoonAsItIs(t *testing.T) {
	inShop(t, func(t *testing.T, s *shop) {
		s.tune = func(o *Options) {
			o.Snapshots = func(ctx context.Context) Snapshot {
				snap := s.snapshots(ctx)
				snap.Num = map[string]any{"wan_up": 0}
				if s.link.Status().Connected {
					snap.Num = map[string]any{"wan_up": 1}
				}
				return snap
			}
		}
		s.start()
		s.online()
		s.within(time.Second, "the line is told to be up", func() bool { return s.retained()["num"] == `{"wan_up":1,"rev":0}` })
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

// refusing is a broker that takes the connection and nobody in.
type refusing struct {
	plain
	password error
}

func (r refusing) Login() (name, password string, err error) {
	return "store", "open barley", r.password
}

// Where a connection cannot be used, it is said why.
func TestConnectionsThatMustFail(t *testing.T) {
	closed := plain(func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = theirs.Read(make([]byte, 1))
			theirs.Close()
		}()
		return ours, nil
	})
	for want, b := range map[string]Broker{
		"cannot log in to the broker at broker:1883: ": refusing{closed, nil}, "no password": refusing{closed, errors.New("no password")},
		"no line": plain(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no line") }),
	} {
		u, err := New(Options{Broker: b, Org: "acme", Store: "0142", Journal: newMemory(), Snapshots: new(shop).snapshots})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.once(t.Context(), true); !strings.HasPrefix(text(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
