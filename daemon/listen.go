package daemon

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

	"github.com/nightfill/nightfill/site"
	readypage "github.com/nightfill/nightfill/ui/ready"
)

// listener is one address with what is served there.
type listener struct {
	net.Listener
	handler http.Handler
	log     *slog.Logger
}

// listen opens the addresses of the store file. Either all of them are open or none.
func (d *Daemon) listen() ([]listener, error) {
	type page struct {
		name, address string
		handler       http.Handler
		tls           *tls.Config // nil = in the clear
	}
	wanted := []page{
		{"ready", d.Config.Listen.Ready, d.readyPage(), nil},
		{"metrics", d.Config.Listen.Metrics, d.metricsPage(), nil},
	}
	if d.console != nil {
		wanted = append(wanted, page{"console", d.Config.Listen.Console, d.console.Handler(), d.consoleTLS()})
	}
	var open []listener
	for _, w := range wanted {
		if w.address == "" {
			continue
		}
		l, err := net.Listen("tcp", w.address)
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
			return nil, fmt.Errorf("cannot listen on %s (listen.%s in the store file): %w; choose another address or write off", w.address, w.name, err)
		}
		d.Log.Info("listening", "page", w.name, "address", l.Addr().String())
		l = newCrowd(l)
		if w.tls != nil {
			l = tls.NewListener(l, w.tls)
		}
		open = append(open, listener{l, w.handler, d.Log})
	}
	return open, nil
}

func (d *Daemon) readyPage() http.Handler {
	o := readypage.Options{
		Report: d.reportIn, Language: d.store.Language, Next: d.checker.Next, Zone: d.store.Calendar.Zone, Store: d.store.ID + " " + d.store.Name, Log: d.Log,
		Check: func(context.Context) error {
			d.checker.Kick()
			return nil
		},
	}
	o.Contacts, o.NotTonight = d.store.Contacts, d.notTonight()
	if len(d.store.Contacts) > 0 {
		o.Call, o.Phone = d.store.Contacts[0].Name, d.store.Contacts[0].Phone
	}
	return timed(d.readyTook, readypage.Handler(o))
}

// metricsPage serves what machines watch. Profiles are for the box itself only.
func (d *Daemon) metricsPage() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.registry(), promhttp.HandlerOpts{}))
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

const stopWait = 3 * time.Second

// serve serves one listener until ctx ends. A slow reader holds up nothing but itself.
func serve(ctx context.Context, l listener) error {
	server := &http.Server{
		Handler: l.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug),
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

// verdicts are the values of the ready metric, one of which is 1.
func verdicts() []site.Verdict {
	return []site.Verdict{site.Ready, site.ReadyNotes, site.NotReady, site.Working, site.CannotTell}
}
