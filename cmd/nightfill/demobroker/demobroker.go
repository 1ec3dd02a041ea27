// Package demobroker is an MQTT broker inside the process, for the demo and for
// tests. It lets everybody in and keeps nothing on the disk, and therefore refuses
// to listen anywhere but on the loopback interface.
package demobroker

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// sysTopics is how often, in seconds, the broker reports about itself.
const sysTopics = 60

// Broker is a running broker.
type Broker struct {
	server *mqtt.Server
	url    string
}

// Start starts a broker that listens on a loopback address, for example
// "127.0.0.1:0" for any free port, and returns it with its mqtt:// URL. It runs
// until Close. A nil log is silent.
func Start(listen string, log *slog.Logger) (*Broker, string, error) {
	at, err := netip.ParseAddrPort(listen)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, "", fmt.Errorf("cannot start the demo broker on %q: it lets everybody in, so it takes only a loopback address like 127.0.0.1:1883", listen)
	}
	socket, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, "", fmt.Errorf("cannot start the demo broker: %v", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	limits := mqtt.NewDefaultServerCapabilities()
	limits.MaximumMessageExpiryInterval = 0 // retained messages stay
	limits.MaximumPacketSize = 1 << 20
	// A subscriber that is slower than a fleet of stores loses what does not fit here.
	limits.ReceiveMaximum, limits.MaximumInflight, limits.MaximumClientWritesPending = math.MaxUint16, math.MaxUint16, 1<<17
	server := mqtt.New(&mqtt.Options{Capabilities: limits, Logger: log, SysTopicResendInterval: sysTopics})
	if err := attach(server, socket); err != nil {
		socket.Close()
		return nil, "", fmt.Errorf("cannot start the demo broker: %v", err)
	}
	b := &Broker{server: server, url: "mqtt://" + socket.Addr().String()}
	return b, b.url, nil
}

// attach gives the server its listener and its rule of who may come in, and starts it.
func attach(server *mqtt.Server, socket net.Listener) error {
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		return err
	}
	if err := server.AddListener(listeners.NewNet("loopback", socket)); err != nil {
		return err
	}
	return server.Serve()
}

// URL returns where the broker listens, as mqtt://host:port.
func (b *Broker) URL() string { return b.url }

// Close ends every connection and the broker. What it retained is gone.
func (b *Broker) Close() error {
	if err := b.server.Close(); err != nil {
		return fmt.Errorf("cannot stop the demo broker: %v", err)
	}
	return nil
}
