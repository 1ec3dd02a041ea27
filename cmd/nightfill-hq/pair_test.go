package main

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

// realBroker is a mosquitto that can be killed and started again at the same address.
type realBroker struct {
	*testing.T
	program, conf, at string
	cmd               *exec.Cmd
}

// mosquitto starts a real broker on the loopback, with more lines in its file, or skips the test.
func mosquitto(t *testing.T, more string) *realBroker {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		t.Skip("mosquitto is not installed: scripts/hq-test installs it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	conf := write(t, t.TempDir(), "mosquitto.conf", fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nlog_type error\nuser root\n%s", at.Port, more))
	b := &realBroker{T: t, program: program, conf: conf, at: at.String()}
	b.start()
	t.Cleanup(b.kill)
	return b
}

func (b *realBroker) url() string { return "mqtt://" + b.at }

// start returns when it takes connections.
func (b *realBroker) start() {
	b.Helper()
	b.cmd = exec.Command(b.program, "-c", b.conf)
	if err := b.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	until(b.T, "the broker takes connections", func() bool {
		c, err := net.Dial("tcp", b.at)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// kill ends it as a power cut does.
func (b *realBroker) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

// leads reports whether a headquarters speaks for all of them, and whether it hears stores.
func (h *headquarters) leads() (leads, hears bool) {
	h.Helper()
	var v struct {
		Line struct{ Leader, Connected bool }
	}
	h.get("/api/v1/summary", &v)
	return v.Line.Leader, v.Line.Connected
}

// standings are what the page of the stores says of each.
func (h *headquarters) standings() string {
	h.Helper()
	var list struct {
		Stores []struct {
			ID, Bucket, Verdict string
			Settled, Total      int
		}
	}
	if status, text := h.get("/api/v1/stores", &list); status != http.StatusOK {
		h.Fatalf("%d %.300s", status, text)
	}
	return fmt.Sprint(list.Stores)
}

// TestPair has two headquarters share the work on one PostgreSQL, and kills each in turn while stores
// report: nothing is lost or doubled, one of them speaks for both, and both show the same.
func TestPair(t *testing.T) {
	address := databasetest.Schema(t)
	t.Parallel()
	broker, calls, marker := mosquitto(t, "").url(), newPager(t, "hush"), newPager(t, "hush")
	var args [2][]string
	for i := range args {
		dir := t.TempDir()
		write(t, dir, "secret", "hush")
		args[i] = fileOf(t, dir, broker, ", shared: pair", fmt.Sprintf("db: %q\nlogin: off\nwebhooks:\n  - {name: pager, url: %q, secret_file: secret}\n  - {name: marker, url: %q, secret_file: secret}\n"+
			"escalation:\n  - {after: 0s, for: [not_ready], webhooks: [pager]}\n  - {after: 0s, for: [alert], webhooks: [marker]}\n", address, calls.URL, marker.URL))
	}
	two := [2]*headquarters{start(t, args[0]...), start(t, args[1]...)}
	leader := func() int {
		found := -1
		until(t, "exactly one leads, and both hear", func() bool {
			a, hearsA := two[0].leads()
			b, hearsB := two[1].leads()
			found = 0
			if b {
				found = 1
			}
			return a != b && hearsA && hearsB
		})
		return found
	}
	leader()
	fleet := stores(t, broker, 4)
	for round := range 4 {
		before := fleet.Progress().Stored
		until(t, "more is stored", func() bool {
			p := fleet.Progress()
			return p.Stored > before+50 || p.Played == p.Stores
		})
		two[round%2].kill()
		two[round%2] = start(t, args[round%2]...)
	}
	// What died with a program between the broker and the disk comes again when the store has waited long enough.
	within(t, 4*patience, "all is stored", func() bool {
		p := fleet.Progress()
		return p.Played == p.Stores && p.Stored == p.Events
	})
	leader()

	desk, since := newFront(t, broker), time.Now().UTC()
	desk.opens("0142", "not_ready", since, map[string]any{"code": "POS-1", "what": "Till 1 is down", "blocks_trading": true})
	desk.flush()
	seen := [2]time.Time{}
	until(t, "both show what a store says", func() bool {
		for i, h := range two {
			if seen[i].IsZero() && strings.Contains(h.standings(), "{0142 needs_someone not_ready") {
				seen[i] = time.Now()
			}
		}
		return !seen[0].IsZero() && !seen[1].IsZero()
	})
	t.Logf("FIGURE two headquarters show what a store says %s apart", seen[1].Sub(seen[0]).Abs().Round(10*time.Millisecond))
	until(t, "both show the same board", func() bool { return two[0].standings() == two[1].standings() })
	until(t, "people are told", func() bool { n, _ := calls.heard(); return n > 0 })

	first := leader()
	two[first].kill()
	desk.tell("0142", "alert/UPS-1", map[string]any{"code": "UPS-1", "text": "The battery is old.", "since": since, "rev": 1})
	desk.flush()
	until(t, "the other one leads", func() bool { leads, _ := two[1-first].leads(); return leads })
	two[first] = start(t, args[first]...)
	until(t, "people are told by the other one", func() bool { n, _ := marker.heard(); return n > 0 })
	if leader() != 1-first {
		t.Error("the one that came back took the lead away")
	}
	until(t, "both show the same board again", func() bool { return two[0].standings() == two[1].standings() })
	two[0].stop()
	two[1].stop()
	for name, p := range map[string]*pager{"not ready": calls, "alert": marker} {
		// The leader that was killed may not have written down that it was heard: then the same message came again.
		if n, told := p.heard(); n > 2 || !slices.Equal(told, []string{"0142"}) {
			t.Errorf("%s: called %d times with %q", name, n, told)
		}
	}
	whole(t, address, fleet.Progress().Events)
}
