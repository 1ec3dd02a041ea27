package fleet

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/wire"
)

// TestFigures measures against the broker of NIGHTFILL_BENCH_MQTT, one night of 2,000 stores in fast
// forward: what a bare subscriber takes that throws everything away, what is stored, the memory of
// the loaded board and the time to load it. scripts/bench-hq runs it, and starts the real program on the database
// that it leaves where NIGHTFILL_BENCH_DB says.
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
	if n, err := strconv.Atoi(os.Getenv("NIGHTFILL_BENCH_JOBS")); err == nil {
		c.jobs = n
	}
	began := cpuTime(t)
	bare := c.bareRate(t, u.Host)
	between := cpuTime(t)
	path := cmp.Or(os.Getenv("NIGHTFILL_BENCH_DB"), filepath.Join(t.TempDir(), "hq.db"))
	stored := c.storedRate(t, broker, path)
	ended := cpuTime(t)
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(c.events()) }
	t.Logf("FIGURE bare paho subscriber: %.0f events/s, %.0f µs of CPU an event with its publishers", bare, each(between-began))
	t.Logf("FIGURE stored with SQLite: %.0f events/s, %.2f of the bare subscriber, %.0f µs of CPU an event with its publishers", stored, stored/bare, each(ended-between))
	c.loaded(t, broker, path)
	c.plan(t, path, 3)
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
	c.snapshots(t, db)
	debug.FreeOSMemory()
	resident := memory(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f, err := Open(context.Background(), Options{DB: db, Org: "acme", Broker: at(broker)})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	debug.FreeOSMemory()
	runtime.ReadMemStats(&after)
	t.Logf("FIGURE board of %d stores x %d devices x %d patches loaded in %.1f s, %d MB of heap; the process grew from %d to %d MB", c.stores, c.devices, c.jobs,
		took.Seconds(), (after.HeapAlloc-before.HeapAlloc)>>20, resident, memory(t))
	runtime.KeepAlive(f)
}

// plan stores that every store opened its night once more, with so many patches for each device: a board of the size
// that stores have after some nights.
func (c chain) plan(t *testing.T, path string, patches int) {
	db, err := database.Open(context.Background(), "sqlite:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opened := chain{devices: c.devices, jobs: patches}.templates()[0]
	var batch []feed.Message
	for i := range c.stores {
		payload := opened.fill(nil, storeName(i), streamName(i), c.perStore()+1)
		m, err := wire.Read(root, wire.Arrival{Topic: root + storeName(i) + "/evt", Payload: payload, At: night()})
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, m)
	}
	for part := range slices.Chunk(batch, 100) {
		if _, err := db.Take(context.Background(), part); err != nil {
			t.Fatal(err)
		}
	}
}

// memory returns how much memory the process has, in MB.
func memory(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// snapshots stores what every store and every device keeps at the broker.
func (c chain) snapshots(t *testing.T, db *database.DB) {
	var names []string
	for d := range c.devices {
		names = append(names, strconv.Quote(deviceName(d)))
	}
	for i := range c.stores {
		store := storeName(i)
		all := []wire.Arrival{
			said(store, "state", `{"state":"online","online":1,"bd":57,"v":"nightfilld 1.4.0"}`),
			said(store, "info", fmt.Sprintf(`{"store":%q,"org":"acme","name":"Springfield %s","ring":"fleet","timezone":"America/Chicago","window":"23:00 to 05:00","software":"nightfilld 1.4.0","stream":%q,"devices":[%s],"rev":300}`, store, store, streamName(i), strings.Join(names, ","))),
			said(store, "ready", `{"verdict":"ready_notes","text":"You can open. One handheld is held.","fix":[],"notes":[{"code":"HH-1","device":"till-07","what":"Handheld 7 is held","since":"2026-11-21T22:00:00Z"}],"as_of":"2026-11-22T05:30:00Z","max_age_s":900,"rev":300}`),
			said(store, "night", `{"night":"2026-11-21","open":false,"opens":"2026-11-21T23:00:00Z","cutoff":"2026-11-22T04:15:00Z","closes":"2026-11-22T05:00:00Z","opened":"2026-11-21T23:00:01Z","closed":"2026-11-22T02:10:00Z","summary":"35 done, 1 held","total":36,"settled":36,"states":{"done":35,"held":1},"rev":300}`),
		}
		for d := range c.devices {
			all = append(all, said(store, "d/"+deviceName(d), fmt.Sprintf(`{"device":%q,"class":"linux-server","model":"VENDOR X200","groups":["lanes","front"],"title":"POS application","patch":"pos-app-4.2.1","installed_version":"4.2.%d","latest_version":"4.2.1","state":"done","since":"2026-11-22T01:19:40Z","last_state":"done","answers":true,"seen_at":"2026-11-22T05:29:40Z","system":"Debian GNU/Linux 12 (bookworm)","rev":300}`, deviceName(d), d)))
		}
		var batch []feed.Message
		for _, a := range all {
			m, err := wire.Read(root, a)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, m)
		}
		for d := range c.devices {
			batch = append(batch, feed.Message{Store: store, Received: night(), Facts: []board.Fact{{Kind: board.KindObserved, Name: deviceName(d), Mark: board.Mark{Seq: 300},
				Body: []byte(`{"at":"2026-11-22T05:29:40Z","boot_id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","system":"Debian GNU/Linux 12 (bookworm)","disk_free":41234567890}`)}}})
		}
		if _, err := db.Take(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
}
