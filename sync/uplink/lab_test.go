package uplink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	root = "nightfill/v1/acme/s/0142/"
	hq   = "nightfill/v1/acme/hq/"
)

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

// inFlight is how many packets a cable holds, as sockets do: neither end waits until the other has read.
const inFlight = 256

// relay carries packets from one end to the other. A silent cable swallows them,
// and does not tell one end that the other has gone.
func (c *cable) relay(from, to net.Conn, lose func(kind byte) bool) {
	packets, written := make(chan []byte, inFlight), make(chan struct{})
	go func() {
		defer close(written)
		for packet := range packets {
			if _, err := to.Write(packet); err != nil {
				c.cut()
				return
			}
		}
	}()
	c.read(from, packets, written, lose)
	close(packets)
	<-written
	if !c.silent.Load() {
		c.cut()
	}
}

// read takes packets from one end until it is gone, or nobody writes them to the other any more.
func (c *cable) read(from net.Conn, packets chan<- []byte, written <-chan struct{}, lose func(kind byte) bool) {
	in := bufio.NewReader(from)
	for {
		packet, err := readPacket(in)
		if err != nil {
			return
		}
		if c.silent.Load() || lose(packet[0]>>4) {
			continue
		}
		select {
		case packets <- packet:
		case <-written:
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
