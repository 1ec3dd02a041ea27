package daemon

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/serve"
	"github.com/nightfill/nightfill/daemon/terminal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// consoled is a store whose console is on, with an open night in which a is done and b was taken back
// on till-1.
func consoled(t *testing.T) (*lab, *Daemon) {
	t.Helper()
	l := newLab(t, 1)
	l.publish()
	cfg := l.storeFile()
	cfg.Listen.Console = "127.0.0.1:0"
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	now := time.Now()
	patch := func(id string) site.Patch {
		return site.Patch{ID: id, Install: site.Install{Kind: site.InstallScript}, Rollback: site.Rollback{Class: site.RollbackScript}}
	}
	made := plan.Plan{
		Night: window.DateOf(now), Opens: now.Add(-time.Hour), Cutoff: now.Add(time.Hour), Closes: now.Add(2 * time.Hour),
		Members: []plan.Member{{Device: "till-1"}}, Patches: []site.Patch{patch("a"), patch("b")},
		Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "a"}, {Patch: "b"}}}},
	}
	for _, e := range []run.Event{
		{Kind: run.NightOpened, Plan: &made}, {Kind: run.PatchSettled, Device: "till-1", Patch: "a", To: site.Done},
		{Kind: run.PatchSettled, Device: "till-1", Patch: "b", To: site.RolledBack, Reason: site.Because(site.CodeVerifyFailed, "it broke")},
	} {
		e.At = now
		l.must(d.ledger.Add(e))
	}
	return l, d
}

// TestEveryVerbIsAudited gives every order of the table: each leaves a record of who gave it, and why
// where a reason is needed.
func TestEveryVerbIsAudited(t *testing.T) {
	l, d := consoled(t)
	defer d.journal.Close()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = d.desk.Run(ctx) })
	defer running.Wait()
	defer stop()
	rev := func() uint64 { return d.ledger.State().Rev("till-1") }
	all := []string{ // in an order in which each may be asked
		order.Check, order.Refresh, order.Diagnose, order.Hold, order.Release, order.Enrol, order.Retry, order.RollBack, order.Shell, order.Restart,
	}
	for _, v := range order.Verbs() {
		if !slices.Contains(all, v.Name) {
			t.Errorf("%s is not tried here", v.Name)
		}
	}
	for _, verb := range all {
		o := order.Order{Verb: verb, Device: "till-1", Reason: "because of " + verb, Actor: "a.khan", Until: "4h", Rev: rev()}
		switch verb {
		case order.Retry:
			o.Patch = "b"
		case order.RollBack:
			l.must(d.ledger.Add(run.Event{Kind: run.PatchSettled, At: time.Now(), Device: "till-1", Patch: "b", To: site.Skipped}))
			o.Patch, o.Rev = "a", rev()
		case order.Shell:
			l.must(d.ledger.Add(run.Event{Kind: run.PatchSettled, At: time.Now(), Device: "till-1", Patch: "a", To: site.Skipped}, run.Event{Kind: run.NightClosed, At: time.Now()}))
			o.Rev = rev()
		case order.Restart:
			s, err := d.desk.On("till-1", "a.khan")
			l.must(err)
			s.End()
			l.until(d, "the terminal is closed", func(s run.State) bool { return len(s.Hands) == 0 })
			o.Rev = rev()
		case order.Enrol:
			o.Key = d.store.Devices[0].HostKey
		case order.Check, order.Refresh:
			o.Device = ""
		}
		before := d.journal.Last()
		done, err := desk{d}.Act(t.Context(), o)
		for errors.Is(err, terminal.ErrStopped) { // until Run runs
			done, err = desk{d}.Act(t.Context(), o)
		}
		if err != nil || done.Say == "" {
			t.Errorf("%s: %+v, %v", verb, done, err)
			continue
		}
		records, err := d.journal.Since(before+1, 100)
		l.must(err)
		if !slices.ContainsFunc(records, func(r run.Record) bool {
			e := r.Event
			return e.Actor == "a.khan" && (e.Text == o.Reason || e.Why == o.Reason)
		}) {
			t.Errorf("%s: no record says who asked and why: %+v", verb, records)
		}
		if !looks(verb) && rev() == o.Rev {
			t.Errorf("%s: the device is of the same revision as before", verb)
		}
		if verb == order.Shell {
			continue // it is refused because of itself
		}
		o.Rev = 1
		if _, err := (desk{d}).Act(t.Context(), o); !looks(verb) && (err == nil || !strings.Contains(err.Error(), "changed since you looked")) {
			t.Errorf("%s of what was long ago: %v", verb, err)
		}
	}
}

// looks reports whether a verb changes no device.
func looks(verb string) bool {
	return slices.Contains([]string{order.Check, order.Diagnose, order.Refresh}, verb)
}

