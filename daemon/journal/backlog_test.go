package journal

import (
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/nightfill/nightfill/daemon/mqttline"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/uplink"
)

// watched is a journal as its sender sees it, which notes how it is read.
type watched struct {
	*Journal
	widest, held atomic.Int64
}

// Since implements uplink.Journal.
func (w *watched) Since(from uint64, limit int) ([]run.Record, error) {
	records, err := w.Journal.Since(from, limit)
	w.widest.Store(max(w.widest.Load(), int64(len(records))))
	w.held.Add(int64(w.db.Stats().OpenTxN))
	return records, err
}

// TestLabBacklog is row 38 of the fault catalogue: a million records wait for headquarters when a broker answers again. They
// are read by the page, no reading transaction is open while the network is waited for, memory stays bounded, and
// what is written meanwhile does not wait.
func TestLabBacklog(t *testing.T) {
	if os.Getenv("NIGHTFILL_LAB") == "" {
		t.Skip("a million records take long: run scripts/lab-test")
	}
	const waiting, sent, batch = 1_000_000, 40_000, 5_000
	j, err := Open(t.Context(), Options{Dir: t.TempDir(), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for n := range waiting / batch {
		var events []run.Event
		for i := range batch {
			events = append(events, run.Event{Kind: run.CheckEnded, At: began, Check: &site.CheckResult{Check: "POS-1", Outcome: site.Pass, At: began.Add(time.Duration(n*batch+i) * time.Second)}})
		}
		if _, err := j.Append(events, true); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d records after %s", j.Durable(), time.Since(began).Round(time.Second))
	line, err := mqttline.New(mqttline.Options{URL: broker(t)})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{Journal: j}
	up, err := uplink.New(uplink.Options{
		Broker: line, Org: "acme", Store: "0142", Journal: w, Rate: -1, Jitter: -1,
		Snapshots: func(context.Context) uplink.Snapshot { return uplink.Snapshot{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	ended := make(chan error, 2)
	go func() { ended <- up.Run(ctx) }()
	go func() { ended <- j.Run(ctx) }()
	var slowest time.Duration
	var most uint64
	written := 0
	for ; up.Status().Sent < sent && ctx.Err() == nil; written++ {
		began := time.Now()
		if _, err := j.Append([]run.Event{{Kind: run.DaemonStarted, At: began}}, true); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(began))
		if written%50 == 0 {
			most = max(most, heap())
		}
	}
	reached := up.Status().Sent
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	grown := (int64(most) - int64(before)) >> 20
	t.Logf("%d sent, %d written meanwhile, each within %s; %d records a page, %d MiB more in use", reached, written, slowest.Round(time.Millisecond), w.widest.Load(), grown)
	switch {
	case reached < sent:
		t.Errorf("only %d were sent", reached)
	case w.held.Load() != 0:
		t.Errorf("%d reading transactions were open after the records were read", w.held.Load())
	case w.widest.Load() > pageRecords:
		t.Errorf("%d records were read at once", w.widest.Load())
	case grown > 32:
		t.Errorf("%d MiB more are in use", grown)
	case slowest > 2*time.Second:
		t.Errorf("a record was written after %s", slowest)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// broker is the address of a broker that takes what comes.
func broker(t *testing.T) string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("test", socket)); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return "mqtt://" + socket.Addr().String()
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
