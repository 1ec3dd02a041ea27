package checker

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/nightfill/nightfill/site"
)

// newClient makes a client that looks and nothing more: no proxy, no kept connections, no
// cookies, and no redirect that leads away from the host that was to be looked at.
func newClient(o Options) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            o.Dial,
			TLSClientConfig:        o.TLS,
			DisableKeepAlives:      true,
			DisableCompression:     true, // a small answer must not grow into a large one here
			MaxResponseHeaderBytes: bodyLimit,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Hostname() != via[0].URL.Hostname() {
				return &redirectError{to: next.URL.Hostname()}
			}
			if len(via) >= 5 {
				return &redirectError{}
			}
			return nil
		},
	}
}

// redirectError is an answer that leads away.
type redirectError struct{ to string }

func (e *redirectError) Error() string {
	if e.to == "" {
		return "it redirects in a circle"
	}
	return "it redirects to another host, " + e.to
}

func (c *Checker) tcp(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	if _, _, err := net.SplitHostPort(check.Address); err != nil {
		return site.Unknown, fmt.Sprintf("%q is not host:port", check.Address)
	}
	conn, err := c.opts.Dial(ctx, "tcp", check.Address)
	if err != nil {
		return unreached(err, limit)
	}
	if err := conn.Close(); err != nil {
		c.opts.Log.Debug("cannot close the connection of a check", "check", check.ID, "err", err)
	}
	return site.Pass, check.Address + " accepts connections"
}

func (c *Checker) http(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	u, err := url.Parse(check.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return site.Unknown, fmt.Sprintf("%q is not an http or https address", check.URL)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return site.Unknown, fmt.Sprintf("%q cannot be asked: %v", check.URL, err)
	}
	req.Header.Set("User-Agent", "nightfill-check")
	resp, err := c.client.Do(req)
	if err != nil {
		return unreached(err, limit)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return site.Fail, "it answered " + resp.Status
	}
	if check.Expect == "" {
		return site.Pass, "it answered " + resp.Status
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	switch {
	case bytes.Contains(body, []byte(check.Expect)):
		return site.Pass, fmt.Sprintf("it answered %s with the text %q", resp.Status, check.Expect)
	case err != nil:
		return unreached(err, limit)
	}
	return site.Fail, fmt.Sprintf("it answered %s without the text %q", resp.Status, check.Expect)
}

// unreached says what a failed look means. That the other side refuses or stays silent is what was
// observed, a failure; that the box could not look at all (its own network, a stop) is unknown.
func unreached(err error, limit time.Duration) (site.CheckOutcome, string) {
	var redirect *redirectError
	var name *net.DNSError
	var wait net.Error
	switch {
	case errors.As(err, &redirect):
		return site.Fail, redirect.Error()
	case errors.Is(err, context.Canceled):
		return site.Unknown, cutShort
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return site.Unknown, "the box itself has no network to it"
	case errors.As(err, &name) && name.IsNotFound:
		return site.Fail, fmt.Sprintf("nobody knows the name %s", name.Name)
	case errors.As(err, &name):
		return site.Unknown, fmt.Sprintf("the name %s cannot be looked up: %v", name.Name, name.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return site.Fail, "it refuses connections"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return site.Fail, "it is not on the network"
	case errors.As(err, &wait) && wait.Timeout():
		return site.Fail, fmt.Sprintf("no answer within %s", limit)
	}
	if seen := certificate(err); seen != "" {
		return site.Fail, seen
	}
	return site.Fail, "no usable answer: " + cause(err).Error()
}

// certificate explains a refused certificate, and returns "" for every other error.
func certificate(err error) string {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return "its certificate is signed by nobody whom this box trusts"
	case errors.As(err, &name):
		return "its certificate is for another name: " + name.Error()
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate is not valid today: " + invalid.Detail
	case errors.As(err, &verify):
		return "its certificate is not accepted: " + verify.Err.Error()
	case errors.As(err, &record):
		return "it does not speak TLS there"
	}
	return ""
}

// cause strips the request's own words, which name only what the check file says anyway.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