func TestOrdersThatCannotBe(t *testing.T) {
	_, d := consoled(t)
	defer d.journal.Close()
	for _, tt := range []struct {
		order order.Order
		want  string
	}{
		{order.Order{Verb: order.Hold, Until: "soon"}, `"soon" is not a moment: write it like 05:00 (store time), 4h, or 2026-11-22T05:00:00Z`},
		{order.Order{Verb: order.Hold, Until: "2020-01-01T00:00:00Z"}, "name a moment that is still to come"},
		{order.Order{Verb: order.Release}, "nothing holds till-1"},
		{order.Order{Verb: order.Enrol, Key: "x"}, "this is no host key for till-1"},
		{order.Order{Verb: order.Retry, Patch: "a"}, "a is done on till-1"},
		{order.Order{Verb: "explode"}, "this box cannot explode"},
	} {
		tt.order.Device, tt.order.Actor = "till-1", "a.khan"
		if _, err := (desk{d}).Act(t.Context(), tt.order); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %s", tt.order, err, tt.want)
		}
	}
}

// The other ports serve nothing of the console.
func TestOtherPorts(t *testing.T) {
	_, d := consoled(t)
	defer d.journal.Close()
	for name, page := range map[string]http.Handler{"ready": d.readyPage(), "metrics": serve.Metrics(d.registry(), d.notify.Silent)} {
		for _, path := range []string{"/console", "/console/ws", "/console/app/app.css", "/console/api/journal", "/console/login"} {
			w := httptest.NewRecorder()
			page.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != http.StatusNotFound {
				t.Errorf("%s of the %s page: %d", path, name, w.Code)
			}
		}
	}
}

// pipes is a listener in memory.
type pipes struct {
	lines chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case line := <-p.lines:
		return line, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Whoever sends a request a byte at a time is cut off.
func TestSlowloris(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{lines: make(chan net.Conn), done: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		var served sync.WaitGroup
		served.Go(func() {
			if err := serve.Serve(ctx, serve.At(p, http.NotFoundHandler(), quiet())); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		ours, theirs := net.Pipe()
		p.lines <- theirs
		began := time.Now()
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		for {
			if _, err := ours.Write([]byte("G")); err != nil {
				break
			}
			<-time.After(time.Second)
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("after %v", took)
		}
		stop()
		served.Wait()
	})
}

// TestConsoleOfARealBox logs in over HTTPS with the box's own certificate, follows the journal and holds
// a device; the status shows the fingerprint that a browser shows.
func TestConsoleOfARealBox(t *testing.T) {
	l, d := consoled(t)
	_, err := d.users.Add(t.Context(), accounts.New{Name: "a.khan", Role: site.UserTech, Password: "three blue bicycles"}, "me", time.Now())
	l.must(err)
	at, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	d.Config.Listen.Console = at.Addr().String()
	l.must(at.Close())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	trust := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		if s.Version < tls.VersionTLS12 || s.PeerCertificates[0].VerifyHostname("127.0.0.1") != nil {
			return errors.New("not as it should be")
		}
		return nil
	}}
	jar, err := cookiejar.New(nil)
	l.must(err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: trust}}
	base := "https://" + d.Config.Listen.Console
	var page *http.Response
	for {
		if page, err = client.PostForm(base+"/console/login", url.Values{"name": {"a.khan"}, "password": {"three blue bicycles"}}); err == nil {
			break
		}
	}
	text, err := io.ReadAll(bufio.NewReader(page.Body))
	l.must(err)
	if page.StatusCode != http.StatusOK || !strings.Contains(string(text), `href="/console/device/till-1"`) {
		t.Fatalf("%s\n%s", page.Status, text)
	}
	if s := d.consoleShown(); len(s.Fingerprint) != 95 || !s.Own || s.Until.Before(time.Now().AddDate(1, 11, 0)) {
		t.Errorf("shown: %+v", s)
	}
	dialer := websocket.Dialer{TLSClientConfig: trust, Jar: jar, Subprotocols: []string{live.Subprotocol}}
	ws, _, err := dialer.Dial("wss://"+d.Config.Listen.Console+"/console/ws", http.Header{"Origin": {base}})
	l.must(err)
	defer ws.Close()
	for _, f := range []map[string]any{
		{"t": "sub", "ch": "log", "since": d.journal.Last()},
		{"t": "act", "id": "1", "verb": "hold", "dev": "till-1", "until": "4h", "reason": "till in use", "store": "7"},
	} {
		l.must(ws.WriteJSON(f))
	}
	held, answered := false, false
	for !held || !answered {
		var f struct {
			T, Code, Say string
			D            run.Event
		}
		l.must(ws.ReadJSON(&f))
		held = held || f.T == "ev" && f.D.Kind == run.HoldSet && f.D.Actor == "a.khan" && f.D.Text == "till in use"
		if answered = answered || f.T == "act.ok"; f.T == "act.err" {
			t.Fatalf("%+v", f)
		}
	}
}
