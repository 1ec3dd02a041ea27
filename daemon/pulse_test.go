package daemon

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site/run"
)

// manager is a systemd that listens.
type manager struct {
	*testing.T
	conn *net.UnixConn
}

// supervised makes this process one that a systemd looks after, and watches with so much patience.
func supervised(t *testing.T, patience string) manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // short: a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", address.Name)
	t.Setenv("WATCHDOG_USEC", patience)
	t.Setenv("WATCHDOG_PID", "")
	return manager{t, conn}
}

// hears waits for a message that begins so.
func (m manager) hears(what string) {
	m.Helper()
	if m.count(what, 1, 30*time.Second) == 0 {
		m.Fatalf("systemd never heard %s", what)
	}
}

// count counts such messages until there are enough or the time is up.
func (m manager) count(what string, enough int, within time.Duration) int {
	m.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		m.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for n := 0; ; {
		size, err := m.conn.Read(buffer)
		if err != nil {
			return n
		}
		if strings.HasPrefix(string(buffer[:size]), what) {
			if n++; n == enough {
				return n
			}
		}
	}
}

// TestAJournalThatHangsIsNoLife has a journal that does not come back from writing, as on a disk that hangs.
func TestAJournalThatHangsIsNoLife(t *testing.T) {
	systemd := supervised(t, "300000")
	l := newLab(t, 1)
	l.publish()
	d, stop := l.start(l.storeFile())
	systemd.hears("READY=1")
	systemd.hears("WATCHDOG=1")
	hangs, heal := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := d.ledger.Commit(func(run.State) []run.Event {
			close(hangs)
			<-heal
			return nil
		})
		ended <- err
	}()
	<-hangs
	if n := systemd.count("WATCHDOG=1", 3, time.Second); n == 3 {
		t.Error("a box whose journal hangs shows signs of life")
	}
	close(heal)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	systemd.hears("WATCHDOG=1")
	stop()
}

// TestStoppingIsSaidFirst stops a box that takes its time.
func TestStoppingIsSaidFirst(t *testing.T) {
	systemd := supervised(t, "")
	l := newLab(t, 1)
	l.publish()
	d, stop := l.start(l.storeFile())
	systemd.hears("READY=1")
	d.mu.Lock() // nothing that looks at the devices can end
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	systemd.hears("STOPPING=1")
	select {
	case <-stopped:
		t.Error("the box had stopped before systemd heard of it")
	default:
	}
	d.mu.Unlock()
	<-stopped
}

// status waits for the first status line that has a text in it, or has it not.
func (m manager) status(text string, in bool, within time.Duration) {
	m.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		m.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		size, err := m.conn.Read(buffer)
		if err != nil {
			m.Fatalf("no status line within %s that has %q: %t", within, text, in)
		}
		if line := string(buffer[:size]); strings.HasPrefix(line, "STATUS=") && strings.Contains(line, text) == in {
			return
		}
	}
}

// TestStatusLineKnowsOfTheBroker has a broker that comes late, and one that goes.
func TestStatusLineKnowsOfTheBroker(t *testing.T) {
	systemd := supervised(t, "")
	l := newLab(t, 1)
	l.publish()
	l.storeFile()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	broker := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	l.must(broker.AddHook(new(auth.AllowHook), nil))
	l.must(broker.AddListener(listeners.NewNet("plain", port)))
	text, err := os.ReadFile(l.dir + "/store.yaml")
	l.must(err)
	l.write("mqtt-password", "word\n")
	file, err := config.Load(l.write("store.yaml", string(text)+"mqtt: {url: \"mqtt://"+port.Addr().String()+"\", username: store-7, password_file: mqtt-password}\n"))
	l.must(err)
	_, stop := l.start(file)
	systemd.status("headquarters not reached", true, 30*time.Second)
	l.must(broker.Serve())
	systemd.status("headquarters not reached", false, 30*time.Second)
	l.must(broker.Close())
	systemd.status("headquarters not reached", true, statusEvery/3)
	stop()
}
