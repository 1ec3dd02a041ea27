package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	handshakeLimit = 15 * time.Second // CONNECT to CONNACK
	keepAlive      = 30 * time.Second
	pingLimit      = 10 * time.Second
	writeLimit     = 10 * time.Second
	farewell       = 250 // milliseconds for DISCONNECT to leave

	// maxDown is the largest message from above that is looked at.
	maxDown = 4 << 10
	// inboxSize bounds what waits to be looked at; more is dropped and counted.
	inboxSize = 1024
)

// message is something that the broker delivered.
type message struct {
	topic    string
	payload  []byte // nil when size is more than maxDown
	size     int
	stream   string // that it names, of an info
	retained bool
}

// link is one connection to a broker. It is used once: every fault ends it, and the
// next connection is a new link with a new client. Nothing of the client's own
// storing and reconnecting is used, because it can report success without an
// acknowledgement and loses the order.
type link struct {
	conn   net.Conn
	client mqtt.Client
	inbox  chan message
	lost   chan error
}

// connect makes conn a link whose last will says that birth bd was lost. On an
// error conn is closed.
func (u *Uplink) connect(ctx context.Context, conn net.Conn, bd uint64) (*link, error) {
	l := &link{conn: conn, inbox: make(chan message, inboxSize), lost: make(chan error, 1)}
	o := mqtt.NewClientOptions().
		AddBroker("tcp://"+u.opt.Broker.String()).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return conn, nil }).
		SetClientID(u.opt.ClientID).
		SetProtocolVersion(4).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).
		SetKeepAlive(keepAlive).SetPingTimeout(pingLimit).SetWriteTimeout(writeLimit).SetConnectTimeout(handshakeLimit).
		SetBinaryWill(u.root+"state", u.stateJSON("lost", bd, time.Time{}), 1, true).
		SetDefaultPublishHandler(l.take).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.lost <- fmt.Errorf("the connection to the broker broke: %v", err) })
	name, password, err := u.opt.Broker.Login()
	if err != nil {
		conn.Close()
		return nil, err
	}
	if name != "" {
		o.SetUsername(name).SetPassword(password)
	}
	l.client = mqtt.NewClient(o)
	if err := l.await(ctx, l.client.Connect(), handshakeLimit+time.Second); err != nil {
		l.kill()
		return nil, fmt.Errorf("cannot log in to the broker at %s: %v%s", u.opt.Broker, err, u.advice(err))
	}
	return l, nil
}

// advice is what to do about a login that failed, as the end of a sentence; "" where nobody knows.
func (u *Uplink) advice(err error) string {
	var slow net.Error
	switch {
	case errors.Is(err, packets.ErrorRefusedNotAuthorised), errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword):
		return "; look at mqtt.username and mqtt.password_file in the store file, and at whom the broker lets in"
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return "; let the broker take the client id " + u.opt.ClientID
	case errors.As(err, &slow) && slow.Timeout():
		return ""
	case errors.Is(err, packets.ErrorNetworkError):
		return "; see in the log of the broker what it wants: TLS (mqtts:// in mqtt.url), or a certificate of the store (mqtt.cert)"
	}
	return ""
}

// take puts what the broker delivers into the inbox, in its order, and never waits: the client hands over one
// message at a time, and an older word of headquarters must not overtake a newer one.
func (l *link) take(_ mqtt.Client, m mqtt.Message) {
	got := message{topic: m.Topic(), size: len(m.Payload()), retained: m.Retained()}
	if got.size <= maxDown {
		got.payload = m.Payload()
	}
	if strings.HasSuffix(got.topic, "/info") && got.size <= maxPayload {
		got.stream = streamOf(m.Payload())
	}
	select {
	case l.inbox <- got:
	default: // everything from above is repeated by its sender when it has no effect
	}
}

// publish hands a message to the connection. Only the token tells whether the
// broker took it.
func (l *link) publish(topic string, payload []byte, retained bool) mqtt.Token {
	return l.client.Publish(topic, 1, retained, payload)
}

// await waits for an answer, the end of ctx, the end of the link, or limit.
func (l *link) await(ctx context.Context, t token, limit time.Duration) error {
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

// subscribe asks for messages, and returns the filters that the broker refused.
func (l *link) subscribe(ctx context.Context, limit time.Duration, filters ...string) (refused []string, err error) {
	wanted := map[string]byte{}
	for _, f := range filters {
		wanted[f] = 1
	}
	t := l.client.SubscribeMultiple(wanted, nil)
	if err := l.await(ctx, t, limit); err != nil {
		return nil, fmt.Errorf("cannot subscribe: %v", err)
	}
	if answer, ok := t.(*mqtt.SubscribeToken); ok {
		for filter, code := range answer.Result() {
			if code > 2 {
				refused = append(refused, filter)
			}
		}
	}
	return refused, nil
}

// kill ends the link without a word: the broker publishes the last will.
func (l *link) kill() {
	l.conn.Close()
	if l.client != nil {
		l.client.Disconnect(farewell)
	}
}

// leave ends the link with a DISCONNECT: the broker drops the last will.
func (l *link) leave() {
	l.client.Disconnect(farewell)
	l.conn.Close()
}
