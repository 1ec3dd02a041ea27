package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/daemon/hq/audit/audittest"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/fleet"
)

const (
	manyStores  = 2000
	manyDevices = 36
)

// night is one night of a store in which every device gets the patch of the past's catalog.
func (h *headquarters) night() []run.Event {
	opens := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	c := h.Catalog.Last()
	patch := c.Patches[0].Patch
	note := run.CatalogNote{Version: c.Version, Issued: c.Issued, Digest: c.Digest, Patches: []string{patch.ID}}
	n := plan.Plan{Night: evidencetest.Night().AddDays(1), Opens: opens, Closes: opens.Add(6 * time.Hour), Cutoff: opens.Add(5 * time.Hour), Catalog: c.Version, Patches: []site.Patch{patch}}
	var looks, steps []run.Event
	for i := range manyDevices {
		device := fmt.Sprintf("till-%d", i+1)
		n.Lanes = append(n.Lanes, plan.Lane{Device: device, Jobs: []plan.Job{{Patch: patch.ID, Begins: opens, Ends: opens.Add(time.Hour)}}})
		seen := func(version string) *site.Observation {
			return &site.Observation{Device: device, At: opens, Packages: map[string]string{"pos": version}, Recorded: map[string]string{patch.ID: policy.Digest(patch)}}
		}
		looks = append(looks, run.Event{Kind: run.DeviceObserved, Device: device, Observed: seen("4.2.0")})
		for _, e := range []run.Event{
			{Kind: run.StepStarted, Step: run.Install, To: site.Installing, Observed: seen("4.2.0")}, {Kind: run.StepEnded, Step: run.Install, To: site.Verifying, Outcome: run.OK},
			{Kind: run.StepEnded, Step: run.Verify, To: site.Done, Outcome: run.OK, Output: "proven: pos-4.2.1 is on and works\n", Observed: seen("4.2.1")},
		} {
			e.Device, e.Patch, e.Attempt, e.Work = device, patch.ID, 1, "w-"+string(e.Step)+"-"+device
			steps = append(steps, e)
		}
	}
	events := append([]run.Event{{Kind: run.CatalogUpdated, Catalog: &note}, {Kind: run.NightOpened, Plan: &n}}, append(looks, steps...)...)
	events = append(events, run.Event{Kind: run.NightClosed, Text: "it is over"})
	for i := range events {
		events[i].Night, events[i].At = n.Night, opens.Add(time.Duration(i)*time.Second)
	}
	events[0].Night = events[0].Night.AddDays(-1)
	return events
}

// many tells the database of a whole chain.
func (h *headquarters) many(b *testing.B) {
	var bodies [][]byte
	for _, e := range h.night() {
		bodies = append(bodies, mustJSON(b, e))
	}
	h.Store.Devices = nil
	for i := range manyDevices {
		h.Store.Devices = append(h.Store.Devices, site.Device{ID: fmt.Sprintf("till-%d", i+1), Class: site.LinuxServer, Model: "hp-rp5810", Groups: []string{"lanes"}})
	}
	received := evidencetest.AsOf().Add(-time.Hour)
	for i := range manyStores {
		store, prev := fmt.Sprintf("%04d", i+1), ""
		batch := audittest.Describe(h.Past, store)
		for seq, body := range bodies {
			r := journal.Raw{Seq: uint64(seq) + 1, Prev: prev, Hash: journal.Hash(uint64(seq)+1, prev, body), Event: body}
			batch = append(batch, audittest.Message(store, h.Journal.Stream(), r, received))
			prev = r.Hash
		}
		h.tell(b, batch...)
	}
}

// peak notes how much memory the heap took while something was written.
type peak struct {
	io.Writer
	n    int
	heap uint64
}

// Write implements io.Writer.
func (p *peak) Write(b []byte) (int, error) {
	if p.n++; p.n%32 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.heap = max(p.heap, m.HeapInuse)
	}
	return p.Writer.Write(b)
}

// spent is how much of the processors the program used so far, whatever else the machine does.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs what is measured and reports how much of the processors it took.
func measure(b *testing.B, do func()) {
	before := spent(b)
	for range b.N {
		do()
	}
	b.ReportMetric((spent(b)-before).Seconds()/float64(b.N), "cpu-s/op")
}

// BenchmarkChain makes a pack of 2,000 stores with 36 devices each, checks it, and exports its 72,000 rows.
func BenchmarkChain(b *testing.B) {
	h := hear(b)
	h.many(b)
	path := filepath.Join(b.TempDir(), "pack.zip")
	b.Run("pack", func(b *testing.B) {
		measure(b, func() {
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			runtime.GC()
			w := &peak{Writer: f}
			done, err := h.auditor().Write(context.Background(), w, order())
			if err != nil || len(done.Manifest.Stores) != manyStores || done.Manifest.Compliance.Results["installed"] != manyStores*manyDevices {
				b.Fatalf("%v %d %+v", err, len(done.Manifest.Stores), done.Manifest.Compliance)
			}
			b.ReportMetric(float64(done.Bytes)/(1<<20), "MiB")
			b.ReportMetric(float64(w.heap)/(1<<20), "heap-MiB")
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("verify", func(b *testing.B) {
		measure(b, func() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			if v := proof.Verify(f, info.Size(), proof.Options{Root: h.Root, Version: "dev"}); !v.Good {
				b.Fatalf("%+v %+v", v.Checks, v.Stores[0])
			}
			f.Close()
		})
	})
	b.Run("csv", func(b *testing.B) {
		p := fleet.New(fleet.Options{Source: h.board(b), History: h.db, Now: evidencetest.AsOf, Register: h.db})
		measure(b, func() {
			rec := httptest.NewRecorder()
			p.ServeHTTP(rec, httptest.NewRequest("GET", "/export/compliance.csv", nil))
			if rows := bytes.Count(rec.Body.Bytes(), []byte("\r\n")) - 1; rows != manyStores*manyDevices {
				b.Fatalf("%d rows", rows)
			}
		})
	})
}

// shown is a board that nobody changes.
type shown struct{ b *board.Board }

// View implements fleet.Source.
func (s shown) View(read func(*board.Board)) { read(s.b) }

// Changed implements fleet.Source.
func (s shown) Changed() <-chan struct{} { return nil }

func (h *headquarters) board(b *testing.B) shown {
	all := board.NewBoard("acme")
	err := h.db.EachFact(context.Background(), func(store string, f feed.Held) error {
		all.Apply(store, f.Fact, f.Received)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return shown{all}
}
