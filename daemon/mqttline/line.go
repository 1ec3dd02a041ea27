// Package mqttline knows where an MQTT broker is and how to log in to it: it reads the address, the
// certificates and the password, and opens the connection below MQTT. What is spoken over it, sync/uplink
// and sync/fleet know.
package mqttline

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
)

// dialLimit is for TCP and TLS together.
const dialLimit = 15 * time.Second

// Options say where the broker is and how to log in to it.
type Options struct {
	URL          string // mqtt://host[:1883] or mqtts://host[:8883]
	CA           string // file with the roots to trust in place of the system's; mqtts only
	Cert, Key    string // files with the client certificate and its key; mqtts only
	Username     string
	PasswordFile string // read again for every connection, as are the three above

	// Dial opens the connection below TLS; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Line is a line to a broker that can be opened, as often as is wanted. It may be used by several goroutines.
type Line struct {
	o             Options
	host, address string
	tls           bool
}

// New returns a Line. It reads no file and opens nothing. The error names everything that is wrong with the
// options.
func New(o Options) (*Line, error) {
	b := &Line{o: o}
	err := b.parse()
	problems := []error{err}
	if (o.Cert == "") != (o.Key == "") {
		problems = append(problems, errors.New("cannot use a client certificate without its key: set both cert and key"))
	}
	if o.PasswordFile != "" && o.Username == "" {
		problems = append(problems, errors.New("cannot use password_file without username"))
	}
	if err == nil && !b.tls && (o.CA != "" || o.Cert != "" || o.Key != "") {
		problems = append(problems, errors.New("cannot use ca, cert or key with mqtt://: write mqtts:// in the url"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if b.o.Dial == nil {
		b.o.Dial = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	}
	return b, nil
}

// parse reads the URL and fills in the usual port.
func (b *Line) parse() error {
	u, err := url.Parse(b.o.URL)
	if err != nil {
		return fmt.Errorf("cannot read mqtt url %q: write it like mqtts://mqtt.example.com:8883", b.o.URL)
	}
	port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	switch {
	case port == "":
		return fmt.Errorf("cannot use mqtt url %q: it must begin with mqtts:// (or mqtt:// in a lab)", b.o.URL)
	case u.Hostname() == "":
		return fmt.Errorf("cannot use mqtt url %q: it names no host", b.o.URL)
	case u.User != nil:
		return errors.New("cannot use a mqtt url with a password in it: set username and password_file")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return fmt.Errorf("cannot use mqtt url %q: nothing may follow the host and port", b.o.URL)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	b.host, b.address, b.tls = u.Hostname(), net.JoinHostPort(u.Hostname(), port), u.Scheme == "mqtts"
	return nil
}

// String is host:port.
func (b *Line) String() string { return b.address }

// Connect opens the connection below MQTT, with TLS where the URL says so. Files are read anew, so that a
// renewed certificate is used without a restart.
func (b *Line) Connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	var secure *tls.Config
	if b.tls {
		var err error
		if secure, err = b.tlsConfig(); err != nil {
			return nil, err
		}
	}
	conn, err := b.o.Dial(ctx, "tcp", b.address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the broker at %s: %v", b, err)
	}
	if secure == nil {
		return conn, nil
	}
	wrapped := tls.Client(conn, secure)
	if err := wrapped.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot agree on TLS with the broker at %s: %v", b, err)
	}
	return wrapped, nil
}

// tlsConfig reads the files of the TLS side.
func (b *Line) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: b.host}
	if b.o.CA != "" {
		pem, err := os.ReadFile(b.o.CA)
		if err != nil {
			return nil, fmt.Errorf("cannot read mqtt ca: %v", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use mqtt ca %s: it holds no PEM certificate", b.o.CA)
		}
	}
	if b.o.Cert != "" {
		pair, err := tls.LoadX509KeyPair(b.o.Cert, b.o.Key)
		if err != nil {
			return nil, fmt.Errorf("cannot use mqtt cert %s with key %s: %v", b.o.Cert, b.o.Key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// Login returns the account at the broker, "" for none, and its password, which is read anew; one line end after
// it is not part of it.
func (b *Line) Login() (name, password string, err error) {
	if b.o.PasswordFile == "" {
		return b.o.Username, "", nil
	}
	text, err := os.ReadFile(b.o.PasswordFile)
	if err != nil {
		return "", "", fmt.Errorf("cannot read mqtt password_file: %v", err)
	}
	return b.o.Username, strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}
