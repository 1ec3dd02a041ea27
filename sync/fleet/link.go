package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/sync/fleet/wire"
)

const (
	handshakeLimit = 15 * time.Second // CONNECT to CONNACK
	answerLimit    = time.Minute      // of the broker to anything else
	keepAlive      = 30 * time.Second
	pingLimit      = 20 * time.Second
	farewell       = 250 // milliseconds for DISCONNECT to leave
)

// link is one connection to a broker. It is used once: every fault ends it, and the next
// connection is a new link with a new client. Nothing of the client's own storing and
// reconnecting is used.
type link struct {
	conn   *buffered
	client mqtt.Client
	lost   chan error
	ended  chan struct{} // closes when nobody takes its messages any more
}

// connect makes a link. will is what the broker says in hq/state when the link breaks; nil: nothing.
func (f *Fleet) connect(ctx context.Context, id string, will []byte) (*link, error) {
	conn, err := f.opt.Broker.Connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{conn: newBuffered(conn), lost: make(chan error, 1), ended: make(chan struct{})}
	o := mqtt.NewClientOptions().
		AddBroker("tcp://" + f.opt.Broker.String()).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return l.conn, nil }).
		SetClientID(id).
		SetProtocolVersion(4).
		// In order: the info of a store must be read before its other snapshots. The handler only
		// queues, and waits where the queue is full.
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).
		SetKeepAlive(keepAlive).SetPingTimeout(pingLimit).SetWriteTimeout(writeLimit).SetConnectTimeout(handshakeLimit).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { f.queue(l, m) }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.lost <- fmt.Errorf("the connection to the broker broke: %v", err) })
	if will != nil {
		o.SetBinaryWill(f.hq+"state", will, 1, true)
	}
	name, password, err := f.opt.Broker.Login()
	if err != nil {
		l.conn.cut()
		return nil, err
	}
	if name != "" {
		o.SetUsername(name).SetPassword(password)
	}
	l.client = mqtt.NewClient(o)
	if err := l.await(ctx, l.client.Connect(), handshakeLimit+time.Second); err != nil {
		l.kill()
		return nil, fmt.Errorf("cannot log in to the broker at %s: %v", f.opt.Broker, err)
	}
	return l, nil
}

// queue hands a message to the decoder and waits while its queue is full.
func (f *Fleet) queue(l *link, m mqtt.Message) {
	a := wire.Arrival{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained(), At: time.Now()}
	select {
	case f.inbox <- a:
		return
	default:
	}
	select {
	case f.inbox <- a:
	case <-l.ended:
	}
}

// publish hands a message to the connection. Only the token tells whether the broker took it.
func (l *link) publish(topic string, payload []byte, retained bool) mqtt.Token {
	return l.client.Publish(topic, 1, retained, payload)
}

// await waits for an answer, the end of ctx, the end of the link, or limit.
func (l *link) await(ctx context.Context, t mqtt.Token, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case err := <-l.lost:
		l.lost <- err // for whoever asks next
		return err
	case <-timer.C:
		return errors.New("the broker did not answer in time")
	}
}

// subscribeTries is how often a filter is asked for, and subscribePause how long after a refusal. The
// embedded broker refuses an id that it uses itself for a message on the way (mochi-mqtt/server,
// processSubscribe): while retained messages pour in, a filter is refused that is allowed.
const (
	subscribeTries = 10
	subscribePause = 300 * time.Millisecond
)

// subscribe asks for messages and waits for the answer. A filter that is refused for good is an error.
func (l *link) subscribe(ctx context.Context, filter string) error {
	for range subscribeTries {
		t := l.client.Subscribe(filter, 1, nil)
		if err := l.await(ctx, t, answerLimit); err != nil {
			return fmt.Errorf("cannot subscribe to %s: %v", filter, err)
		}
		if answer, ok := t.(*mqtt.SubscribeToken); !ok || answer.Result()[filter] <= 2 {
			return nil
		}
		sleep(ctx, subscribePause)
	}
	return fmt.Errorf("the broker does not let headquarters listen to %s: allow it", filter)
}

// kill ends the link without a word: the broker publishes the last will.
func (l *link) kill() {
	close(l.ended)
	l.conn.cut()
	if l.client != nil {
		l.client.Disconnect(farewell)
	}
}

// leave ends the link with a DISCONNECT: the broker drops the last will.
func (l *link) leave() {
	close(l.ended)
	l.client.Disconnect(farewell)
	l.conn.Close()
}
