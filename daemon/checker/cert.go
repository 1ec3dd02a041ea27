package checker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nightfill/nightfill/site"
)

const day = 24 * time.Hour

// cert shakes hands with a TLS server and looks at the certificate that it shows. Whom a
// certificate comes from counts only where the check names an authority: many tills sign their own.
func (c *Checker) cert(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	host, _, err := net.SplitHostPort(check.Address)
	if err != nil {
		return site.Unknown, fmt.Sprintf("%q is not host:port", check.Address)
	}
	if check.ServerName != "" {
		host = check.ServerName
	}
	var authorities *x509.CertPool
	if check.CA != "" {
		text, err := os.ReadFile(check.CA)
		if err != nil {
			return site.Unknown, fmt.Sprintf("the box cannot read the authority: %v", err)
		}
		authorities = x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(text) {
			return site.Unknown, check.CA + " holds no certificate in PEM"
		}
	}
	chain, err := c.shown(ctx, check.Address, host)
	if len(chain) == 0 {
		if err == nil {
			return site.Unknown, "it shows no certificate"
		}
		return unseen(err, limit)
	}
	return judgeCert(chain, authorities, host, time.Now(), check)
}

// shown returns the certificates that a server shows, also when it then wants one of the box.
func (c *Checker) shown(ctx context.Context, address, name string) ([]*x509.Certificate, error) {
	conn, err := c.opts.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var chain []*x509.Certificate
	client := tls.Client(conn, &tls.Config{
		ServerName: name,
		MinVersion: tls.VersionTLS10, // nothing is told to it: an old device's certificate is looked at as well
		// The check judges by itself: a certificate that ended is an answer, not an error.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			chain = s.PeerCertificates
			return nil
		},
	})
	err = client.HandshakeContext(ctx)
	return chain, err
}

// judgeCert says whether the certificates that a server showed are good, and for how long.
func judgeCert(chain []*x509.Certificate, authorities *x509.CertPool, name string, now time.Time, check site.Check) (site.CheckOutcome, string) {
	leaf := chain[0]
	ends := leaf.NotAfter
	if authorities != nil {
		between := x509.NewCertPool()
		for _, c := range chain[1:] {
			between.AddCert(c)
		}
		// The moment is one at which the certificate is good: when it ends is said below.
		at := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
		if now.After(leaf.NotBefore) && now.Before(leaf.NotAfter) {
			at = now
		}
		chains, err := leaf.Verify(x509.VerifyOptions{Roots: authorities, Intermediates: between, DNSName: name, CurrentTime: at})
		if err != nil {
			return site.Fail, refused(err)
		}
		ends = lastEnd(chains)
	}
	left := ends.Sub(now)
	days := int(left / day)
	seen := fmt.Sprintf("its certificate ends on %s, in %s; warns from %d, fails from %d", ends.UTC().Format(time.DateOnly), count(days), check.Warn, check.Fail)
	switch {
	case now.Before(leaf.NotBefore):
		return site.Fail, "its certificate is good from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " on only"
	case left <= 0:
		return site.Fail, "its certificate ended on " + ends.UTC().Format(time.RFC3339)
	case left <= time.Duration(check.Fail)*day:
		return site.Fail, seen
	case left <= time.Duration(check.Warn)*day:
		return site.Warn, seen
	}
	return site.Pass, seen
}

func count(days int) string {
	if days == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", days)
}

// lastEnd is when the last of several chains stops being good, which is when the first of its certificates ends.
func lastEnd(chains [][]*x509.Certificate) time.Time {
	var last time.Time
	for _, chain := range chains {
		ends := chain[0].NotAfter
		for _, c := range chain[1:] {
			if c.NotAfter.Before(ends) {
				ends = c.NotAfter
			}
		}
		if ends.After(last) {
			last = ends
		}
	}
	return last
}

func refused(err error) string {
	if seen := certificate(err); seen != "" {
		return seen
	}
	return "its certificate is not accepted: " + err.Error()
}

// unseen is unreached for a look that needs more than a connection: without one nothing was observed.
func unseen(err error, limit time.Duration) (site.CheckOutcome, string) {
	_, seen := unreached(err, limit)
	return site.Unknown, seen
}
