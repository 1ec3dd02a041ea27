package fleetsim

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// noon is when the fleets of the tests begin.
func noon() time.Time { return time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) }

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{Stores: 0, Devices: 4}, "cannot simulate 0 stores with 4 devices: 1 to 100000 stores with 1 to 1000 devices each"},
		{Options{Stores: 3, Devices: 4, Live: time.Second}, "cannot play a night of 1s: 2m or longer, or 0 for none"},
	} {
		if _, err := New(c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %q", c.opts, err, c.want)
		}
	}
}

// TestNights plays past nights without a broker: the chain holds, every job is settled, and the same
// options give the same history.
func TestNights(t *testing.T) {
	history := func() []run.Record {
		s, err := newShop(Options{Org: "acme", Stores: 1, Devices: 12, Nights: 2, Seed: 7, Now: noon()}, 4, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		tonight, _ := s.store.Calendar.Next(noon())
		if err := s.play(t.Context(), tonight); err != nil {
			t.Fatal(err)
		}
		records, err := s.journal.Since(0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	records := history()
	done, nights, prev := 0, 0, ""
	for i, r := range records {
		body, err := json.Marshal(r.Event)
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(i+1) || r.Prev != prev || r.Hash != journal.Hash(r.Seq, prev, body) {
			t.Fatalf("record %d breaks the chain", i+1)
		}
		prev = r.Hash
		if r.Event.To == site.Done {
			done++
		}
		if r.Event.Kind == run.NightClosed {
			nights++
		}
		if r.Event.At.After(noon()) {
			t.Errorf("record %d is of the future: %s", r.Seq, r.Event.At)
		}
	}
	if nights != 2 || done < 20 {
		t.Errorf("%d nights with %d jobs done: want 2 with 20 or more", nights, done)
	}
	if again := history(); again[len(again)-1].Hash != prev {
		t.Error("the same options gave another history")
	}
}

// TestOverABroker has every event of every store that is heard arrive, in order, and every message in
// the shape that its schema says.
func TestOverABroker(t *testing.T) {
	broker := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := broker.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.AddListener(listeners.NewNet("t", listener)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	heard, shapes, seen := map[string]uint64{}, schemas(t), map[string]bool{}
	arrived := make(chan struct{}, 1)
	hear := func(_ *mqtt.Client, _ packets.Subscription, m packets.Packet) {
		if odd := misfit(shapes, m.TopicName, m.Payload); odd != "" {
			t.Errorf("%s: %s\n%.300s", m.TopicName, odd, m.Payload)
		}
		mu.Lock()
		seen[schemaOf(m.TopicName)] = true
		mu.Unlock()
		if schemaOf(m.TopicName) != "evt" {
			select {
			case arrived <- struct{}{}:
			default:
			}
			return
		}
		var e struct {
			Source string `json:"source"`
			Seq    uint64 `json:"seq"`
		}
		if json.Unmarshal(m.Payload, &e) != nil {
			t.Errorf("not JSON: %.80s", m.Payload)
		}
		mu.Lock()
		if e.Seq == heard[e.Source]+1 {
			heard[e.Source] = e.Seq
		} else if e.Seq > heard[e.Source] {
			t.Errorf("%s: %d comes after %d", e.Source, e.Seq, heard[e.Source])
		}
		mu.Unlock()
		select {
		case arrived <- struct{}{}:
		default:
		}
	}
	if err := broker.Subscribe("nightfill/v1/acme/s/#", 1, hear); err != nil {
		t.Fatal(err)
	}
	if err := broker.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	fleet, err := New(Options{
		Org: "acme", Stores: 5, Devices: 6, Nights: 1, Seed: 3, Now: noon(), Broker: "mqtt://" + listener.Addr().String(), Rate: -1, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- fleet.Run(ctx) }()
	for ctx.Err() == nil {
		select {
		case <-arrived:
		case <-ctx.Done():
		}
		p := fleet.Progress()
		mu.Lock()
		total := uint64(0)
		for _, n := range heard {
			total += n
		}
		whole := len(seen) >= 7 // every topic but alert, which is not certain
		mu.Unlock()
		if p.Played == 5 && total == p.Events && whole {
			break
		}
	}
	p := fleet.Progress()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if p.Played != 5 || p.Connected != 5 || p.Events < 300 {
		t.Errorf("%+v", p)
	}
}
