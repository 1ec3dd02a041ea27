package hq

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/daemon/serve"
)

// pipes is a listener whose connections are in memory, so that their limits pass in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	mine, theirs := net.Pipe()
	p.conns <- theirs
	return mine
}

// TestServe holds the limits of a connection against readers and writers that take their time.
func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn), make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/events" {
				_, _ = io.WriteString(w, "hello")
				return
			}
			for {
				if _, err := io.WriteString(w, "data: x\n\n"); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
					return
				}
			}
		})
		go func() { ended <- serve.Serve(ctx, serve.At(p, lasting(handler), slog.New(slog.DiscardHandler))) }()

		slow := p.dial()
		began := time.Now()
		if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHost: hq\r\n"); err != nil { // and never ends
			t.Fatal(err)
		}
		if _, err := io.ReadAll(slow); err != nil || time.Since(began) != serve.HeaderLimit {
			t.Errorf("half a request is held for %s, %v", time.Since(began), err)
		}

		follower := p.dial()
		if _, err := io.WriteString(follower, "GET /events HTTP/1.1\r\nHost: hq\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		lines, seen := bufio.NewScanner(follower), 0
		began = time.Now()
		for seen < 30 && lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				seen++
			}
		}
		if seen != 30 || time.Since(began) < 29*time.Minute {
			t.Errorf("a page that follows got %d messages within %s", seen, time.Since(began))
		}

		go func() { _, _ = io.Copy(io.Discard, follower) }()
		began = time.Now()
		stop()
		if err := <-ended; err != nil || time.Since(began) > serve.StopWait {
			t.Errorf("it ends after %s with %v", time.Since(began), err)
		}
		_ = follower.Close()
	})
}
