package console_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Only a page of the console itself opens a websocket.
func TestForeignOrigin(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserAdmin)
	host := strings.TrimPrefix(r.server.URL, "https://")
	for _, origin := range []string{"", "null", "https://evil.example", "http://" + host, "https://" + host + ".evil.example", "https://127.0.0.1", "https://user@evil.example"} {
		_, response, err := r.dial(origin)
		if err == nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("%q: %v, %v", origin, response, err)
		}
	}
	r.open()
}

func TestSocketsAreLimited(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits live.Limits
	}{{"of an address", func() live.Limits { l := live.Usual(); l.PerAddress = 3; return l }()}, {"in all", func() live.Limits { l := live.Usual(); l.Sockets = 3; return l }()}} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.limits)
			r.login(site.UserViewer)
			first := r.open()
			for range 2 {
				r.open()
			}
			if _, response, err := r.dial(r.server.URL); err == nil || response.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("the fourth: %v, %v", response, err)
			}
			_ = first.Close()
			for { // until the box has noticed
				if l, _, err := r.dial(r.server.URL); err == nil {
					_ = l.Close()
					return
				}
			}
		})
	}
	if l := live.Usual(); l.PerAddress != 20 || l.Sockets != 64 || l.Frame != 64<<10 {
		t.Errorf("the usual limits are %+v", l)
	}
}

func TestFramesAreLimited(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserViewer)
	l := r.open()
	l.say(map[string]any{"t": "sub", "ch": "nothing"})
	if f := l.next(); f.T != "err" || f.Say != "there is no channel nothing" {
		t.Errorf("got %+v", f)
	}
	if err := l.WriteMessage(websocket.TextMessage, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if f := l.next(); f.T != "err" || f.Say != "this is no frame of nightfill.console.v1" {
		t.Errorf("got %+v", f)
	}
	l.say(map[string]any{"t": "pong", "x": strings.Repeat("x", 64<<10)})
	if f := l.next(); f.T != "" {
		t.Errorf("after a frame that is too large: %+v", f)
	}
	d := websocket.Dialer{TLSClientConfig: r.server.Client().Transport.(*http.Transport).TLSClientConfig, Subprotocols: []string{"other"}}
	conn, _, err := d.Dial("wss"+strings.TrimPrefix(r.server.URL, "https")+"/console/ws", http.Header{"Cookie": {r.cookies()}, "Origin": {r.server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseProtocolError) {
		t.Errorf("another protocol: %v", err)
	}
}

// Documents come once, then only those that changed.
func TestDocuments(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserViewer)
	l := r.open()
	l.say(map[string]any{"t": "sub", "ch": "dev"})
	for _, want := range []string{"srv-1", "till-1"} {
		if f := l.next(); f.T != "ev" || f.Ch != "dev" || f.Dev != want {
			t.Fatalf("got %+v, want %s", f, want)
		}
	}
	if f := l.next(); f.T != "synced" || f.Ch != "dev" {
		t.Fatalf("got %+v", f)
	}
	r.shop.add(run.Event{Kind: run.DaemonStarted}, run.Event{Kind: run.HoldSet, Device: "till-1"})
	if f := l.next(); f.Dev != "till-1" || !strings.Contains(string(f.D), `"rev":2`) {
		t.Errorf("got %+v", f)
	}
	for _, ch := range []string{"store", "ready", "night"} {
		l.say(map[string]any{"t": "sub", "ch": ch})
		if f := l.until("synced"); f.Ch != ch {
			t.Errorf("got %+v", f)
		}
	}
	l.say(map[string]any{"t": "unsub", "ch": "dev"})
	l.say(map[string]any{"t": "sub", "ch": "log"})
	l.say(map[string]any{"t": "nothing"})
	if f := l.next(); f.T != "err" {
		t.Errorf("a record from before: %+v", f)
	}
}

// A session that is over ends its sockets.
func TestSessionEnds(t *testing.T) {
	limits := live.Usual()
	limits.Ping = 10 * time.Millisecond
	r := newRig(t, limits)
	r.login(site.UserTech)
	l := r.open()
	r.do("POST", "/console/logout", nil)
	if f := l.until("bye"); f.Code != order.CodeSessionOver {
		t.Errorf("got %+v", f)
	}
	if _, _, err := l.ReadMessage(); !websocket.IsCloseError(err, 4401) {
		t.Errorf("got %v", err)
	}
}

// Who is too far behind, or asks for what is not kept any more, is told what is missing.
func TestGaps(t *testing.T) {
	limits := live.Usual()
	limits.Behind = 700
	r := newRig(t, limits)
	for range 1000 {
		r.shop.add(run.Event{Kind: run.DaemonStarted})
	}
	r.shop.first = 10
	r.login(site.UserViewer)
	l := r.open()
	for _, tt := range []struct {
		since, from, to, next uint64
	}{{0, 1, 500, 501}, {299, 300, 500, 501}, {300, 0, 0, 301}, {5000, 0, 0, 1001}} {
		l.say(map[string]any{"t": "sub", "ch": "log", "since": tt.since})
		f := frame{}
		if tt.next <= 1000 {
			f = l.next()
		}
		if f.T == "gap" {
			if f.From != tt.from || f.To != tt.to {
				t.Errorf("since %d: %+v", tt.since, f)
			}
			f = l.next()
		} else if tt.from > 0 {
			t.Errorf("since %d: no gap", tt.since)
		}
		for n := tt.next; n <= 1000; n++ {
			if f.Seq != n {
				t.Fatalf("since %d: got %+v, want %d", tt.since, f, n)
			}
			if n < 1000 {
				f = l.next()
			}
		}
	}
	r.shop.mu.Lock()
	r.shop.first = 400
	r.shop.mu.Unlock()
	l.say(map[string]any{"t": "sub", "ch": "log", "since": 350})
	if f := l.next(); f.T != "gap" || f.From != 351 || f.To != 399 {
		t.Errorf("got %+v", f)
	}
}

// Whoever does not read is dropped, and holds up nobody.
func TestSlowReader(t *testing.T) {
	limits := live.Usual()
	limits.Write = 50 * time.Millisecond
	limits.Sockets = 1
	r := newRig(t, limits)
	r.login(site.UserViewer)
	slow := r.open()
	slow.say(map[string]any{"t": "sub", "ch": "log", "since": 0})
	big := strings.Repeat("x", 1<<20)
	for range 24 {
		r.shop.add(run.Event{Kind: run.StepEnded, Output: big})
	}
	for { // the only place is free again when the slow one was dropped
		if l, _, err := r.dial(r.server.URL); err == nil {
			_ = l.Close()
			break
		}
	}
	for {
		if _, _, err := slow.ReadMessage(); err != nil {
			break
		}
	}
}

// TestCuts follows a journal over a line that is cut again and again: no record is lost, none comes twice.
func TestCuts(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserViewer)
	rapid.Check(t, func(rt *rapid.T) {
		r.shop.mu.Lock()
		r.shop.records, r.shop.first = nil, 1
		r.shop.mu.Unlock()
		total := rapid.IntRange(1, 600).Draw(rt, "records")
		cuts := rapid.SliceOfN(rapid.IntRange(0, 80), 0, 6).Draw(rt, "frames before each cut")
		seed := rapid.Uint64().Draw(rt, "seed")
		var writer sync.WaitGroup
		writer.Go(func() {
			dice := rand.New(rand.NewPCG(seed, 1))
			for n := 0; n < total; {
				events := make([]run.Event, min(total-n, 1+dice.IntN(40)))
				for i := range events {
					events[i] = run.Event{Kind: run.StepEnded, Attempt: n + i + 1}
				}
				n += len(events)
				r.shop.add(events...)
			}
		})
		defer writer.Wait()
		got := uint64(0)
		follow := func(most int) {
			l, _, err := r.dial(r.server.URL)
			if err != nil {
				rt.Fatal(err)
			}
			defer l.Close()
			l.next() // hello
			l.say(map[string]any{"t": "sub", "ch": "log", "since": got})
			for n := 0; n < most && got < uint64(total); n++ {
				f := l.next()
				if f.T != "ev" || f.Seq != got+1 || !strings.Contains(string(f.D), fmt.Sprintf(`"attempt":%d,`, f.Seq)) && !strings.Contains(string(f.D), fmt.Sprintf(`"attempt":%d}`, f.Seq)) {
					rt.Fatalf("after %d came %+v %s", got, f, f.D)
				}
				got = f.Seq
			}
		}
		for _, frames := range cuts {
			follow(frames)
		}
		follow(total + 1)
		if got != uint64(total) {
			rt.Fatalf("%d of %d records came", got, total)
		}
	})
}

