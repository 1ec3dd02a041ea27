package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// broker is one that can be killed and started again at the same address.
type broker interface {
	start(t *testing.T)
	kill(t *testing.T)
	url() string
}

// brokers returns the kinds of broker that the test is to run with. The embedded one runs always.
func brokers() map[string]func(t *testing.T) broker {
	all := map[string]func(t *testing.T) broker{"embedded": func(t *testing.T) broker { return &embedded{port: freePort(t)} }}
	for _, name := range strings.Fields(os.Getenv("NIGHTFILL_TEST_BROKERS")) {
		switch name {
		case "mosquitto":
			all[name] = newMosquitto
		case "rabbitmq":
			all[name] = newRabbit
		}
	}
	return all
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// embedded is the broker inside the test. A kill ends it without its clients being told.
type embedded struct {
	port int
	end  func()
}

func (e *embedded) url() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", e.port) }

func (e *embedded) start(t *testing.T) {
	t.Helper()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the port is free", func() bool {
		return server.AddListener(listeners.NewTCP(listeners.Config{ID: "lab", Address: fmt.Sprintf("127.0.0.1:%d", e.port)})) == nil
	})
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	e.end = sync.OnceFunc(func() { server.Close() })
	t.Cleanup(e.end)
}

func (e *embedded) kill(*testing.T) { e.end() }

// program is a broker in a process of its own.
type program struct {
	port    int
	command func() *exec.Cmd
	cmd     *exec.Cmd
}

func (p *program) url() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", p.port) }

func (p *program) start(t *testing.T) {
	t.Helper()
	p.cmd = p.command()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.After(2 * time.Minute)
	for {
		probe, err := openShop(fmt.Sprintf("127.0.0.1:%d", p.port), "probe")
		if err == nil {
			probe.conn.Close()
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-limit:
			t.Fatalf("the broker takes no connections: %v", err)
		}
	}
}

func (p *program) kill(t *testing.T) {
	if p.cmd == nil {
		return
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Log(err)
	}
	_ = p.cmd.Wait()
	p.cmd = nil
}

func newMosquitto(t *testing.T) broker {
	dir, port := t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nlog_type error\nuser root\n", port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{port: port, command: func() *exec.Cmd { return exec.Command("mosquitto", "-c", conf) }}
	t.Cleanup(func() { p.kill(t) })
	return p
}

func newRabbit(t *testing.T) broker {
	dir, port, amqp, dist, names := t.TempDir(), freePort(t), freePort(t), freePort(t), freePort(t)
	for name, text := range map[string]string{
		"enabled_plugins": "[rabbitmq_mqtt].\n",
		"rabbitmq.conf": fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nmqtt.listeners.tcp.1 = 127.0.0.1:%d\nmqtt.allow_anonymous = true\nloopback_users = none\nlog.console.level = error\nmqtt.retained_message_store = rabbit_mqtt_retained_msg_store_dets\n",
			amqp, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{port: port, command: func() *exec.Cmd {
		cmd := exec.Command("/usr/lib/rabbitmq/bin/rabbitmq-server")
		cmd.Env = append(os.Environ(), "HOME="+dir, fmt.Sprintf("RABBITMQ_NODENAME=hq%d@localhost", port), "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
			"RABBITMQ_MNESIA_BASE="+dir+"/mnesia", "RABBITMQ_LOG_BASE="+dir+"/log", "RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/enabled_plugins",
			"RABBITMQ_CONFIG_FILE="+dir+"/rabbitmq", fmt.Sprintf("RABBITMQ_DIST_PORT=%d", dist), "ERL_EPMD_ADDRESS=127.0.0.1",
			fmt.Sprintf("ERL_EPMD_PORT=%d", names), "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1")
		return cmd
	}}
	t.Cleanup(func() {
		p.kill(t)
		// The one that this broker began; it takes a moment until it knows that the broker is gone.
		eventually(t, "epmd is gone", func() bool { return exec.Command("epmd", "-port", strconv.Itoa(names), "-kill").Run() == nil })
	})
	return p
}

// kills is how often the broker is killed in a test.
func kills(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("NIGHTFILL_TEST_KILLS")); err == nil {
		return n
	}
	return usual
}

