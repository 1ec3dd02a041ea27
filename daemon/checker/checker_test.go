package checker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

var _ Devices = devices.Set(nil)

type deviceFunc func(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error)

func (f deviceFunc) Check(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error) {
	return f(ctx, d, c)
}

func options(checks ...site.Check) Options {
	return Options{
		Store: site.Store{Checks: checks, Devices: []site.Device{{ID: "srv-1"}, {ID: "srv-2"}, {ID: "pinpad-1", Class: site.Observe}}},
		Log:   slog.New(slog.DiscardHandler),
		Sink:  func(context.Context, []site.CheckResult) {},
		Devices: deviceFunc(func(_ context.Context, _ site.Device, c site.Check) (site.CheckOutcome, string, error) {
			return site.Pass, c.Name + " runs", nil
		}),
	}
}

func one(t *testing.T, o Options, c site.Check) site.CheckResult {
	t.Helper()
	o.Store.Checks = []site.Check{c}
	now := time.Date(2026, 11, 23, 7, 41, 0, 0, time.UTC)
	got := New(o).Round(t.Context(), now)
	if len(got) != 1 || got[0].Check != c.ID || got[0].Device != c.Device || !got[0].At.Equal(now) {
		t.Fatalf("results: %+v", got)
	}
	return got[0]
}

