package demobroker

import (
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const limit = 10 * time.Second

// client connects to a broker.
func client(t *testing.T, url, id string) mqtt.Client {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(strings.Replace(url, "mqtt://", "tcp://", 1)).SetClientID(id).SetAutoReconnect(false))
	settle(t, c.Connect())
	return c
}

func settle(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(limit) || token.Error() != nil {
		t.Fatalf("the broker does not answer: %v", token.Error())
	}
}

func TestBrokerDeliversAndRetains(t *testing.T) {
	b, url, err := Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if url != b.URL() {
		t.Errorf("Start says %s, URL says %s", url, b.URL())
	}
	store := client(t, url, "store")
	settle(t, store.Publish("a/state", 1, true, `{"online":1}`))

	viewer := client(t, url, "viewer")
	heard := make(chan string, 10)
	settle(t, viewer.Subscribe("a/#", 1, func(_ mqtt.Client, m mqtt.Message) { heard <- m.Topic() + " " + string(m.Payload()) }))
	settle(t, store.Publish("a/evt", 1, false, "1"))
	// The broker may acknowledge a message before it passes it on, so that one who subscribes at
	// that moment hears it as retained and as new: a repeat is no fault.
	missing := map[string]bool{`a/state {"online":1}`: true, "a/evt 1": true}
	known := maps.Clone(missing)
	for len(missing) > 0 {
		select {
		case got := <-heard:
			if !known[got] {
				t.Fatalf("heard %q, which nobody said", got)
			}
			delete(missing, got)
		case <-time.After(limit):
			t.Fatalf("not heard: %v", missing)
		}
	}
	store.Disconnect(100)
	viewer.Disconnect(100)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBrokerComesBackOnTheSameAddress(t *testing.T) {
	b, url, err := Start("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(strings.Replace(url, "mqtt://", "tcp://", 1)).SetAutoReconnect(false).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost <- err }))
	settle(t, c.Connect())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost:
	case <-time.After(limit):
		t.Fatal("a closed broker keeps its connections")
	}
	again, _, err := Start(strings.TrimPrefix(url, "mqtt://"), nil)
	if err != nil {
		t.Fatal(err)
	}
	client(t, url, "store").Disconnect(100)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBrokerRefusesTheNetwork(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:1883", ":1883", "10.0.0.1:1883", "[::]:1883", "localhost:1883", "127.0.0.1", ""} {
		_, _, err := Start(listen, nil)
		want := `cannot start the demo broker on "` + listen + `": it lets everybody in, so it takes only a loopback address like 127.0.0.1:1883`
		if err == nil || err.Error() != want {
			t.Errorf("Start(%q) says %v, want %s", listen, err, want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, _, err := Start(taken.Addr().String(), nil); err == nil || !strings.HasPrefix(err.Error(), "cannot start the demo broker: listen tcp") {
		t.Errorf("Start on a taken port says %v", err)
	}
}
