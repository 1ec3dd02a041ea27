package mqttline

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// authority signs the certificates of a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "test root"},
	})
	return a
}

// sign writes NAME.pem and NAME.key and returns what they hold.
func (a *authority) sign(name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// passwords lets one user in.
type passwords struct {
	mqtt.HookBase
	user, password string
}

func (p *passwords) ID() string { return "passwords" }
func (p *passwords) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}
func (p *passwords) OnACLCheck(*mqtt.Client, string, bool) bool { return true }
func (p *passwords) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	return string(pk.Connect.Username) == p.user && bytes.Equal(pk.Connect.Password, []byte(p.password))
}

// serveTLS is a broker on loopback that asks for certificates or passwords.
func serveTLS(t *testing.T, a *authority, hook mqtt.Hook, clientCerts tls.ClientAuthType) (url string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.file("server.pem"), a.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	socket, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: clientCerts})
	if err != nil {
		t.Fatal(err)
	}
	server := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(hook, nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("tls", socket)); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return "mqtts://" + socket.Addr().String()
}

// login opens a line and logs in over it.
func login(t *testing.T, l *Line) error {
	conn, err := l.Connect(t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	name, password, err := l.Login()
	if err != nil {
		return err
	}
	o := paho.NewClientOptions().AddBroker("tcp://" + l.String()).SetClientID("0142").SetProtocolVersion(4).SetConnectTimeout(10 * time.Second).SetConnectRetry(false).SetAutoReconnect(false).
		SetUsername(name).SetPassword(password).SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return conn, nil })
	client := paho.NewClient(o)
	defer client.Disconnect(100)
	answer := client.Connect()
	answer.Wait()
	return answer.Error()
}

func TestLogin(t *testing.T) {
	a := newAuthority(t)
	a.sign("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.sign("store", &x509.Certificate{Subject: pkix.Name{CommonName: "0142"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	other := newAuthority(t)
	for name, text := range map[string]string{"password": "open sesame\n", "dos": "open sesame\r\n", "wrong": "open barley"} {
		if err := os.WriteFile(a.file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificates := serveTLS(t, a, new(auth.AllowHook), tls.RequireAndVerifyClientCert)
	passwords := serveTLS(t, a, &passwords{user: "store", password: "open sesame"}, tls.NoClientCert)
	for _, c := range []struct {
		name string
		url  string
		tune func(*Options)
		want string
	}{
		{"certificate", certificates, func(o *Options) { o.Cert, o.Key = a.file("store.pem"), a.file("store.key") }, ""},
		{"password", passwords, func(o *Options) { o.PasswordFile = a.file("password") }, ""},
		{"password with another end", passwords, func(o *Options) { o.PasswordFile = a.file("dos") }, ""},
		{"unknown root", passwords, func(o *Options) { o.CA = other.file("ca.pem") }, "cannot agree on TLS with the broker at ADDRESS: tls: failed to verify certificate"},
		{"no root file", passwords, func(o *Options) { o.CA = "/none" }, "cannot read mqtt ca: open /none: no such file or directory"},
		{"no root in the file", passwords, func(o *Options) { o.CA = a.file("wrong") }, "cannot use mqtt ca WRONG: it holds no PEM certificate"},
		{"no certificate", certificates, func(o *Options) { o.Cert, o.Key = "/none", "/none" }, "cannot use mqtt cert /none with key /none: open /none: no such file or directory"},
		{"no password file", passwords, func(o *Options) { o.PasswordFile = "/none" }, "cannot read mqtt password_file: open /none: no such file or directory"},
		{"wrong password", passwords, func(o *Options) { o.PasswordFile = a.file("wrong") }, "not Authorized"},
		{"nobody there", "mqtt://127.0.0.1:1", func(o *Options) { o.CA = "" }, "cannot reach the broker at 127.0.0.1:1: "},
	} {
		o := Options{URL: c.url, CA: a.file("ca.pem"), Username: "store"}
		c.tune(&o)
		l, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		want, got := strings.NewReplacer("ADDRESS", l.String(), "WRONG", a.file("wrong")).Replace(c.want), ""
		if err := login(t, l); err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %s\nwant %s", c.name, got, want)
		}
	}
}
