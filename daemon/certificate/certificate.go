// Package certificate keeps the key with which the box answers over HTTPS: one that the box made for
// itself at its first start, renewed in time, or one that the retailer gave. It never stops the box:
// when what was given cannot be used, the box answers with its own and says so in the log.
package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"
)

const (
	lasts    = 2 * 365 * 24 * time.Hour
	renewAt  = 60 * 24 * time.Hour // before the end
	slack    = time.Hour           // of clocks that are not alike
	lookEach = time.Hour
)

// Options are what a Keeper is made from.
type Options struct {
	Dir   string   // the state directory
	Names []string // by which the box is called; besides its addresses and localhost
	// Cert and Key are files of the retailer's, PEM; both "" = the box makes its own.
	Cert, Key string
	Log       *slog.Logger
	Of        Of // zero = Console()
}

// Of says whose certificate it is, for its file and for the log.
type Of struct {
	What string // that answers with it
	Cert string // names the file of the certificate in the configuration
	Key  string // and of its key
	In   string // the configuration
	File string // in the state directory
}

// Console is the console of a box.
func Console() Of {
	return Of{"the console", "console.cert", "console.key", "the store file", "console.pem"}
}

// Headquarters is where the chain looks at all its stores.
func Headquarters() Of {
	return Of{"headquarters", "tls.cert", "tls.key", "the headquarters file", "pages.pem"}
}

// Keeper holds the certificate that is in use.
type Keeper struct {
	Options
	current atomic.Pointer[tls.Certificate]
}

// Shown is a certificate as a person compares it.
type Shown struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256, as browsers write it
	Until       time.Time `json:"until"`
	Own         bool      `json:"own"` // the box made it
}

// Open reads the certificate, or makes one. An error means that the state directory cannot be used.
func Open(o Options, now time.Time) (*Keeper, error) {
	if o.Of == (Of{}) {
		o.Of = Console()
	}
	k := &Keeper{Options: o}
	return k, k.look(now)
}

// Get is for tls.Config.GetCertificate.
func (k *Keeper) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.current.Load(), nil }

// Shown is the certificate that is in use now.
func (k *Keeper) Shown() Shown {
	c := k.current.Load()
	sum := sha256.Sum256(c.Certificate[0])
	return Shown{Fingerprint: strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":")), Until: c.Leaf.NotAfter, Own: c.Leaf.Subject.CommonName == common}
}

// common is the name of certificates that the box makes.
const common = "Nightfill console"

// Run takes over what was given anew, and renews what the box made, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := k.look(now); err != nil {
				k.Log.Error("the certificate of "+k.Of.What+" is as it was", "err", err)
			}
		}
	}
}

// look finds the certificate to use now.
func (k *Keeper) look(now time.Time) error {
	given, err := k.given(now)
	if err != nil {
		k.Log.Error(k.Of.What+" answers with a certificate of its own", "err", err)
	}
	next := given
	if next == nil {
		if next, err = k.own(now); err != nil {
			return err
		}
	}
	if old := k.current.Load(); old == nil || !bytes.Equal(old.Certificate[0], next.Certificate[0]) {
		k.current.Store(next)
		s := k.Shown()
		k.Log.Info(k.Of.What+" answers with this certificate", "sha256", s.Fingerprint, "until", s.Until.UTC().Format(time.DateOnly), "own", s.Own)
	}
	return nil
}

// given reads the retailer's certificate; nil when there is none, or none that is good now.
func (k *Keeper) given(now time.Time) (*tls.Certificate, error) {
	if k.Cert == "" {
		return nil, nil
	}
	c, err := tls.LoadX509KeyPair(k.Cert, k.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s and %s of %s: %w; give a PEM certificate and its key without a password", k.Of.Cert, k.Of.Key, k.Of.In, err)
	}
	if now.After(c.Leaf.NotAfter) {
		return nil, fmt.Errorf("cannot use %s of %s: it ended on %s; give a newer one", k.Of.Cert, k.Of.In, c.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return &c, nil
}

// own reads the certificate that the box made, and makes another one when it is not good for long.
func (k *Keeper) own(now time.Time) (*tls.Certificate, error) {
	path := filepath.Join(k.Dir, k.Of.File)
	data, err := os.ReadFile(path)
	if err == nil {
		c, err := tls.X509KeyPair(data, data)
		switch {
		case err != nil:
			k.Log.Warn("the box makes itself a new certificate: the one that it had is damaged", "path", path, "err", err)
		case now.Before(c.Leaf.NotAfter.Add(-renewAt)) && !now.Before(c.Leaf.NotBefore):
			return &c, nil
		}
	} else if !os.IsNotExist(err) {
		return nil, fmt.Errorf("cannot read the certificate of %s: %w", k.Of.What, err)
	}
	if data, err = makeOwn(k.Names, addresses(), now); err != nil {
		return nil, fmt.Errorf("cannot make a certificate for %s: %w", k.Of.What, err)
	}
	if err := renameio.WriteFile(path, data, 0o600, renameio.IgnoreUmask()); err != nil {
		return nil, fmt.Errorf("cannot write the certificate of %s: %w", k.Of.What, err)
	}
	c, err := tls.X509KeyPair(data, data)
	return &c, err
}

// makeOwn makes a key and a certificate that signs itself.
func makeOwn(names []string, ips []net.IP, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: common, Organization: names}, NotBefore: now.Add(-slack), NotAfter: now.Add(lasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: append([]string{"localhost"}, names...), IPAddresses: ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&b, block); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// addresses are those of the box now.
func addresses() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ips
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}
