package serve

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serving serves a handler over connections in memory, in virtual time, while do runs; it ends in time.
func serving(t *testing.T, handler http.HandlerFunc, do func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := &pipes{lines: make(chan net.Conn), done: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- Serve(ctx, At(p, handler, quiet())) }()
		do(t, func() net.Conn {
			ours, theirs := net.Pipe()
			p.lines <- theirs
			return ours
		})
		began := time.Now()
		stop()
		close(p.done)
		if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) || time.Since(began) > StopWait {
			t.Errorf("it ends after %s with %v", time.Since(began), err)
		}
	})
}

// lasts reads its request and answers after longer than that may take.
func lasts(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusRequestTimeout)
		return
	}
	timer := time.NewTimer(3 * readLimit / 2)
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = io.WriteString(w, "whole")
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// The limits of a request do not limit its answer: an export of all stores, an evidence pack.
func TestAnswersMayLast(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: hq\r\n\r\n", "POST / HTTP/1.1\r\nHost: hq\r\nContent-Length: 3\r\n\r\na=b"} {
		serving(t, lasts, func(t *testing.T, dial func() net.Conn) {
			line := dial()
			defer line.Close()
			if _, err := io.WriteString(line, request); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(line), nil)
			if err != nil {
				t.Fatalf("%.4s: %v", request, err)
			}
			defer answer.Body.Close()
			if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "whole" {
				t.Errorf("%.4s: %q %v", request, body, err)
			}
		})
	}
}

// What does not come is not waited for, be it the head of a request or its body.
func TestRequestsMustCome(t *testing.T) {
	for request, limit := range map[string]time.Duration{
		"GET / HTTP/1.1\r\nHost: hq\r\n": HeaderLimit, "POST / HTTP/1.1\r\nHost: hq\r\nContent-Length: 9\r\n\r\na=b": readLimit,
	} {
		serving(t, lasts, func(t *testing.T, dial func() net.Conn) {
			line := dial()
			defer line.Close()
			began := time.Now()
			if _, err := io.WriteString(line, request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(line); err != nil || time.Since(began) < limit || time.Since(began) > limit+time.Second {
				t.Errorf("%.4s: it is held for %s, %v", request, time.Since(began), err)
			}
		})
	}
}

// An answer that says how long each of its parts may take lasts for as long as somebody reads it.
func TestAnswersMayFollow(t *testing.T) {
	follow := func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		for {
			if err := out.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(w, "data: x\n\n"); err != nil || out.Flush() != nil {
				return
			}
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
				return
			}
		}
	}
	serving(t, follow, func(t *testing.T, dial func() net.Conn) {
		line := dial()
		if _, err := io.WriteString(line, "GET / HTTP/1.1\r\nHost: hq\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		lines, seen := bufio.NewScanner(line), 0
		began := time.Now()
		for seen < 30 && lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				seen++
			}
		}
		if seen != 30 || time.Since(began) < 29*time.Minute {
			t.Errorf("%d parts came within %s", seen, time.Since(began))
		}
		go func() { _, _ = io.Copy(io.Discard, line) }()
		t.Cleanup(func() { _ = line.Close() })
	})
}

// Every answer has the same headers, also one that no page gives; a page may say otherwise.
func TestHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/kept", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "max-age=60") })
	for path, cache := range map[string]string{"/kept": "max-age=60", "/gone": "no-store"} {
		serving(t, mux.ServeHTTP, func(t *testing.T, dial func() net.Conn) {
			line := dial()
			defer line.Close()
			if _, err := io.WriteString(line, "GET "+path+" HTTP/1.1\r\nHost: hq\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(line), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			for name, want := range map[string]string{
				"Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := answer.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
		})
	}
}