// TestNothingIsLostOrDoubled lets real uplinks report to a headquarters that runs in a process of its
// own, while the broker and headquarters are killed again and again.
func TestNothingIsLostOrDoubled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes: scripts/hq-test runs it")
	}
	for name, make := range brokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := make(t)
			b.start(t)
			path := dbPath(t)
			hq := startProcess(t, b.url(), path)
			const stores = 5
			var journals []*journal
			for i := range stores {
				j := newJournal(fmt.Sprintf("S%d", i))
				journals = append(journals, j)
				j.link(t, b.url(), storeName(i))
			}
			write := func() {
				for _, j := range journals {
					for range 40 {
						j.write(run.Event{Kind: run.VerdictChanged, Text: fmt.Sprint(j.stream, " ", j.Durable()+1)})
					}
				}
			}
			rounds := 8
			if name == "rabbitmq" {
				rounds = 1 // it takes half a minute to start
			}
			for round := range kills(rounds) {
				write()
				<-time.After(time.Duration(100+round%7*150) * time.Millisecond)
				write()
				b.kill(t)
				write()
				b.start(t)
				if round%3 == 1 {
					hq.kill()
					write()
					hq = startProcess(t, b.url(), path)
				}
			}
			settled(t, path, journals, write)
			hq.kill()
			exactly(t, path, journals)
		})
	}
}

// settled waits until headquarters has everything and the stores are online, while they go on
// writing now and then.
func settled(t *testing.T, path string, journals []*journal, write func()) {
	t.Helper()
	db := openDB(t, path)
	defer db.Close()
	limit := time.After(4 * time.Minute)
	more := time.NewTicker(8 * time.Second)
	defer more.Stop()
	write()
	for {
		known, err := db.Stores(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		good := 0
		for i, j := range journals {
			for _, k := range known {
				if k.Store == storeName(i) && k.Contact.State == "online" && len(k.Streams) == 1 && k.Streams[0].Stored == j.Durable() {
					good++
				}
			}
		}
		if good == len(journals) {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-more.C:
			write()
		case <-limit:
			t.Fatalf("headquarters has not everything: %+v", known)
		}
	}
}

// exactly fails unless each event is stored once, and as its store wrote it.
func exactly(t *testing.T, path string, journals []*journal) {
	t.Helper()
	db := openDB(t, path)
	defer db.Close()
	for i, j := range journals {
		next := uint64(1)
		err := db.EachEvent(context.Background(), board.Query{Store: storeName(i)}, func(e board.Event) error {
			if want := fmt.Sprint(j.stream, " ", next); e.Seq != next || e.Event().Text != want || e.Hash != fmt.Sprintf("%064x", next) {
				t.Errorf("store %d: event %d stands where %d should: %s", i, e.Seq, next, e.Data)
			}
			next++
			return nil
		})
		if err != nil || next != j.Durable()+1 {
			t.Errorf("store %d: %d events, want %d, %v", i, next-1, j.Durable(), err)
		}
		known, err := db.Stores(context.Background(), storeName(i))
		if err != nil || len(known) != 1 || known[0].Streams[0].Lost != nil || known[0].Streams[0].Gaps != nil {
			t.Errorf("store %d: %+v %v", i, known, err)
		}
	}
}

// process is a headquarters that can be killed as kill -9 does.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
}

func startProcess(t *testing.T, url, path string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "-test.run", "^TestProcess$")}
	p.cmd.Env = append(os.Environ(), "NIGHTFILL_TEST_PROCESS="+url, "NIGHTFILL_TEST_PROCESS_DB="+path)
	p.cmd.Stderr = t.Output()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Log(err)
	}
	_ = p.cmd.Wait()
	p.cmd = nil
}

// TestProcess is not a test but the headquarters of the other tests, until it is killed.
func TestProcess(t *testing.T) {
	url := os.Getenv("NIGHTFILL_TEST_PROCESS")
	if url == "" {
		t.Skip("it is run by the other tests as a process of its own")
	}
	db, err := database.Open(context.Background(), "sqlite:"+os.Getenv("NIGHTFILL_TEST_PROCESS_DB"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var expected []board.Expected
	for i := range 5 {
		expected = append(expected, board.Expected{ID: storeName(i)})
	}
	f, err := Open(context.Background(), Options{DB: db, Org: "acme", Broker: at(url), Expected: expected, GapWait: 300 * time.Millisecond, RollWait: 2 * time.Second,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}
