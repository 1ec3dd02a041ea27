package uplink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

const (
	root = "nightfill/v1/acme/s/0142/"
	hq   = "nightfill/v1/acme/hq/"
)

// memory is a journal in memory that outlives the uplinks that read it. It is as
// strict as the real one.
type memory struct {
	mu      sync.Mutex
	records []run.Record
	cursors map[string]uint64
	changed chan struct{}
	first   uint64 // what is before was forgotten
	unsafe  int    // this many at the end are not on the disk
	writes  int    // of cursors
	widest  int    // the largest limit that was asked for
	fail    error
}

func newMemory() *memory {
	return &memory{cursors: map[string]uint64{}, changed: make(chan struct{}), first: 1}
}

func (m *memory) add(events ...run.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if e.At.IsZero() {
			e.At = time.Now()
		}
		m.records = append(m.records, run.Record{Seq: uint64(len(m.records)) + 1, Event: e})
	}
	m.notify()
}

// grow adds n events that differ only in their number.
func (m *memory) grow(n int) {
	for range n {
		m.add(run.Event{Kind: run.CheckEnded})
	}
}

// risk says how many of the newest events are not on the disk.
func (m *memory) risk(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsafe = n
	m.notify()
}

func (m *memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Since(from uint64, limit int) ([]run.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from == 0 {
		from = m.first
	}
	switch {
	case m.fail != nil:
		return nil, m.fail
	case from < m.first:
		return nil, errors.New("the record was forgotten")
	case from > uint64(len(m.records)):
		return nil, nil
	}
	m.widest = max(m.widest, limit)
	rest := m.records[from-1:]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (m *memory) durable() uint64 { return uint64(len(m.records) - m.unsafe) }

func (m *memory) Durable() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.durable()
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) Stream() string { return "01JD3Q" }

func (m *memory) Cursor(name string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[name], m.fail
}

func (m *memory) SetCursor(name string, n uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.fail != nil:
		return m.fail
	case n > m.durable():
		return errors.New("the cursor is above what is on the disk")
	}
	m.cursors[name] = max(m.cursors[name], n)
	m.writes++
	return nil
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// heard is one message that an observer inside the broker got, in order.
type heard struct {
	topic    string // below the store's root
	payload  string
	retained bool
	qos      byte
}

// lab is a broker without a network, with an observer that is never away.
type lab struct {
	t      *testing.T
	mu     sync.Mutex
	server *mqtt.Server // nil while the broker is down
	cables []*cable
	log    []heard
	drop   func(kind byte) bool // which packets to the store are lost; may be nil
	dials  int
	served sync.WaitGroup
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t}
	l.up()
	return l
}

// up starts a broker that knows nothing of the one before.
func (l *lab) up() {
	server := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler), SysTopicResendInterval: 1 << 30})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		l.t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		l.t.Fatal(err)
	}
	if err := server.Subscribe(root+"#", 1, l.observe); err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
}

func (l *lab) observe(_ *mqtt.Client, _ packets.Subscription, pk packets.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = append(l.log, heard{strings.TrimPrefix(pk.TopicName, root), string(pk.Payload), pk.FixedHeader.Retain, pk.FixedHeader.Qos})
}

// down ends the broker as a power cut does: without a word, without wills.
func (l *lab) down() {
	l.mu.Lock()
	server, cables := l.server, l.cables
	l.server, l.cables = nil, nil
	l.mu.Unlock()
	if server == nil {
		return
	}
	server.Unsubscribe(root+"#", 1)
	for _, c := range cables {
		c.cut()
	}
	l.served.Wait()
	if err := server.Close(); err != nil {
		l.t.Error(err)
	}
}

// dial connects to the broker of the moment.
func (l *lab) dial(context.Context, string, string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials++
	if l.server == nil {
		return nil, errors.New("connection refused")
	}
	server := l.server
	near, c, far := newCable(l)
	l.cables = append(l.cables, c)
	l.served.Go(func() {
		_ = server.EstablishConnection("lab", far)
		far.Close()
	})
	return near, nil
}

// attempts returns how often a connection was asked for.
func (l *lab) attempts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dials
}

// cables of the moment are cut, frozen and so on by each.
func (l *lab) each(do func(*cable)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cables {
		do(c)
	}
}

