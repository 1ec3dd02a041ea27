package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// The largest files that are read. A catalog of thousands of patches stays far below.
const (
	maxRoot      = 512 << 10
	maxTimestamp = 16 << 10
	maxSnapshot  = 2 << 20
	maxRole      = 8 << 20
	maxPayload   = site.MaxTarget
)

// errNotThere is returned for a file that the server does not have, or does not let us see:
// object stores answer 403 for what does not exist.
var errNotThere = errors.New("not there")

// server fetches files of a catalog. It believes nothing that it gets.
type server struct {
	base   string
	client *http.Client
	limit  time.Duration // for one file, from the first byte sent to the last received
}

// newServer makes a client that ends every request and follows redirects only on the same host.
func newServer(base string, transport http.RoundTripper, limit time.Duration) (*server, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file") || (u.Scheme != "file" && u.Host == "") {
		return nil, fmt.Errorf("%q is not the address of a catalog: write https://HOST/PATH/ or file:///PATH/", base)
	}
	return &server{
		base:  strings.TrimSuffix(base, "/") + "/",
		limit: limit,
		client: &http.Client{Transport: transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 || req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
				return fmt.Errorf("redirected to %s: only redirects on the same host are followed", req.URL.Redacted())
			}
			return nil
		}},
	}, nil
}

// newTransport is a plain transport that also reads file: addresses from the local disk.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return t
}

// fsTransport serves a catalog from a file system.
func fsTransport(files fs.FS) http.RoundTripper { return http.NewFileTransportFS(files) }

// get reads one file of at most limit bytes. elem are the parts of its path.
func (s *server) get(ctx context.Context, limit int64, elem ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	parts := make([]string, len(elem))
	for i, e := range elem {
		parts[i] = url.PathEscape(e)
	}
	address := s.base + strings.Join(parts, "/")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, s.unreachable(address, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden:
		return nil, fmt.Errorf("%s: %w (%s)", address, errNotThere, resp.Status)
	default:
		return nil, s.unreachable(address, errors.New(resp.Status))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, s.unreachable(address, err)
	}
	if int64(len(data)) > limit {
		return nil, refused(fmt.Sprintf("%s is longer than %d bytes: the address may not be a catalog", address, limit))
	}
	return data, nil
}

func (s *server) unreachable(address string, err error) error {
	if at := (*url.Error)(nil); errors.As(err, &at) {
		err = at.Err // the address is said already
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no complete answer within %s", s.limit)
	}
	return site.Because(site.CodeCatalogUnreachable,
		fmt.Sprintf("cannot fetch %s: %v; what was approved before stays approved, check the line and catalog.url", address, err),
		"address", address)
}

// refused is the reason for something that is not what headquarters signed.
func refused(text string) *site.Reason {
	return site.Because(site.CodeCatalogRefused, text)
}
