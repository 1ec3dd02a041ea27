package main_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hardshipStore is a store of a few simulated devices, for nights that something makes hard. scripts/lab-test runs those.
func hardshipStore(t *testing.T, other ...func(*loadStore)) *loadStore {
	t.Helper()
	if os.Getenv("NIGHTFILL_LAB") == "" {
		t.Skip("a whole night under hardship takes long: run scripts/lab-test")
	}
	s := &loadStore{tb: t, dir: t.TempDir(), count: 4, down: "50%", on: "127.0.0.1"}
	for _, set := range other {
		set(s)
	}
	s.arrange()
	t.Cleanup(s.control.Close)
	return s
}

// wantNight wants every patch of the night done, and that the box answers its operator all the while.
func (s *loadStore) wantNight(t *testing.T) {
	t.Helper()
	want := fmt.Sprintf("%d done", 2*s.count)
	var slowest time.Duration
	until(t, patient, "the night is over", func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), quick)
		defer cancel()
		began := time.Now()
		status, err := s.control.Status(ctx)
		if err != nil {
			return false, err.Error()
		}
		slowest = max(slowest, time.Since(began))
		night := status.Night
		if night == nil || night.Open {
			return false, status.Text
		}
		if night.Summary != want {
			t.Errorf("the night says %q, want %q", night.Summary, want)
		}
		return true, ""
	})
	t.Logf("the operator waited %s at most", slowest.Round(time.Millisecond))
	if slowest > 2*time.Second {
		t.Error("the box was slow to answer its operator")
	}
}

// TestLabFewFiles is row 84 of the fault catalogue: the box may have 64 files open, and more connections than that come
// to its pages and stay. The night is as any other, and the pages answer once there is room.
func TestLabFewFiles(t *testing.T) {
	s := hardshipStore(t)
	s.box = start(t, s.dir, "nightfilld", "sh", "-c", `ulimit -n 64; exec "$0" --config store.yaml`, filepath.Join(built(t), "nightfilld"))
	until(t, quick, "nightfilld listens", func() (bool, string) { return answers(s.ready) && answers(s.console) && answers(s.metric), "" })
	ctx, stop := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	for n := range 180 {
		crowd.Go(func() { linger(ctx, fmt.Sprintf("127.0.0.1:%d", []int{s.ready, s.console, s.metric}[n%3])) })
	}
	s.wantNight(t)
	stop()
	crowd.Wait()
	until(t, quick, "the READY page answers", func() (bool, string) {
		_, header, err := get(s.ready, "/ready.json")
		return err == nil && header.Get("X-Ready") != "", fmt.Sprint(err)
	})
	if said := tail(s.box.log, 1<<20); strings.Contains(said, "too many open files") {
		t.Errorf("the box ran out of files:\n%s", said)
	}
	if code := s.box.stop(); code != 0 {
		t.Errorf("nightfilld ended with %d", code)
	}
}

// linger connects and says nothing, again and again.
func linger(ctx context.Context, address string) {
	for ctx.Err() == nil {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			pause(tick)
			continue
		}
		end := context.AfterFunc(ctx, func() { _ = c.Close() })
		_, _ = io.Copy(io.Discard, c)
		end()
		_ = c.Close()
	}
}

// TestLabLogThatStandsStill is row 83 of the fault catalogue: nobody reads the pipe that the box logs to, and it is told
// to say everything. The night is as any other, and the box ends when it is told to.
func TestLabLogThatStandsStill(t *testing.T) {
	s := hardshipStore(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fill(t, w)
	box := exec.Command(filepath.Join(built(t), "nightfilld"), "--config", "store.yaml", "--log-level", "debug")
	box.Dir, box.Stderr = s.dir, w
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	ended := make(chan error, 1)
	go func() { ended <- box.Wait() }()
	t.Cleanup(func() { _ = box.Process.Kill() })
	s.wantNight(t)
	if err := box.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("nightfilld ended with %v", err)
		}
	case <-time.After(quick):
		t.Error("nightfilld does not end")
	}
	if said, err := io.ReadAll(r); err != nil || len(bytes.TrimLeft(said, "x")) != 0 {
		t.Errorf("the pipe was read: %d bytes, %v", len(said), err)
	}
}

// fill writes to a pipe for as long as it takes something.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	if err := w.SetWriteDeadline(time.Now().Add(tick)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
			break
		}
	}
}
