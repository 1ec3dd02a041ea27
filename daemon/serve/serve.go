// Package serve opens addresses and answers on them until it is told to stop, with the limits that
// keep a slow or hostile client from holding up anything but itself.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The limits of a connection.
const (
	HeaderLimit = 5 * time.Second // until the headers of a request are whole
	StopWait    = 3 * time.Second // for answers under way when it is told to stop

	readLimit  = 30 * time.Second
	writeLimit = 2 * time.Minute
	idleLimit  = 30 * time.Second
	maxHeader  = 16 << 10
)

// Page is what is served at an address.
type Page struct {
	Name    string // for the log
	Place   string // where the address stands, for errors; "" = Name
	Advice  string // what to do when it cannot be opened; "" = choose another address
	Address string // host:port; "" = it is not served
	Handler http.Handler
	TLS     *tls.Config // nil = in the clear
	// PerAddress is how many connections one address may have at once, this machine apart; 0 = any number.
	PerAddress int
	// Room is how many connections there may be together; who comes then waits until one has ended. 0 = any number.
	Room int
}

// Listener is an open address with what is served there.
type Listener struct {
	net.Listener
	handler http.Handler
	log     *slog.Logger
}

// At is what is served on a listener that is open already.
func At(l net.Listener, handler http.Handler, log *slog.Logger) Listener {
	return Listener{l, handler, log}
}

// Open opens the addresses of pages. Either all of them are open or none.
func Open(pages []Page, log *slog.Logger) ([]Listener, error) {
	var open []Listener
	for _, p := range pages {
		if p.Address == "" {
			continue
		}
		l, err := net.Listen("tcp", p.Address)
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
			return nil, p.refused(err)
		}
		log.Info("listening", "page", p.Name, "address", l.Addr().String(), "encrypted", p.TLS != nil)
		if p.PerAddress > 0 || p.Room > 0 {
			l = newCrowd(l, p.PerAddress, p.Room)
		}
		if p.TLS != nil {
			l = tls.NewListener(l, p.TLS)
		}
		open = append(open, At(l, p.Handler, log))
	}
	return open, nil
}

func (p Page) refused(err error) error {
	place, advice := p.Place, p.Advice
	if place == "" {
		place = p.Name
	}
	if advice == "" {
		advice = "choose another address"
	}
	return fmt.Errorf("cannot listen on %s (%s): %w; %s", p.Address, place, err, advice)
}

// Serve serves one listener until ctx ends; requests under way then have StopWait. A request's context
// ends with ctx.
func Serve(ctx context.Context, l Listener) error {
	server := &http.Server{
		Handler: plain(l.handler), ReadHeaderTimeout: HeaderLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopWait)
	defer cancel()
	err := server.Shutdown(stopping)
	if err != nil {
		err = server.Close()
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		return served
	}
	return err
}

// plain puts on every answer what all of a program have: nobody keeps it, no browser takes it for something else,
// and no page of another site sees it. A page may say otherwise.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// patience is how long a core loop may do nothing before the program does not count as healthy.
const patience = time.Minute

// Metrics serves what machines watch: /metrics, /healthz, and profiles, which only this machine may
// ask for. /healthz is 503 while silent, which returns what did no work for so long, names something.
func Metrics(from prometheus.Gatherer, silent func(time.Duration) []string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if stuck := silent(patience); len(stuck) > 0 {
			http.Error(w, fmt.Sprintf("no work was done for %v by: %s", patience, strings.Join(stuck, " ")), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /debug/pprof/", local(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", local(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", local(pprof.Trace))
	return mux
}

// local is for requests of this machine to this machine by its own name: a browser here may be sent by a page
// whose name leads here.
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, _, err := net.SplitHostPort(r.RemoteAddr)
		to := r.Host
		if name, _, err := net.SplitHostPort(to); err == nil {
			to = name
		}
		if err != nil || !loopback(from) || to != "localhost" && !loopback(strings.Trim(to, "[]")) {
			http.NotFound(w, r)
			return
		}
		next(w, r)
	}
}

// loopback reports whether text is an address of this machine for itself.
func loopback(text string) bool {
	ip := net.ParseIP(text)
	return ip != nil && ip.IsLoopback()
}
