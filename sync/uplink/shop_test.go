package uplink

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

// shop is a store whose uplink can be started, stopped and killed.
type shop struct {
	*lab
	journal *memory
	births  string
	mu      sync.Mutex
	snap    Snapshot
	hints   []string
	tune    func(*Options)
	log     strings.Builder
	logMu   sync.Mutex
	link    *Uplink
	stop    context.CancelFunc
	ended   chan error
	gone    atomic.Bool // the network of the store ended
	blind   atomic.Bool // the daemon does not know its state
}

func newShop(t *testing.T) *shop {
	s := &shop{lab: newLab(t), journal: newMemory(), births: filepath.Join(t.TempDir(), "births")}
	s.snap = Snapshot{
		Info:    map[string]any{"name": "Springfield East"},
		Ready:   map[string]any{"verdict": "ready", "ready": 1},
		Night:   map[string]any{"date": "2026-11-21"},
		Num:     map[string]any{"ready": 1, "dev_total": 2},
		Devices: map[string]any{"srv-1": map[string]any{"state": site.Done}, "hh-01": map[string]any{"state": site.Queued}},
		Alerts:  map[string]any{"POS-1": map[string]any{"text": "Till 1"}},
	}
	return s
}

// show changes what the snapshots say.
func (s *shop) show(change func(*Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.snap)
}

// snapshots is a copy, as the daemon would fold it.
func (s *shop) snapshots(context.Context) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blind.Load() {
		return Snapshot{Rev: s.journal.Durable()}
	}
	out := s.snap
	out.Rev = s.journal.Durable()
	out.Devices, out.Alerts = map[string]any{}, map[string]any{}
	for k, v := range s.snap.Devices {
		out.Devices[k] = v
	}
	for k, v := range s.snap.Alerts {
		out.Alerts[k] = v
	}
	return out
}

// Write takes the log of the uplink.
func (s *shop) Write(p []byte) (int, error) {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return s.log.Write(p)
}

func (s *shop) logged(text string) bool {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return strings.Contains(s.log.String(), text)
}

func (s *shop) options() Options {
	o := Options{
		Org: "acme", Store: "0142", Version: "nightfilld 1.4.0", Births: s.births,
		Journal: s.journal, Snapshots: s.snapshots,
		Hint: func(verb string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.hints = append(s.hints, verb)
		},
		Log:  slog.New(slog.NewTextHandler(s, nil)),
		Rate: -1, Jitter: -1,
		Broker: plain(func(ctx context.Context, network, address string) (net.Conn, error) {
			if s.gone.Load() {
				return nil, errors.New("network is unreachable")
			}
			return s.dial(ctx, network, address)
		}),
	}
	if s.tune != nil {
		s.tune(&o)
	}
	return o
}

// start runs an uplink on the journal.
func (s *shop) start() {
	s.t.Helper()
	u, err := New(s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.link, s.stop, s.ended = u, stop, make(chan error, 1)
	s.gone.Store(false)
	ended := s.ended
	go func() { ended <- u.Run(ctx) }()
}

// end stops the uplink in an orderly way.
func (s *shop) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("Run returned %v, want nil", err)
	}
}

// kill ends the uplink as kill -9 does: the network and the disk hear nothing more.
func (s *shop) kill() {
	s.gone.Store(true)
	s.journal.breakWith(errors.New("the process is gone"))
	s.each((*cable).cut)
	s.stop()
	<-s.ended
	s.journal.breakWith(nil)
}

// close ends everything, so that a goroutine that stays is noticed.
func (s *shop) close() {
	s.end()
	s.down()
}

// online waits until a birth is complete.
func (s *shop) online() {
	s.t.Helper()
	s.until("connected", func() bool { return s.link.Status().Connected })
}

// until waits, in the time of the bubble, for something to become true.
func (s *shop) until(what string, is func() bool) {
	s.t.Helper()
	s.within(3*time.Hour, what, is)
}

func (s *shop) within(limit time.Duration, what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); ; <-time.After(20 * time.Millisecond) {
		synctest.Wait()
		if is() {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("after %s it is not so: %s", limit, what)
		}
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// sent waits until a broker acknowledged n events.
func (s *shop) sent(n uint64) {
	s.t.Helper()
	s.until("events are acknowledged", func() bool { return s.link.Status().Sent >= n })
}

// plain is a broker without TLS and accounts.
type plain func(ctx context.Context, network, address string) (net.Conn, error)

func (p plain) String() string                                { return "broker:1883" }
func (p plain) Connect(ctx context.Context) (net.Conn, error) { return p(ctx, "tcp", "broker:1883") }
func (p plain) Login() (name, password string, err error)     { return "", "", nil }
