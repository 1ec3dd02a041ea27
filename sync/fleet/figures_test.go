package fleet

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// TestFigures measures against the broker of NIGHTFILL_BENCH_MQTT, one night of 2,000 stores in fast
// forward: what a bare subscriber takes that throws everything away, what is stored, the memory of
// the loaded board and the time to load it. scripts/bench-hq runs it.
func TestFigures(t *testing.T) {
	broker := os.Getenv("NIGHTFILL_BENCH_MQTT")
	if broker == "" {
		t.Skip("NIGHTFILL_BENCH_MQTT names no broker: scripts/bench-hq starts one")
	}
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	c := chain{stores: 2000, devices: 36, jobs: 1}
	if n, err := strconv.Atoi(os.Getenv("NIGHTFILL_BENCH_DEVICES")); err == nil {
		c.devices = n
	}
	began := cpuTime(t)
	bare := c.bareRate(t, u.Host)
	between := cpuTime(t)
	path := filepath.Join(t.TempDir(), "hq.db")
	stored := c.storedRate(t, broker, path)
	ended := cpuTime(t)
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(c.events()) }
	t.Logf("FIGURE bare paho subscriber: %.0f events/s, %.0f µs of CPU an event with its publishers", bare, each(between-began))
	t.Logf("FIGURE stored with SQLite: %.0f events/s, %.2f of the bare subscriber, %.0f µs of CPU an event with its publishers", stored, stored/bare, each(ended-between))
	c.loaded(t, broker, path)
}

// cpuTime returns the CPU time that this process used.
func cpuTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// bareRate returns how many events a second a paho subscriber takes that throws them away.
func (c chain) bareRate(t *testing.T, address string) float64 {
	var n atomic.Int64
	o := mqtt.NewClientOptions().AddBroker("tcp://" + address).SetClientID("bare").SetAutoReconnect(false).
		SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) { n.Add(1) })
	client := mqtt.NewClient(o)
	if token := client.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	defer client.Disconnect(250)
	if token := client.Subscribe(root+"+/evt", 1, nil); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	received := func() int { return int(n.Load()) }
	began := time.Now()
	c.play(t, address, 4, 40000, received)
	eventually(t, "the bare subscriber has everything", func() bool { return received() >= c.events() })
	return float64(c.events()) / time.Since(began).Seconds()
}

// storedRate returns how many events a second are on the disk.
func (c chain) storedRate(t *testing.T, broker, path string) float64 {
	db, err := database.Open(context.Background(), "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l := &lab{t: t, url: broker}
	f := l.start(db)
	defer f.stop()
	if to := os.Getenv("NIGHTFILL_BENCH_PROFILE"); to != "" {
		file, err := os.Create(to)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			t.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	received := func() int { return int(f.stored.Load()) }
	began := time.Now()
	c.play(t, strings.TrimPrefix(broker, "mqtt://"), 4, 40000, received)
	eventually(t, "everything is stored", func() bool { return received() >= c.events() })
	rate := float64(c.events()) / time.Since(began).Seconds()
	f.View(func(b *board.Board) {
		for id, s := range b.Stores {
			if len(s.Streams) != 1 || s.Streams[0].Stored != uint64(c.perStore()) {
				t.Errorf("store %s: %+v", id, s.Streams)
			}
		}
		if len(b.Stores) != c.stores {
			t.Errorf("%d stores on the board", len(b.Stores))
		}
	})
	return rate
}

// loaded measures a board that is loaded from the database.
func (c chain) loaded(t *testing.T, broker, path string) {
	db, err := database.Open(context.Background(), "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f, err := Open(context.Background(), Options{DB: db, Org: "acme", Broker: Broker{URL: broker}})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("FIGURE board of %d stores x %d devices loaded in %.1f s, %d MB of heap", c.stores, c.devices, took.Seconds(), (after.HeapAlloc-before.HeapAlloc)>>20)
	runtime.KeepAlive(f)
}