// When the box stops, sockets are told and the console ends.
func TestStop(t *testing.T) {
	shop := newShop()
	c := console.New(console.Options{Box: shop, Journal: shop, Accounts: shop})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
}

// orders are the verbs that reached the box.
func (s *shop) verbs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var verbs []string
	for _, o := range s.orders {
		verbs = append(verbs, o.Verb)
	}
	return verbs
}

// An order that is sent again, over the same line or another, is done once.
func TestOrdersAreDoneOnce(t *testing.T) {
	r := newRig(t, live.Usual())
	r.shop.hang = make(chan struct{})
	r.login(site.UserTech)
	order := map[string]any{"t": "act", "id": "one", "verb": "diagnose", "dev": "srv-1"}
	first := r.open()
	first.say(order)
	for len(r.shop.verbs()) == 0 {
		<-time.After(time.Millisecond)
	}
	_ = first.Close()
	second := r.open()
	second.say(order)
	close(r.shop.hang)
	a := second.until("act.ok")
	second.say(order)
	b := second.until("act.ok")
	if a.ID != "one" || a.Say != b.Say || a.Who != "tech" || a.Verb != "diagnose" || !slices.Equal(r.shop.verbs(), []string{"diagnose"}) {
		t.Errorf("%+v, %+v, orders %v", a, b, r.shop.verbs())
	}
	// Another person's order of the same id is another order.
	r.client = r.browser()
	r.login(site.UserAdmin)
	third := r.open()
	third.say(order)
	if f := third.until("act.ok"); f.Who != "admin" || len(r.shop.verbs()) != 2 {
		t.Errorf("%+v, orders %v", f, r.shop.verbs())
	}
}
