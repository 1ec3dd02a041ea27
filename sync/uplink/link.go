package uplink

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

// dial opens the connection below MQTT. Files are read anew, so that a renewed
// certificate or password is used without a restart.
func (u *Uplink) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	var secure *tls.Config
	if u.broker.tls {
		var err error
		if secure, err = u.tlsConfig(); err != nil {
			return nil, err
		}
	}
	conn, err := u.opt.Dial(ctx, "tcp", u.broker.address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the broker at %s: %v", u.broker.address, err)
	}
	if secure == nil {
		return conn, nil
	}
	wrapped := tls.Client(conn, secure)
	if err := wrapped.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot agree on TLS with the broker at %s: %v", u.broker.address, err)
	}
	return wrapped, nil
}

// tlsConfig reads the files of the TLS side.
func (u *Uplink) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.broker.host}
	if u.opt.CA != "" {
		pem, err := os.ReadFile(u.opt.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot read mqtt ca: %v", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use mqtt ca %s: it holds no PEM certificate", u.opt.CA)
		}
	}
	if u.opt.Cert != "" {
		pair, err := tls.LoadX509KeyPair(u.opt.Cert, u.opt.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use mqtt cert %s with key %s: %v", u.opt.Cert, u.opt.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// connect makes conn a link whose last will says that birth bd was lost. On an
// error conn is closed.
func (u *Uplink) connect(ctx context.Context, conn net.Conn, bd uint64) (*link, error) {
	l := &link{conn: conn, inbox: make(chan message, inboxSize), lost: make(chan error, 1)}
	o := mqtt.NewClientOptions().
		AddBroker("tcp://"+u.broker.address).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return conn, nil }).
		SetClientID(u.opt.ClientID).
		SetProtocolVersion(4).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(false).
		SetKeepAlive(keepAlive).SetPingTimeout(pingLimit).SetWriteTimeout(writeLimit).SetConnectTimeout(handshakeLimit).
		SetBinaryWill(u.root+"state", u.stateJSON("lost", bd, time.Time{}), 1, true).
		SetDefaultPublishHandler(l.take).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.lost <- fmt.Errorf("the connection to the broker broke: %v", err) })
	if u.opt.Username != "" {
		password, err := u.password()
		if err != nil {
			conn.Close()
			return nil, err
		}
		o.SetUsername(u.opt.Username).SetPassword(password)
	}
	l.client = mqtt.NewClient(o)
	if err := l.await(ctx, l.client.Connect(), handshakeLimit+time.Second); err != nil {
		l.kill()
		return nil, fmt.Errorf("cannot log in to the broker at %s: %v", u.broker.address, err)
	}
	return l, nil
}

// password reads the password file; one line end after it is not part of it.
func (u *Uplink) password() (string, error) {
	if u.opt.PasswordFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(u.opt.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read mqtt password_file: %v", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

// take puts what the broker delivers into the inbox and never waits.
func (l *link) take(_ mqtt.Client, m mqtt.Message) {
	got := message{topic: m.Topic(), size: len(m.Payload()), retained: m.Retained()}
	if got.size <= maxDown {
		got.payload = m.Payload()
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
