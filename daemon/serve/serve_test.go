package serve

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestOpenAllOrNone has one address that is taken: the other does not stay open.
func TestOpenAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, address := free.Addr().String(), taken.Addr().String()
	_ = free.Close()
	pages := []Page{{Name: "one", Address: first, Handler: http.NotFoundHandler()}, {Name: "off"}, {Name: "two", Place: "listen.two", Address: address}}
	_, err = Open(pages, quiet())
	want := "cannot listen on " + address + " (listen.two): listen tcp " + address + ": bind: address already in use; choose another address"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	again, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatalf("the first address stays open: %v", err)
	}
	_ = again.Close()
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nightfill_test", Help: "A test."}, func() float64 { return 7 }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, At(l, Metrics(registry, func(time.Duration) []string { return nil }), quiet()))
	}()
	for path, want := range map[string]string{"/metrics": "nightfill_test 7", "/healthz": "ok", "/debug/pprof/": "profile"} {
		answer, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v; want %q in\n%.200s", path, answer.Status, err, want, body)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	var stuck []string
	page := Metrics(prometheus.NewRegistry(), func(patience time.Duration) []string {
		if patience != time.Minute {
			t.Errorf("asked for %v", patience)
		}
		return stuck
	})
	for _, tt := range []struct {
		stuck []string
		code  int
		want  string
	}{{nil, 200, "ok\n"}, {[]string{"runner", "journal"}, 503, "no work was done for 1m0s by: runner journal\n"}} {
		stuck = tt.stuck
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if w.Code != tt.code || w.Body.String() != tt.want {
			t.Errorf("%v: %d %q, want %d %q", tt.stuck, w.Code, w.Body, tt.code, tt.want)
		}
	}
}

// TestProfilesAreForThisMachine asks for them from elsewhere.
func TestProfilesAreForThisMachine(t *testing.T) {
	for _, tt := range []struct {
		remote, host string
		want         bool
	}{
		{"127.0.0.1:5", "127.0.0.1:9464", true},
		{"127.0.0.1:5", "localhost:9464", true},
		{"127.0.0.1:5", "localhost", true},
		{"[::1]:5", "[::1]:9464", true},
		{"[::1]:5", "[::1]", true},
		{"192.0.2.1:5", "localhost:9464", false},
		{"nonsense", "localhost:9464", false},
		{"127.0.0.1:5", "evil.example:9464", false},
		{"127.0.0.1:5", "localhost.evil.example", false},
		{"127.0.0.1:5", "", false},
	} {
		served := false
		local(func(http.ResponseWriter, *http.Request) { served = true })(discard{}, &http.Request{RemoteAddr: tt.remote, Host: tt.host})
		if served != tt.want {
			t.Errorf("from %s to %s: served %t", tt.remote, tt.host, served)
		}
	}
}

// discard is a writer of answers that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
