package daemon

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nightfill/nightfill/daemon/view"
)

// registry is what /metrics serves: all but the time that answers take is computed when it is asked
// for, from the same view as all other surfaces.
func (d *Daemon) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newMetrics(d.View, d.Version), d.readyTook)
	return r
}

// newReadyTook counts how long answers of the READY page take, from the request read to the last byte written.
func newReadyTook() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "nightfill_ready_page_seconds", Help: "How long the box takes over an answer of the READY page.",
		Buckets: []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1},
	})
}

// timed tells how long each answer took.
func timed(took prometheus.Observer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		next.ServeHTTP(w, r)
		took.Observe(time.Since(began).Seconds())
	})
}

// metrics collects the numbers of the store.
type metrics struct {
	view    func(context.Context) view.Facts
	version string

	build, ready, checkOK, checkedAt, device, windowOpen, windowCloses *prometheus.Desc
	catalogIssued, outbox, connected, records, clockTrusted            *prometheus.Desc
}

func newMetrics(now func(context.Context) view.Facts, version string) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("nightfill_"+name, help, labels, nil)
	}
	return &metrics{
		view: now, version: version,
		build:         desc("build_info", "The program that runs; always 1.", "version", "zone_data"),
		ready:         desc("ready_state", "1 for the verdict of the store, 0 for the others.", "state"),
		checkOK:       desc("check_ok", "1 while there is fresh proof of a readiness check; 0 when it failed, is too old or is not known.", "check"),
		checkedAt:     desc("check_last_run_timestamp_seconds", "When a readiness check was last carried out, since the box started.", "check"),
		device:        desc("device_patch_state", "1 for the state of each device.", "device", "state"),
		windowOpen:    desc("window_open", "1 while the maintenance window is open."),
		windowCloses:  desc("window_close_timestamp_seconds", "When this or the next maintenance window closes."),
		catalogIssued: desc("catalog_issued_timestamp_seconds", "When headquarters issued the catalog that the store goes by; 0 without one."),
		outbox:        desc("outbox_events", "Journal records that headquarters has not stored yet."),
		connected:     desc("mqtt_connected", "1 while a broker answers."),
		records:       desc("journal_records", "The newest sequence number of the journal."),
		clockTrusted:  desc("clock_trusted", "1 while the box trusts its clock."),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, out) }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	f := m.view(context.Background())
	s := view.StatusOf(f)
	gauge(m.build, 1, m.version, f.ZoneData)
	for _, v := range verdicts() {
		gauge(m.ready, one(v == f.Report.Verdict), string(v))
	}
	for _, l := range f.Report.Looked {
		gauge(m.checkOK, one(l.Good), l.Check)
		if !l.At.IsZero() {
			gauge(m.checkedAt, float64(l.At.Unix()), l.Check)
		}
	}
	for _, d := range view.Devices(f) {
		gauge(m.device, 1, d.Device, string(d.State))
	}
	gauge(m.windowOpen, one(s.Window.Open))
	if !s.Window.Closes.IsZero() {
		gauge(m.windowCloses, float64(s.Window.Closes.Unix()))
	}
	issued := 0.0
	if f.Catalog.Version > 0 {
		issued = float64(f.Catalog.Issued.Unix())
	}
	gauge(m.catalogIssued, issued)
	gauge(m.outbox, float64(f.Outbox))
	gauge(m.connected, one(f.Line.Connected))
	gauge(m.records, float64(f.Last))
	gauge(m.clockTrusted, one(f.State.Unsure == nil))
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
