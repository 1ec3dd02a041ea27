package hq

import (
	"crypto/tls"

	"github.com/nightfill/nightfill/daemon/serve"
)

// listen opens the addresses. Either all of them are open or none.
func (h *HQ) listen() ([]serve.Listener, error) {
	pages := serve.Page{Name: "listen", Address: h.Config.Listen, Handler: h.pages}
	if h.certificate != nil {
		pages.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: h.certificate.Get, NextProtos: []string{"http/1.1"}}
	}
	return serve.Open([]serve.Page{pages, {Name: "metrics", Address: h.Config.Metrics, Handler: serve.Metrics(h.registry(), h.notify.Silent)}}, h.Log)
}
