package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// listen makes the socket of a systemd and puts it into the environment.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // short: a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "")
	t.Setenv("WATCHDOG_PID", "")
	return conn
}

// heard returns the next message.
func heard(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestMessages(t *testing.T) {
	conn := listen(t)
	n := New(quiet())
	if !n.Supervised() || n.Watched() {
		t.Fatalf("supervised %v, watched %v", n.Supervised(), n.Watched())
	}
	long := strings.Repeat("ü", MaxStatus+1)
	for _, tell := range []func() error{
		n.Ready,
		func() error { return n.Status("window 23:00-05:00 open, 14 of 36 done") },
		func() error { return n.Status("window 23:00-05:00 open, 14 of 36 done") }, // known already: not sent
		func() error { return n.Status("two lines\nWATCHDOG=1") },
		func() error { return n.Status(long) },
		func() error { return n.Status("bad \xff byte") },
		n.Stopping,
	} {
		if err := tell(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"READY=1",
		"STATUS=window 23:00-05:00 open, 14 of 36 done",
		"STATUS=two lines WATCHDOG=1",
		"STATUS=" + strings.Repeat("ü", MaxStatus-1) + "…",
		"STATUS=bad \uFFFD byte",
		"STOPPING=1",
	}
	for _, w := range want {
		if got := heard(t, conn); got != w {
			t.Errorf("heard %q, want %q", got, w)
		}
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		t.Error("the environment was changed")
	}
}

func TestWhoSupervises(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	tests := []struct {
		name, socket, usec, pid string
		want                    string
		interval                time.Duration
	}{
		{"nobody", "", "", "", "not supervised: NOTIFY_SOCKET is not set", 0},
		{"nobody, but a watchdog is configured", "", "60000000", pid, "not supervised: NOTIFY_SOCKET is not set", 0},
		{"no watchdog", "/run/n", "", "", "supervised by systemd without a watchdog: WatchdogSec is not set", 0},
		{"watched", "/run/n", "60000000", pid, "supervised by systemd, which waits 1m0s for a sign of life", 20 * time.Second},
		{"watched, any process", "/run/n", "60000000", "", "supervised by systemd, which waits 1m0s for a sign of life", 20 * time.Second},
		{"another process is watched", "/run/n", "60000000", "1", "supervised by systemd without a watchdog: WATCHDOG_PID is 1 and this process is " + pid + ": let ExecStart name the program itself", 0},
		{"no number", "/run/n", "often", pid, `supervised by systemd without a watchdog: WATCHDOG_USEC cannot be used: error converting WATCHDOG_USEC: strconv.Atoi: parsing "often": invalid syntax`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NOTIFY_SOCKET", tt.socket)
			t.Setenv("WATCHDOG_USEC", tt.usec)
			t.Setenv("WATCHDOG_PID", tt.pid)
			n := New(quiet())
			if got := n.String(); got != tt.want {
				t.Errorf("String() = %q\nwant %q", got, tt.want)
			}
			if n.Interval() != tt.interval || n.Watched() != (tt.interval > 0) || n.Supervised() != (tt.socket != "") {
				t.Errorf("interval %v, watched %v, supervised %v", n.Interval(), n.Watched(), n.Supervised())
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n := New(quiet())
	if err := errors.Join(n.Ready(), n.Status("x"), n.Stopping()); err != nil {
		t.Errorf("without a supervisor: %v", err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	n = New(quiet())
	if err := n.Ready(); err == nil || !strings.Contains(err.Error(), `cannot tell systemd "READY=1": dial unixgram`) {
		t.Errorf("a socket that is gone: %v", err)
	}
	if err := n.Status("x"); err == nil {
		t.Error("a lost status counts as told")
	}
}

// TestStuckSystemd fills the socket of a systemd that does not read: a message is given up, not waited for.
func TestStuckSystemd(t *testing.T) {
	listen(t)
	address := os.Getenv("NOTIFY_SOCKET")
	began := time.Now()
	var err error
	for range 10_000 {
		if err = write(address, daemonAlive, 20*time.Millisecond); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a socket that nobody reads: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

const daemonAlive = "WATCHDOG=1"

// watched is a Notifier in a bubble: what it says comes with the second in which it was said.
func watched(patience time.Duration, log io.Writer) (*Notifier, *[]string) {
	began := time.Now()
	said := &[]string{}
	n := &Notifier{log: slog.New(slog.NewTextHandler(log, nil)), watchdog: patience}
	n.send = func(message string) error {
		*said = append(*said, fmt.Sprintf("%v %s", time.Since(began), message))
		return nil
	}
	return n, said
}

func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(quiet())
		scheduler, journal := n.Heart("scheduler"), n.Heart("journal")
		for _, tt := range []struct {
			beats []*Heart
			want  []string
		}{
			{[]*Heart{scheduler, journal}, nil},
			{[]*Heart{scheduler}, []string{"journal"}},
			{nil, []string{"scheduler", "journal"}},
			{[]*Heart{journal}, []string{"scheduler"}},
		} {
			pass(time.Minute - time.Second)
			for _, h := range tt.beats {
				h.Beat()
			}
			pass(time.Second)
			if got := n.Silent(time.Minute); !slices.Equal(got, tt.want) {
				t.Errorf("after %v: %v, want %v", time.Since(scheduler.born), got, tt.want)
			}
		}
	})
}

func TestEveryHeartMustBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n, said := watched(time.Minute, &log)
		scheduler, journal := n.Heart("scheduler"), n.Heart("journal")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()

		at := func(second int, beats ...*Heart) {
			pass(time.Duration(second)*time.Second - time.Since(start()))
			for _, h := range beats {
				h.Beat()
			}
			synctest.Wait()
		}
		at(1, scheduler, journal) // alive at 20s
		at(21, scheduler)         // the journal is stuck at 40s
		at(59, journal)           // alive at 60s: the scheduler's beat still counts
		at(61, journal)           // the scheduler is stuck at 80s and 100s
		at(101, scheduler)        // alive at 120s
		at(141)                   // nobody beats at 140s
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		want := []string{"20s WATCHDOG=1", "1m0s WATCHDOG=1", "2m0s WATCHDOG=1"}
		if !slices.Equal(*said, want) {
			t.Errorf("said %v, want %v", *said, want)
		}
		for _, loops := range []string{"loops=journal", "loops=scheduler", `loops="scheduler journal"`} {
			if !strings.Contains(log.String(), loops) {
				t.Errorf("the log does not name %s:\n%s", loops, log.String())
			}
		}
	})
}

// start is when every bubble begins.
func start() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// pass lets the virtual time of a bubble pass.
func pass(d time.Duration) { <-time.After(d) }

func TestALostSignOfLifeIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n, _ := watched(30*time.Second, &log)
		tries := 0
		n.send = func(string) error { tries++; return errors.New("no buffer space") }
		h := n.Heart("scheduler")
		ctx, stop := context.WithTimeout(t.Context(), 25*time.Second)
		defer stop()
		go func() {
			for ctx.Err() == nil {
				h.Beat()
				pass(5 * time.Second)
			}
		}()
		if err := n.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		if tries != 2 || strings.Count(log.String(), "no buffer space") != 2 {
			t.Errorf("%d tries, log:\n%s", tries, log.String())
		}
		synctest.Wait()
		pass(10 * time.Second) // the beating loop ends
	})
}

func TestRunWithoutWatchdogOnlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, said := watched(0, io.Discard)
		ctx, stop := context.WithTimeout(t.Context(), 24*time.Hour)
		defer stop()
		if err := n.Run(ctx); err != nil || len(*said) > 0 {
			t.Errorf("Run = %v, said %v", err, *said)
		}
	})
}

// TestRunOverASocket proves the whole way once.
func TestRunOverASocket(t *testing.T) {
	conn := listen(t)
	t.Setenv("WATCHDOG_USEC", "30000")
	n := New(quiet())
	h := n.Heart("scheduler")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for range 3 {
		h.Beat()
		if got := heard(t, conn); got != daemonAlive {
			t.Errorf("heard %q", got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
