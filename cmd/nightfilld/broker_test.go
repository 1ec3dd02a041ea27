package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const topics = "nightfill/v1/acme/s/0142/"

// event is one event as it came over MQTT.
type event struct {
	ID      string `json:"id"`
	Stream  string `json:"stream"`
	Seq     uint64 `json:"seq"`
	payload string
}

// hq is a subscriber that knows nothing of the product but its topics. It keeps what it heard
// over all of its connections, in the order in which it came.
type hq struct {
	tb     testing.TB
	client mqtt.Client

	mu       sync.Mutex
	events   []event
	retained map[string]string // by topic below the store's
}

// subscribe connects to the broker, and again whenever the connection is lost.
func subscribe(tb testing.TB, port int) *hq {
	tb.Helper()
	h := &hq{tb: tb, retained: map[string]string{}}
	o := mqtt.NewClientOptions().AddBroker(fmt.Sprintf("tcp://127.0.0.1:%d", port)).SetClientID("lab-hq").SetOrderMatters(true)
	o.SetAutoReconnect(true).SetMaxReconnectInterval(100 * time.Millisecond).SetConnectTimeout(time.Second)
	o.SetOnConnectHandler(func(c mqtt.Client) {
		c.Subscribe(topics+"#", 1, h.hear).WaitTimeout(quick)
		c.Publish("nightfill/v1/acme/hq/state", 1, true, `{"online":true}`).WaitTimeout(quick)
		if last, _ := h.last(); last > 0 {
			h.stored()
		}
	})
	h.client = mqtt.NewClient(o)
	if t := h.client.Connect(); !t.WaitTimeout(quick) || t.Error() != nil {
		tb.Fatalf("cannot connect to mosquitto: %v", t.Error())
	}
	tb.Cleanup(func() { h.client.Disconnect(0) })
	return h
}

func (h *hq) hear(_ mqtt.Client, m mqtt.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	below := strings.TrimPrefix(m.Topic(), topics)
	if below != "evt" {
		h.retained[below] = string(m.Payload())
		return
	}
	e := event{payload: string(m.Payload())}
	if err := json.Unmarshal(m.Payload(), &e); err != nil {
		h.tb.Errorf("an event is not JSON: %v: %s", err, m.Payload())
	}
	h.events = append(h.events, e)
}

// stored says that headquarters has everything up to what it heard last without a gap.
func (h *hq) stored() {
	last, stream := h.last()
	text, err := json.Marshal(map[string]any{"stream": stream, "seq": last})
	if err != nil {
		h.tb.Fatal(err)
	}
	h.client.Publish("nightfill/v1/acme/hq/seen/0142", 1, true, text).WaitTimeout(quick)
}

// last is the newest number up to which everything was heard.
func (h *hq) last() (seq uint64, stream string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Seq == seq+1 {
			seq, stream = e.Seq, e.Stream
		}
	}
	return seq, stream
}

// count is how many events were heard whose payload has a text in it.
func (h *hq) count(text string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if strings.Contains(e.payload, text) {
			n++
		}
	}
	return n
}

// verify compares what was heard with what was promised: every event from 1 to last, each for
// the first time in order; a repeat is the same event, byte for byte but for the word that it is from a while ago.
func (h *hq) verify(last uint64) (repeats int) {
	h.tb.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	first := map[uint64]event{}
	next := uint64(1)
	for _, e := range h.events {
		before, again := first[e.Seq]
		switch {
		case again && (before.ID != e.ID || timeless(before) != timeless(e)):
			h.tb.Errorf("event %d came twice and differs:\n%s\n%s", e.Seq, before.payload, e.payload)
		case again:
			repeats++
		case e.Seq != next:
			h.tb.Errorf("event %d came where %d was due", e.Seq, next)
			next = e.Seq + 1
		default:
			next++
		}
		first[e.Seq] = e
	}
	if next != last+1 {
		h.tb.Errorf("heard events up to %d, the journal has %d", next-1, last)
	}
	return repeats
}

// timeless is what an event says whenever it is sent.
func timeless(e event) string { return strings.Replace(e.payload, `"historical":true,`, "", 1) }

// topic is what a retained topic says now.
func (h *hq) topic(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.retained[name]
}
