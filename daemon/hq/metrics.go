package hq

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
)

const (
	collectLimit = 10 * time.Second
	maxPatches   = 50 // that have series of their own: the ones that break most
)

// counters count what no other part does.
type counters struct {
	logins, refused    atomic.Uint64
	messages, unspoken atomic.Uint64
}

func (c *counters) login(ok bool) {
	if ok {
		c.logins.Add(1)
		return
	}
	c.refused.Add(1)
}

func (c *counters) message(ok bool) {
	if ok {
		c.messages.Add(1)
		return
	}
	c.unspoken.Add(1)
}

// registry is what /metrics serves: everything is computed when it is asked for.
func (h *HQ) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newMetrics(h))
	return r
}

// metrics collects the numbers of headquarters.
type metrics struct {
	hq *HQ

	build, stores, buckets, opening, ready, heard, jobs, items         *prometheus.Desc
	tried, broke, ratio, exceptions                                    *prometheus.Desc
	events, repeats, refused, unreadable, gaps, queued, lag, connected *prometheus.Desc
	leader, load, catalogIssued, logins, messages                      *prometheus.Desc
}

func newMetrics(h *HQ) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("nightfill_hq_"+name, help, labels, nil)
	}
	return &metrics{
		hq:            h,
		build:         desc("build_info", "The program that runs; always 1.", "version", "org"),
		stores:        desc("stores", "Stores by their last verdict and by the line to them.", "verdict", "contact"),
		buckets:       desc("store_buckets", "Stores by how they stand tonight; the buckets add up to all stores.", "bucket"),
		opening:       desc("store_openings", "Stores by whether they will open ready; the answers add up to all stores.", "answer"),
		ready:         desc("store_ready", "1 for a store whose last verdict lets it open.", "store"),
		heard:         desc("store_heard_timestamp_seconds", "When a store was last heard; 0 = never.", "store"),
		jobs:          desc("run_devices", "Patches on devices by where they stand.", "state"),
		items:         desc("items", "What needs someone, by urgency, and whether somebody took it on.", "urgency", "taken"),
		tried:         desc("patch_ended", "Devices on which a patch ended, well or not, by class; the 50 patches that break most.", "patch", "class"),
		broke:         desc("patch_failed", "Devices on which a patch broke, by class.", "patch", "class"),
		ratio:         desc("patch_failure_ratio", "Share of the devices on which a patch broke, of those on which it ended.", "patch", "class"),
		exceptions:    desc("exceptions", "Entries in the register of exceptions.", "status"),
		events:        desc("events_stored_total", "Events of stores that this program stored."),
		repeats:       desc("events_repeated_total", "Events that came again and changed nothing."),
		refused:       desc("events_refused_total", "Events that were left out because of too many gaps; they come again."),
		unreadable:    desc("messages_unreadable_total", "Messages that could not be read."),
		gaps:          desc("gaps", "Holes in the histories of stores that are asked for."),
		queued:        desc("queued_messages", "Messages that wait to be read."),
		lag:           desc("ingest_lag_seconds", "How long the newest message waited until it was stored."),
		connected:     desc("mqtt_connected", "1 while a broker answers."),
		leader:        desc("leader", "1 where this program, of several, tells stores and people."),
		load:          desc("board_load_seconds", "How long it took to load the board at the start."),
		catalogIssued: desc("catalog_issued_timestamp_seconds", "When the newest catalog that headquarters read was issued; 0 without one."),
		logins:        desc("logins_total", "Attempts to log in that ended in a line of the audit log.", "outcome"),
		messages:      desc("messages_sent_total", "Messages to people about what needs someone.", "outcome"),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.build, m.stores, m.buckets, m.opening, m.ready, m.heard, m.jobs, m.items, m.tried, m.broke, m.ratio, m.exceptions, m.events, m.repeats, m.refused,
		m.unreadable, m.gaps, m.queued, m.lag, m.connected, m.leader, m.load, m.catalogIssued, m.logins, m.messages,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	c := collecting{out}
	h := m.hq
	s := h.fleet.Status()
	c.gauge(m.build, 1, h.Version, h.Config.Org)
	c.gauge(m.load, h.loaded.Seconds())
	c.counter(m.events, s.Events)
	c.counter(m.repeats, s.Repeats)
	c.counter(m.refused, s.Refused)
	c.counter(m.unreadable, s.Unreadable)
	c.gauge(m.gaps, float64(s.Gaps))
	c.gauge(m.queued, float64(s.Queued))
	c.gauge(m.lag, s.Lag.Seconds())
	c.gauge(m.connected, one(s.Connected))
	c.gauge(m.leader, one(s.Leader))
	issued := 0.0
	if a := h.Approved(); a.Version > 0 {
		issued = float64(a.Issued.Unix())
	}
	c.gauge(m.catalogIssued, issued)
	c.counter(m.logins, h.counters.logins.Load(), "ok")
	c.counter(m.logins, h.counters.refused.Load(), "refused")
	c.counter(m.messages, h.counters.messages.Load(), "ok")
	c.counter(m.messages, h.counters.unspoken.Load(), "failed")
	m.board(c)
	m.register(c)
}

