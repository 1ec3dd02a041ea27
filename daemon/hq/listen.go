package hq

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/daemon/serve"
)

// listen opens the addresses. Either all of them are open or none.
func (h *HQ) listen() ([]serve.Listener, error) {
	pages := serve.Page{Name: "listen", Address: h.Config.Listen, Handler: lasting(h.pages)}
	if h.certificate != nil {
		pages.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: h.certificate.Get, NextProtos: []string{"http/1.1"}}
	}
	return serve.Open([]serve.Page{pages, {Name: "metrics", Address: h.Config.Metrics, Handler: serve.Metrics(h.registry())}}, h.Log)
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