// expect compares the outcome and what was seen; a want that ends in ... is the beginning of it.
func expect(t *testing.T, r site.CheckResult, outcome site.CheckOutcome, seen string) {
	t.Helper()
	begin, open := strings.CutSuffix(seen, "...")
	if r.Outcome != outcome || (r.Seen != seen && !(open && strings.HasPrefix(r.Seen, begin))) {
		t.Errorf("got %s %q, want %s %q", r.Outcome, r.Seen, outcome, seen)
	}
}

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"status":"up"}`) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", bodyLimit)+"up")
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/near", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/health", http.StatusFound) })
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusFound)
	})
	mux.HandleFunc("/torn", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	secure := httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	closed := httptest.NewServer(mux)
	closed.Close()

	tests := []struct {
		url, expect string
		outcome     site.CheckOutcome
		seen        string
	}{
		{srv.URL + "/health", "", site.Pass, "it answered 200 OK"},
		{srv.URL + "/health", `"up"`, site.Pass, `it answered 200 OK with the text "\"up\""`},
		{srv.URL + "/health", "down", site.Fail, `it answered 200 OK without the text "down"`},
		{srv.URL + "/long", "up", site.Fail, `it answered 200 OK without the text "up"`},
		{srv.URL + "/broken", "", site.Fail, "it answered 503 Service Unavailable"},
		{srv.URL + "/nothing", "", site.Fail, "it answered 404 Not Found"},
		{srv.URL + "/near", "", site.Pass, "it answered 200 OK"},
		{srv.URL + "/circle", "", site.Fail, "it redirects in a circle"},
		{srv.URL + "/away", "", site.Fail, "it redirects to another host, localhost"},
		{srv.URL + "/torn", "", site.Fail, "no usable answer: EOF"},
		{srv.URL + "/silent", "", site.Fail, "no answer within 100ms"},
		{closed.URL + "/health", "", site.Fail, "it refuses connections"},
		{secure.URL + "/health", "", site.Fail, "its certificate is signed by nobody whom this box trusts"},
		{"https://" + strings.TrimPrefix(srv.URL, "http://"), "", site.Fail, "no usable answer: http: server gave HTTP response to HTTPS client"},
		{"ftp://10.77.0.11/", "", site.Unknown, `"ftp://10.77.0.11/" is not an http or https address`},
		{"", "", site.Unknown, `"" is not an http or https address`},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			c := site.Check{ID: "POS-1", Device: "srv-1", Kind: site.CheckHTTP, URL: tt.url, Expect: tt.expect}
			if strings.HasSuffix(tt.url, "/silent") {
				c.Timeout = site.Duration(100 * time.Millisecond)
			}
			expect(t, one(t, options(), c), tt.outcome, tt.seen)
		})
	}
	trusting := options()
	trusting.TLS = secure.Client().Transport.(*http.Transport).TLSClientConfig
	expect(t, one(t, trusting, site.Check{ID: "POS-1", Kind: site.CheckHTTP, URL: secure.URL + "/health"}), site.Pass, "it answered 200 OK")
	trusting.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.Replace(address, "localhost", "127.0.0.1", 1)) // a bare machine knows no names
	}
	other := strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
	expect(t, one(t, trusting, site.Check{ID: "POS-1", Kind: site.CheckHTTP, URL: other}), site.Fail, "its certificate is for another name: ...")
}

func TestTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	expect(t, one(t, options(), site.Check{ID: "NET-1", Device: "pinpad-1", Kind: site.CheckTCP, Address: addr}), site.Pass, addr+" accepts connections")
	expect(t, one(t, options(), site.Check{ID: "NET-1", Kind: site.CheckTCP, Address: "10.77.0.1"}), site.Unknown, `"10.77.0.1" is not host:port`)

	tests := []struct {
		err     error
		outcome site.CheckOutcome
		seen    string
	}{
		{syscall.ECONNREFUSED, site.Fail, "it refuses connections"},
		{syscall.EHOSTUNREACH, site.Fail, "it is not on the network"},
		{syscall.ENETUNREACH, site.Unknown, "the box itself has no network to it"},
		{&net.DNSError{Name: "pos", IsNotFound: true}, site.Fail, "nobody knows the name pos"},
		{&net.DNSError{Name: "pos", Err: "i/o timeout", IsTimeout: true}, site.Unknown, "the name pos cannot be looked up: i/o timeout"},
		{context.DeadlineExceeded, site.Fail, "no answer within 10s"},
		{errors.New("strange"), site.Fail, "no usable answer: strange"},
	}
	for _, tt := range tests {
		o := options()
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }
		expect(t, one(t, o, site.Check{ID: "NET-1", Kind: site.CheckTCP, Address: "10.77.0.1:80"}), tt.outcome, tt.seen)
	}
}

func TestDevice(t *testing.T) {
	check := site.Check{ID: "POS-2", Device: "srv-1", Kind: site.CheckService, Name: "pos-app"}
	tests := []struct {
		name    string
		answer  deviceFunc
		check   func(*site.Check)
		outcome site.CheckOutcome
		seen    string
	}{
		{"passes", func(context.Context, site.Device, site.Check) (site.CheckOutcome, string, error) {
			return site.Pass, "active", nil
		}, nil, site.Pass, "active"},
		{"error", func(context.Context, site.Device, site.Check) (site.CheckOutcome, string, error) {
			return site.Pass, "", devices.Failure(site.CodeAuth, "it refuses the login")
		}, nil, site.Unknown, "srv-1 could not be asked: it refuses the login"},
		{"no outcome", func(context.Context, site.Device, site.Check) (site.CheckOutcome, string, error) {
			return "fine", "ok", nil
		}, nil, site.Unknown, `the device driver answered "fine", which is no outcome: ok`},
		{"panic", func(context.Context, site.Device, site.Check) (site.CheckOutcome, string, error) {
			panic("boom")
		}, nil, site.Unknown, "the check itself broke: boom"},
		{"no such device", nil, func(c *site.Check) { c.Device = "srv-9" }, site.Unknown, `the store file has no device "srv-9"`},
		{"no device", nil, func(c *site.Check) { c.Device = "" }, site.Unknown, `the store file has no device ""`},
		{"no such kind", nil, func(c *site.Check) { c.Kind = "ping" }, site.Unknown, `this box does not know the check kind "ping"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, c := options(), check
			if tt.answer != nil {
				o.Devices = tt.answer
			}
			if tt.check != nil {
				tt.check(&c)
			}
			expect(t, one(t, o, c), tt.outcome, tt.seen)
		})
	}
}

// pass lets the time of a synctest bubble go on.
func pass(d time.Duration) { <-time.After(d) }

// gauge counts how many checks run at once, of each device and in all.
type gauge struct {
	mu        sync.Mutex
	now, most map[string]int
}

