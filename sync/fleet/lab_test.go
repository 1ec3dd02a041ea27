package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

const root = "nightfill/v1/acme/s/"

// patience is how long something that must happen may take.
const patience = 20 * time.Second

// lab is an embedded broker with an observer that is never away.
type lab struct {
	t      *testing.T
	server *mqtt.Server
	url    string
	mu     sync.Mutex
	heard  []string // topic and payload of what headquarters said
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, server: mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})}
	listener := listeners.NewTCP(listeners.Config{ID: "lab", Address: "127.0.0.1:0"})
	for _, err := range []error{l.server.AddHook(new(auth.AllowHook), nil), l.server.AddListener(listener), l.server.Serve(), l.server.Subscribe("nightfill/v1/acme/#", 1, l.observe)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, port, err := net.SplitHostPort(listener.Address())
	if err != nil {
		t.Fatal(err)
	}
	l.url = "mqtt://127.0.0.1:" + port
	t.Cleanup(func() { l.server.Close() })
	return l
}

func (l *lab) observe(_ *mqtt.Client, _ packets.Subscription, pk packets.Packet) {
	if strings.Contains(pk.TopicName, "/hq/") || strings.HasSuffix(pk.TopicName, "/hint") {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard = append(l.heard, strings.TrimPrefix(pk.TopicName, "nightfill/v1/acme/")+" "+string(pk.Payload))
	}
}

// said reports whether headquarters said something that begins so.
func (l *lab) said(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.heard {
		if strings.HasPrefix(h, text) {
			return true
		}
	}
	return false
}

// tell publishes as a store.
func (l *lab) tell(topic, payload string, retain bool) {
	l.t.Helper()
	if err := l.server.Publish(root+topic, []byte(payload), retain, 1); err != nil {
		l.t.Fatal(err)
	}
}

// evt writes an event as uplink does.
func evt(stream string, seq uint64, e run.Event) string {
	raw, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprintf("%s/%d", stream, seq), "source": "/org/acme/store/0142", "type": "nightfill." + string(e.Kind) + ".v1",
		"subject": e.Device, "time": e.At, "stream": stream, "seq": seq, "prevhash": fmt.Sprintf("%064x", seq-1), "hash": fmt.Sprintf("%064x", seq), "data": e,
	})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// openDB opens an SQLite file of the test.
func openDB(t *testing.T, path string) *database.DB {
	t.Helper()
	db, err := database.Open(context.Background(), "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// running is a Fleet that runs.
type running struct {
	*Fleet
	t    *testing.T
	stop func()
}

// start runs a Fleet on a database.
func (l *lab) start(db *database.DB, change ...func(*Options)) *running {
	l.t.Helper()
	o := Options{DB: db, Org: "acme", Broker: at(l.url), Version: "nightfill-hq test", Log: slog.New(slog.NewTextHandler(l.t.Output(), nil))}
	for _, c := range change {
		c(&o)
	}
	f, err := Open(context.Background(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.Run(ctx); err != nil {
			l.t.Error(err)
		}
	}()
	r := &running{Fleet: f, t: l.t, stop: sync.OnceFunc(func() { cancel(); <-done })}
	l.t.Cleanup(r.stop)
	r.until("connected", func(*board.Board) bool { return f.Status().Connected })
	return r
}

// until waits for the board to be so.
func (r *running) until(what string, is func(b *board.Board) bool) {
	r.t.Helper()
	limit := time.After(patience)
	for {
		changed := r.Changed()
		ok := false
		r.View(func(b *board.Board) { ok = is(b) })
		if ok {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			r.t.Fatalf("after %s it is not so: %s", patience, what)
		}
	}
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.After(patience)
	for !is() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			t.Fatalf("after %s it is not so: %s", patience, what)
		}
	}
}

// dbPath is a file for one test.
func dbPath(t *testing.T) string { return filepath.Join(t.TempDir(), "hq.db") }

// plain is a broker without TLS and accounts.
type plain struct {
	address string
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// at is the broker of a URL.
func at(url string) plain {
	return plain{strings.TrimPrefix(url, "mqtt://"), new(net.Dialer).DialContext}
}

func (p plain) String() string                                { return p.address }
func (p plain) Connect(ctx context.Context) (net.Conn, error) { return p.dial(ctx, "tcp", p.address) }
func (p plain) Login() (name, password string, err error)     { return "", "", nil }
