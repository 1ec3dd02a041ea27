package democmd

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// headquarters listens to the broker as any subscriber could, and says what it has stored.
type headquarters struct {
	client mqtt.Client
	silent bool // a real one listens too: only that says what is stored

	mu      sync.Mutex
	last    uint64
	repeats int
	gaps    int
}

// brokerWait is how long the broker may take for an answer; 300 stores may speak to it at that moment.
const brokerWait = 30 * time.Second

// listenTo connects to the broker and begins to count. A silent one says nothing of what it stored.
func listenTo(url string, silent bool) (*headquarters, error) {
	h := &headquarters{silent: silent}
	h.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID("demo-headquarters").SetOrderMatters(true))
	if err := answered(h.client.Connect()); err != nil {
		return nil, fmt.Errorf("cannot reach the demo's broker at %s: %w", url, err)
	}
	if err := answered(h.client.Subscribe("nightfill/v1/acme/s/0142/evt", 1, h.hear)); err != nil {
		return nil, fmt.Errorf("cannot subscribe at the demo's broker at %s: %w", url, err)
	}
	return h, nil
}

// answered waits until the broker has answered.
func answered(t mqtt.Token) error {
	if !t.WaitTimeout(brokerWait) {
		return fmt.Errorf("no answer within %s", brokerWait)
	}
	return t.Error()
}

func (h *headquarters) hear(c mqtt.Client, m mqtt.Message) {
	var e struct {
		Stream string `json:"stream"`
		Seq    uint64 `json:"seq"`
	}
	if json.Unmarshal(m.Payload(), &e) != nil {
		return
	}
	h.mu.Lock()
	switch {
	case e.Seq <= h.last:
		h.repeats++
	case e.Seq > h.last+1:
		h.gaps++
		h.last = e.Seq
	default:
		h.last = e.Seq
	}
	last := h.last
	h.mu.Unlock()
	if h.silent {
		return
	}
	seen, err := json.Marshal(map[string]any{"stream": e.Stream, "seq": last})
	if err == nil {
		c.Publish("nightfill/v1/acme/hq/seen/0142", 1, true, seen)
	}
}

// counted returns the newest sequence number, how many came twice and how many gaps there were.
func (h *headquarters) counted() (last uint64, repeats, gaps int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.repeats, h.gaps
}

func (h *headquarters) close() { h.client.Disconnect(250) }
