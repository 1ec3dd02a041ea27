package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	dialLimit      = 15 * time.Second // TCP and TLS together
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

// dial opens the connection below MQTT. Files are read anew, so that a renewed certificate or
// password is used without a restart.
func (f *Fleet) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	var secure *tls.Config
	if f.broker.tls {
		var err error
		if secure, err = f.tlsConfig(); err != nil {
			return nil, err
		}
	}
	conn, err := f.opt.Dial(ctx, "tcp", f.broker.String())
	if err != nil {
		return nil, fmt.Errorf("cannot reach the broker at %s: %v", f.broker, err)
	}
	if secure == nil {
		return conn, nil
	}
	wrapped := tls.Client(conn, secure)
	if err := wrapped.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot agree on TLS with the broker at %s: %v", f.broker, err)
	}
	return wrapped, nil
}

// tlsConfig reads the files of the TLS side.
func (f *Fleet) tlsConfig() (*tls.Config, error) {
	b := f.opt.Broker
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.broker.host}
	if b.CA != "" {
		pem, err := os.ReadFile(b.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot read mqtt ca: %v", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use mqtt ca %s: it holds no PEM certificate", b.CA)
		}
	}
	if b.Cert != "" {
		pair, err := tls.LoadX509KeyPair(b.Cert, b.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use mqtt cert %s with key %s: %v", b.Cert, b.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// connect makes a link. will is what the broker says in hq/state when the link breaks; nil: nothing.
func (f *Fleet) connect(ctx context.Context, id string, will []byte) (*link, error) {
	conn, err := f.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{conn: newBuffered(conn), lost: make(chan error, 1), ended: make(chan struct{})}
	o := mqtt.NewClientOptions().
		AddBroker("tcp://" + f.broker.String()).
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
	if f.opt.Broker.Username != "" {
		password, err := f.password()
		if err != nil {
			l.conn.cut()
			return nil, err
		}
		o.SetUsername(f.opt.Broker.Username).SetPassword(password)
	}
	l.client = mqtt.NewClient(o)
	if err := l.await(ctx, l.client.Connect(), handshakeLimit+time.Second); err != nil {
		l.kill()
		return nil, fmt.Errorf("cannot log in to the broker at %s: %v", f.broker, err)
	}
	return l, nil
}

// password reads the password file; one line end after it is not part of it.
func (f *Fleet) password() (string, error) {
	if f.opt.Broker.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(f.opt.Broker.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read mqtt password_file: %v", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// queue hands a message to the decoder and waits while its queue is full.
func (f *Fleet) queue(l *link, m mqtt.Message) {
	a := arrival{topic: m.Topic(), payload: m.Payload(), retained: m.Retained(), at: time.Now()}
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
