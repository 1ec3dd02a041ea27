package hq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The limits of a connection.
const (
	headerLimit = 5 * time.Second
	readLimit   = 30 * time.Second
	writeLimit  = 2 * time.Minute
	idleLimit   = time.Minute
	maxHeader   = 32 << 10
	stopWait    = 3 * time.Second
)

// listener is one address with what is served there.
type listener struct {
	net.Listener
	handler http.Handler
	log     *slog.Logger
}

// listen opens the addresses. Either all of them are open or none.
func (h *HQ) listen() ([]listener, error) {
	var open []listener
	for _, w := range []struct {
		name, address string
		handler       http.Handler
	}{{"listen", h.Config.Listen, lasting(h.pages)}, {"metrics", h.Config.Metrics, h.metricsPage()}} {
		if w.address == "" {
			continue
		}
		l, err := net.Listen("tcp", w.address)
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
			return nil, fmt.Errorf("cannot listen on %s (%s): %w; choose another address", w.address, w.name, err)
		}
		h.Log.Info("listening", "page", w.name, "address", l.Addr().String(), "encrypted", w.name == "listen" && h.certificate != nil)
		if w.name == "listen" && h.certificate != nil {
			l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: h.certificate.Get, NextProtos: []string{"http/1.1"}})
		}
		open = append(open, listener{l, w.handler, h.Log})
	}
	return open, nil
}

// lasting lifts the limits of a connection from answers that last: what follows the board has its own, and
// an export takes as long as its reader.
func lasting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			c := http.NewResponseController(w)
			_ = c.SetReadDeadline(time.Time{}) // a connection without deadlines keeps its own
			_ = c.SetWriteDeadline(time.Time{})
		}
		next.ServeHTTP(w, r)
	})
}

// metricsPage serves what machines watch. Profiles are for this machine only.
func (h *HQ) metricsPage() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /debug/pprof/", local(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", local(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", local(pprof.Trace))
	return mux
}

func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			http.NotFound(w, r)
			return
		}
		next(w, r)
	}
}

// serve serves one listener until ctx ends. A slow reader holds up nothing but itself.
func serve(ctx context.Context, l listener) error {
	server := &http.Server{
		Handler: l.handler, ReadHeaderTimeout: headerLimit, ReadTimeout: readLimit, WriteTimeout: writeLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
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