// board collects what the stores told.
func (m *metrics) board(c collecting) {
	ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
	defer cancel()
	v, err := m.hq.look(ctx, time.Now())
	if err != nil {
		m.hq.Log.Error("cannot count the stores", "err", err)
		return
	}
	stores := map[[2]string]int{}
	for _, s := range v.Stores {
		verdict := cmp.Or(string(s.Verdict), string(site.CannotTell))
		stores[[2]string{verdict, s.Contact.State}]++
		c.gauge(m.ready, one(s.Verdict == site.Ready || s.Verdict == site.ReadyNotes), s.ID)
		heard := 0.0
		if !s.Contact.Heard.IsZero() {
			heard = float64(s.Contact.Heard.Unix())
		}
		c.gauge(m.heard, heard, s.ID)
	}
	for at, n := range stores {
		c.gauge(m.stores, float64(n), at[0], at[1])
	}
	for _, b := range v.Buckets {
		c.gauge(m.buckets, float64(b.Count), b.ID)
	}
	for _, o := range v.Opening {
		c.gauge(m.opening, float64(o.Count), o.ID)
	}
	m.attention(c, v)
	m.work(c, v)
}

func (m *metrics) attention(c collecting, v *overview.Overview) {
	count := map[[2]string]int{{"now", "no"}: 0, {"now", "yes"}: 0, {"today", "no"}: 0, {"today", "yes"}: 0}
	for _, i := range v.Items {
		taken := "no"
		if i.Acked != nil || i.Shelved != nil {
			taken = "yes"
		}
		count[[2]string{string(i.Urgency), taken}]++
	}
	for at, n := range count {
		c.gauge(m.items, float64(n), at[0], at[1])
	}
}

// work counts the patches on devices. Only the patches that break most have series of their own.
func (m *metrics) work(c collecting, v *overview.Overview) {
	patches := slices.Clone(v.Patches)
	slices.SortStableFunc(patches, func(a, b overview.Patch) int { return cmp.Or(b.Broke-a.Broke, b.Ended-a.Ended) })
	shown := map[string]bool{}
	for _, p := range patches[:min(len(patches), maxPatches)] {
		shown[p.ID] = true
	}
	states := map[site.State]int{}
	ended, broke := map[[2]string]int{}, map[[2]string]int{}
	m.hq.fleet.View(func(b *board.Board) {
		for _, s := range b.Stores {
			for _, d := range s.Devices {
				for _, j := range d.Jobs {
					states[j.State]++
					at := [2]string{j.Patch, cmp.Or(string(d.Now.Class), "unknown")}
					if !shown[j.Patch] {
						continue
					}
					switch j.State {
					case site.Failed, site.RolledBack, site.RollbackFailed:
						broke[at]++
						ended[at]++
					case site.Done:
						ended[at]++
					}
				}
			}
		}
	})
	for state, n := range states {
		c.gauge(m.jobs, float64(n), string(state))
	}
	for at, n := range ended {
		c.gauge(m.tried, float64(n), at[0], at[1])
		c.gauge(m.broke, float64(broke[at]), at[0], at[1])
		c.gauge(m.ratio, float64(broke[at])/float64(n), at[0], at[1])
	}
}

// register counts the exceptions.
func (m *metrics) register(c collecting) {
	ctx, cancel := context.WithTimeout(context.Background(), collectLimit)
	defer cancel()
	notes, err := m.hq.db.Notes(ctx, register.NoteKind)
	if err != nil {
		m.hq.Log.Error("cannot count the exceptions", "err", err)
		return
	}
	entries, _ := register.Read(notes) // what cannot be read is shown on its page
	count := map[register.Status]int{}
	for _, e := range entries {
		count[e.Status(time.Now())]++
	}
	for _, s := range register.Statuses() {
		c.gauge(m.exceptions, float64(count[s]), string(s))
	}
}

// collecting hands numbers to Prometheus.
type collecting struct{ out chan<- prometheus.Metric }

func (c collecting) gauge(d *prometheus.Desc, v float64, labels ...string) {
	c.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (c collecting) counter(d *prometheus.Desc, n uint64, labels ...string) {
	c.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
