package main_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// pollEvery is how often a tablet asks: thirty times as often as the READY page does.
const pollEvery = time.Second

// polled is what tablets saw of the READY page.
type polled struct {
	took   []time.Duration // from the request written to the first byte of its answer, sorted
	failed int
	wall   time.Duration
}

func (p polled) quantile(q float64) time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	return p.took[min(len(p.took)-1, int(q*float64(len(p.took))))]
}

func (p polled) rate() float64 { return float64(len(p.took)) / p.wall.Seconds() }

// poll has tablets open the page and ask for it again and again, every other time as JSON, until ctx
// ends. What it returns waits for them.
func (s *loadStore) poll(ctx context.Context, tablets int) func() polled {
	began, each := time.Now(), make([]polled, tablets)
	var all sync.WaitGroup
	for n := range each {
		all.Go(func() { each[n] = s.tablet(ctx, rand.N(pollEvery)) })
	}
	return func() polled {
		all.Wait()
		sum := polled{wall: time.Since(began)}
		for _, p := range each {
			sum.took, sum.failed = append(sum.took, p.took...), sum.failed+p.failed
		}
		slices.Sort(sum.took)
		return sum
	}
}

// inBox is how long the box itself took over 99 of 100 answers at most, by its own metrics: from a
// request read to its answer written.
func (s *loadStore) inBox() time.Duration {
	text, _, err := get(s.metric, "/metrics")
	s.must(err)
	const name = "nightfill_ready_page_seconds_"
	counts, all := map[float64]float64{}, 0.0
	for line := range strings.Lines(text) {
		var le, n float64
		if _, err := fmt.Sscanf(line, name+"bucket{le=%q} %g", new(string), &n); err == nil {
			if _, err := fmt.Sscanf(line, name+"bucket{le=\"%g\"}", &le); err == nil {
				counts[le] = n
			}
		}
		_, _ = fmt.Sscanf(line, name+"count %g", &all)
	}
	for _, le := range slices.Sorted(maps.Keys(counts)) {
		if counts[le] >= 0.99*all {
			return time.Duration(le * float64(time.Second))
		}
	}
	s.tb.Fatalf("no answer of the READY page was counted:\n%s", text)
	return 0
}

// tablet is one of them; it begins after a while, so that not all ask at once.
func (s *loadStore) tablet(ctx context.Context, after time.Duration) (p polled) {
	client := &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{}} // of its own: each tablet has its line
	defer client.CloseIdleConnections()
	next := time.NewTimer(after)
	defer next.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return p
		case <-next.C:
		}
		next.Reset(pollEvery)
		path := []string{"/ready?fragment=1", "/ready.json"}[n%2]
		if n == 0 {
			path = "/"
		}
		took, err := timed(ctx, client, fmt.Sprintf("http://127.0.0.1:%d%s", s.ready, path))
		switch {
		case err == nil:
			p.took = append(p.took, took)
		case ctx.Err() == nil:
			p.failed++
		}
	}
}

// timed asks once, and returns how long the box took.
func timed(ctx context.Context, client *http.Client, at string) (time.Duration, error) {
	var asked, answered time.Time
	trace := &httptrace.ClientTrace{
		WroteRequest:         func(httptrace.WroteRequestInfo) { asked = time.Now() },
		GotFirstResponseByte: func() { answered = time.Now() },
	}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, at, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Ready") == "" {
		return 0, fmt.Errorf("%s: %s", at, resp.Status)
	}
	return max(0, answered.Sub(asked)), nil
}

// heard is what a console saw of a night.
type heard struct {
	events, documents   int
	gaps, lost, doubled uint64
	late                time.Duration // the last record, after the night was over
}

// follow has consoles follow everything from the first record. What it returns waits until each has
// the journal up to a record.
func (s *loadStore) follow(ctx context.Context, consoles int) func(upTo uint64) []heard {
	trust := &tls.Config{InsecureSkipVerify: true} // the box's own certificate
	jar, err := cookiejar.New(nil)
	s.must(err)
	base := fmt.Sprintf("127.0.0.1:%d", s.console)
	client := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: trust}}
	defer client.CloseIdleConnections()
	resp, err := client.PostForm("https://"+base+"/console/login", url.Values{"name": {"a.khan"}, "password": {loadPassword}})
	s.must(err)
	s.must(resp.Body.Close())
	dialer := websocket.Dialer{TLSClientConfig: trust, Jar: jar, Subprotocols: []string{"nightfill.console.v1"}}
	each, goal := make([]heard, consoles), make(chan struct{})
	var upTo uint64
	var over time.Time
	var all sync.WaitGroup
	for n := range each {
		ws, _, err := dialer.DialContext(ctx, "wss://"+base+"/console/ws", http.Header{"Origin": {"https://" + base}})
		s.must(err)
		for _, ch := range []string{"store", "ready", "night", "dev"} {
			s.must(ws.WriteJSON(map[string]any{"t": "sub", "ch": ch}))
		}
		s.must(ws.WriteJSON(map[string]any{"t": "sub", "ch": "log", "since": 0}))
		all.Go(func() {
			defer ws.Close()
			each[n] = listen(ws, goal, &upTo, &over)
		})
	}
	return func(seq uint64) []heard {
		upTo, over = seq, time.Now()
		close(goal)
		all.Wait()
		return each
	}
}

// listen reads until it has the record that is wanted, which is known when goal is closed.
func listen(ws *websocket.Conn, goal <-chan struct{}, upTo *uint64, over *time.Time) (h heard) {
	seen, known := uint64(0), false
	for {
		select {
		case <-goal:
			known = true
		default:
		}
		if known && seen >= *upTo {
			h.late = max(0, time.Since(*over))
			return h
		}
		var f struct {
			T        string
			Ch       string
			Seq      uint64
			From, To uint64
		}
		if err := ws.SetReadDeadline(time.Now().Add(quick)); err != nil {
			return h
		}
		if err := ws.ReadJSON(&f); err != nil {
			return h
		}
		switch {
		case f.T == "ping":
			if err := ws.WriteJSON(map[string]string{"t": "pong"}); err != nil {
				return h
			}
		case f.T == "gap":
			h.gaps += f.To - f.From + 1
			seen = f.To
		case f.T == "ev" && f.Ch == "log":
			h.events++
			if f.Seq <= seen {
				h.doubled++
			} else {
				h.lost += f.Seq - seen - 1
			}
			seen = max(seen, f.Seq)
		case f.T == "ev":
			h.documents++
		}
	}
}