func (l *lab) setDrop(drop func(kind byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop = drop
}

// tell publishes from above.
func (l *lab) tell(topic, payload string, retain bool) {
	l.t.Helper()
	l.mu.Lock()
	server := l.server
	l.mu.Unlock()
	if err := server.Publish(topic, []byte(payload), retain, 1); err != nil {
		l.t.Fatal(err)
	}
}

// messages returns what was heard so far and, with topics, only of these; a topic
// that ends in / stands for all below it.
func (l *lab) messages(topics ...string) []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []heard
	for _, h := range l.log {
		if len(topics) == 0 || slices.ContainsFunc(topics, func(want string) bool {
			return h.topic == want || strings.HasSuffix(want, "/") && strings.HasPrefix(h.topic, want)
		}) {
			out = append(out, h)
		}
	}
	return out
}

// retained returns what a newcomer would be told.
func (l *lab) retained() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]string{}
	for topic, pk := range l.server.Topics.Retained.GetAll() {
		if below, ok := strings.CutPrefix(topic, root); ok && len(pk.Payload) > 0 {
			out[below] = string(pk.Payload)
		}
	}
	return out
}

// seqs returns the numbers of the events that were heard, repeats included.
func (l *lab) seqs() []uint64 {
	l.t.Helper()
	var out []uint64
	for _, h := range l.messages("evt") {
		var e struct {
			ID  string `json:"id"`
			Seq uint64 `json:"seq"`
		}
		if err := json.Unmarshal([]byte(h.payload), &e); err != nil {
			l.t.Fatal(err)
		}
		out = append(out, e.Seq)
	}
	return out
}

// wantAll fails unless events 1 to n were heard, each for the first time in order.
func (l *lab) wantAll(n int) (repeats int) {
	l.t.Helper()
	next := uint64(1)
	for _, seq := range l.seqs() {
		switch {
		case seq == next:
			next++
		case seq > next:
			l.t.Fatalf("event %d was heard before event %d", seq, next)
		default:
			repeats++
		}
	}
	if next != uint64(n)+1 {
		l.t.Fatalf("heard events up to %d, want up to %d", next-1, n)
	}
	return repeats
}

// cable is a network connection that can be cut, or go silent without being cut.
type cable struct {
	lab        *lab
	store, far net.Conn // the two ends in the middle
	silent     atomic.Bool
}

func newCable(l *lab) (near net.Conn, c *cable, far net.Conn) {
	near, a := net.Pipe()
	b, far := net.Pipe()
	c = &cable{lab: l, store: a, far: b}
	l.served.Go(func() { c.relay(a, b, func(byte) bool { return false }) })
	l.served.Go(func() {
		c.relay(b, a, func(kind byte) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.drop != nil && l.drop(kind)
		})
	})
	return near, c, far
}

// cut ends the connection for both sides.
func (c *cable) cut() {
	c.store.Close()
	c.far.Close()
}

// relay carries packets from one end to the other. A silent cable swallows them,
// and does not tell one end that the other has gone.
func (c *cable) relay(from, to net.Conn, lose func(kind byte) bool) {
	in := bufio.NewReader(from)
	for {
		packet, err := readPacket(in)
		if err != nil {
			if !c.silent.Load() {
				c.cut()
			}
			return
		}
		if c.silent.Load() || lose(packet[0]>>4) {
			continue
		}
		if _, err := to.Write(packet); err != nil {
			c.cut()
			return
		}
	}
}

// readPacket reads one MQTT packet as bytes.
func readPacket(in *bufio.Reader) ([]byte, error) {
	first, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	packet := []byte{first}
	length := 0
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		packet = append(packet, b)
		length |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	head := len(packet)
	packet = append(packet, make([]byte, length)...)
	_, err = io.ReadFull(in, packet[head:])
	return packet, err
}

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
		URL: "mqtt://broker", Org: "acme", Store: "0142", Version: "nightfilld 1.4.0", Births: s.births,
		Journal: s.journal, Snapshots: s.snapshots,
		Hint: func(verb string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.hints = append(s.hints, verb)
		},
		Log:  slog.New(slog.NewTextHandler(s, nil)),
		Rate: -1, Jitter: -1,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if s.gone.Load() {
				return nil, errors.New("network is unreachable")
			}
			return s.dial(ctx, network, address)
		},
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
