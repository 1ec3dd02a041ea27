package checker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// authority signs certificates, and is one.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate that is good from and to these times; nil signs itself.
func (a *authority) issue(t *testing.T, name string, from, to time.Time, ca bool) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: from, NotAfter: to, IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	by, with := shape, key
	if a != nil {
		by, with = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listen takes connections and gives each to serve until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// shows is a TLS server with this certificate.
func shows(t *testing.T, config *tls.Config, leaf *authority, between ...*authority) string {
	t.Helper()
	chain := tls.Certificate{PrivateKey: leaf.key, Certificate: [][]byte{leaf.cert.Raw}}
	for _, a := range between {
		chain.Certificate = append(chain.Certificate, a.cert.Raw)
	}
	config.Certificates = []tls.Certificate{chain}
	return listen(t, func(conn net.Conn) {
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		_ = tls.Server(conn, config).Handshake() // what it thinks of the client is nothing to the check
	})
}

func TestCert(t *testing.T) {
	now := time.Now()
	in := func(days float64) time.Time { return now.Add(time.Duration(days * float64(day))) }
	date := func(days float64) string { return in(days).UTC().Format(time.DateOnly) }
	root := (*authority)(nil).issue(t, "root", in(-100), in(1000), true)
	soon := root.issue(t, "between", in(-100), in(9.5), true)
	old := root.issue(t, "between", in(-100), in(-1), true)
	other := (*authority)(nil).issue(t, "other", in(-100), in(1000), true)
	ca, otherCA := root.file(t), other.file(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := func(from, to float64) string {
		return shows(t, &tls.Config{}, root.issue(t, "till-1", in(from), in(to), false))
	}
	good := server(-1, 100.5)
	nobody := listen(t, func(conn net.Conn) { fmt.Fprint(conn, "220 hello, this is no TLS\r\n") })
	silent := listen(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	closed := listen(t, func(net.Conn) {})

	tests := []struct {
		name    string
		check   site.Check
		outcome site.CheckOutcome
		seen    string
	}{
		{"good", site.Check{Address: good}, site.Pass, "its certificate ends on " + date(100.5) + ", in 100 days; warns from 30, fails from 0"},
		{"good by an authority", site.Check{Address: good, CA: ca, ServerName: "till-1"}, site.Pass, "its certificate ends on " + date(100.5) + ", in 100 days; warns from 30, fails from 0"},
		{"ends soon", site.Check{Address: server(-1, 29.5)}, site.Warn, "its certificate ends on " + date(29.5) + ", in 29 days; warns from 30, fails from 0"},
		{"ends today", site.Check{Address: server(-1, 0.5)}, site.Warn, "its certificate ends on " + date(0.5) + ", in 0 days; warns from 30, fails from 0"},
		{"ends too soon", site.Check{Address: server(-1, 1.5), Fail: 7}, site.Fail, "its certificate ends on " + date(1.5) + ", in 1 day; warns from 30, fails from 7"},
		{"ended", site.Check{Address: server(-9, -1)}, site.Fail, "its certificate ended on " + in(-1).UTC().Format(time.RFC3339)},
		{"ended, by an authority", site.Check{Address: server(-9, -1), CA: ca, ServerName: "till-1"}, site.Fail, "its certificate ended on " + in(-1).UTC().Format(time.RFC3339)},
		{"begins tomorrow", site.Check{Address: server(1, 90)}, site.Fail, "its certificate is good from " + in(1).UTC().Format(time.RFC3339) + " on only"},
		{"begins tomorrow, by an authority", site.Check{Address: server(1, 90), CA: ca, ServerName: "till-1"}, site.Fail, "its certificate is good from " + in(1).UTC().Format(time.RFC3339) + " on only"},
		{"another name", site.Check{Address: good, CA: ca, ServerName: "till-2"}, site.Fail, "its certificate is for another name: x509: certificate is valid for till-1, not till-2"},
		{"the address as name", site.Check{Address: good, CA: ca}, site.Fail, "its certificate is for another name: x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"},
		{"another name does not count without an authority", site.Check{Address: good, ServerName: "till-2"}, site.Pass, "its certificate ends on ..."},
		{"another authority", site.Check{Address: good, CA: otherCA, ServerName: "till-1"}, site.Fail, "its certificate is signed by nobody whom this box trusts"},
		{"what is between ends first", site.Check{Address: shows(t, &tls.Config{}, soon.issue(t, "till-1", in(-1), in(100.5), false), soon), CA: ca, ServerName: "till-1"},
			site.Warn, "its certificate ends on " + date(9.5) + ", in 9 days; warns from 30, fails from 0"},
		{"what is between ended", site.Check{Address: shows(t, &tls.Config{}, old.issue(t, "till-1", in(-1), in(100.5), false), old), CA: ca, ServerName: "till-1"},
			site.Fail, "its certificate is not valid today: ..."},
		{"what is between is missing", site.Check{Address: shows(t, &tls.Config{}, soon.issue(t, "till-1", in(-1), in(100.5), false)), CA: ca, ServerName: "till-1"},
			site.Fail, "its certificate is signed by nobody whom this box trusts"},
		{"wants a certificate of the box", site.Check{Address: shows(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, root.issue(t, "till-1", in(-1), in(100.5), false))},
			site.Pass, "its certificate ends on " + date(100.5) + ", in 100 days; warns from 30, fails from 0"},
		{"no TLS", site.Check{Address: nobody}, site.Unknown, "it does not speak TLS there"},
		{"hangs up", site.Check{Address: closed}, site.Unknown, "no usable answer: ..."},
		{"silent", site.Check{Address: silent, Timeout: site.Duration(100 * time.Millisecond)}, site.Unknown, "no answer within 100ms"},
		{"refused", site.Check{Address: gone(t)}, site.Unknown, "it refuses connections"},
		{"no address", site.Check{Address: "till-1"}, site.Unknown, `"till-1" is not host:port`},
		{"no authority", site.Check{Address: good, CA: "/no/such/ca.pem"}, site.Unknown, "the box cannot read the authority: open /no/such/ca.pem: no such file or directory"},
		{"no certificate in the file", site.Check{Address: good, CA: empty}, site.Unknown, empty + " holds no certificate in PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.check.ID, tt.check.Kind, tt.check.Warn = "CERT-1", site.CheckCert, 30
			expect(t, one(t, options(), tt.check), tt.outcome, tt.seen)
		})
	}
}

// gone is an address at which nobody listens any more.
func gone(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