func (g *gauge) Check(_ context.Context, d site.Device, _ site.Check) (site.CheckOutcome, string, error) {
	g.add(d.ID, 1)
	pass(time.Second)
	g.add(d.ID, -1)
	return site.Pass, "", nil
}

func (g *gauge) add(device string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range []string{device, "all"} {
		g.now[k] += n
		g.most[k] = max(g.most[k], g.now[k])
	}
}

func TestRoundIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{now: map[string]int{}, most: map[string]int{}}
		o := options()
		o.Devices, o.Parallel = g, 3
		for _, d := range []string{"srv-1", "srv-1", "srv-1", "srv-1", "srv-2", "srv-2", "srv-2"} {
			o.Store.Checks = append(o.Store.Checks, site.Check{ID: "A", Device: d, Kind: site.CheckDisk})
		}
		New(o).Round(t.Context(), time.Now())
		if g.most["srv-1"] != 2 || g.most["srv-2"] > 2 || g.most["all"] != 3 {
			t.Errorf("at once: %v", g.most)
		}
	})
}

func TestRoundCutShortIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(site.Check{ID: "A", Device: "srv-1", Kind: site.CheckDisk}, site.Check{ID: "B", Device: "srv-2", Kind: site.CheckDisk})
		o.Parallel = 1
		o.Devices = deviceFunc(func(ctx context.Context, _ site.Device, _ site.Check) (site.CheckOutcome, string, error) {
			<-ctx.Done()
			return site.Fail, "gave up", nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, r := range New(o).Round(ctx, time.Now()) {
			expect(t, r, site.Unknown, "not looked at: the round was cut short")
		}
	})
}

func TestRunKeepsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var rounds []time.Duration
		o := options(site.Check{ID: "A", Device: "srv-1", Kind: site.CheckDisk})
		o.Schedule = func(now time.Time) time.Time {
			if fixed := begun.Add(7 * time.Minute); now.Before(fixed) {
				return fixed
			}
			return time.Time{}
		}
		o.Devices = deviceFunc(func(context.Context, site.Device, site.Check) (site.CheckOutcome, string, error) {
			pass(2 * time.Second)
			return site.Pass, "", nil
		})
		o.Sink = func(_ context.Context, results []site.CheckResult) {
			rounds = append(rounds, results[0].At.Sub(begun))
		}
		c := New(o)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		pass(time.Minute)
		if want := begun.Add(5*time.Minute + 2*time.Second); !c.Next().Equal(want) {
			t.Errorf("next is %v, want %v", c.Next(), want)
		}
		c.Kick()
		pass(time.Second)
		c.Kick() // during the round: two kicks make one more round
		c.Kick()
		pass(12 * time.Minute)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		want := []time.Duration{0, 60 * time.Second, 62 * time.Second, 364 * time.Second, 420 * time.Second, 722 * time.Second}
		if len(rounds) != len(want) {
			t.Fatalf("rounds at %v, want %v", rounds, want)
		}
		for i := range want {
			if rounds[i] != want[i] {
				t.Fatalf("rounds at %v, want %v", rounds, want)
			}
		}
	})
}

func TestRunHandsOnNoTornRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(site.Check{ID: "A", Device: "srv-1", Kind: site.CheckDisk})
		o.Devices = deviceFunc(func(ctx context.Context, _ site.Device, _ site.Check) (site.CheckOutcome, string, error) {
			<-ctx.Done()
			return site.Unknown, "", ctx.Err()
		})
		o.Sink = func(context.Context, []site.CheckResult) { t.Error("a torn round was handed on") }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := New(o).Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestRoundsDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{now: map[string]int{}, most: map[string]int{}}
		o := options(site.Check{ID: "A", Device: "srv-1", Kind: site.CheckDisk})
		o.Devices = g
		c := New(o)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { c.Round(t.Context(), time.Now()) })
		}
		wg.Wait()
		if g.most["all"] != 1 {
			t.Errorf("%d rounds at once", g.most["all"])
		}
	})
}
