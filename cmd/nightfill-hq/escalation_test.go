package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pager is who is told by webhook. What has no valid signature it refuses.
type pager struct {
	*httptest.Server
	secret string

	mu    sync.Mutex
	hold  chan struct{}     // the next answer waits for it; nil: answers at once
	calls []string          // the ids of what came, in order, each time it came
	told  map[string]string // id -> the stores in it
}

func newPager(t *testing.T, secret string) *pager {
	t.Helper()
	p := &pager{secret: secret, told: map[string]string{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(p.secret))
		mac.Write(body)
		if err != nil || r.Header.Get("X-Nightfill-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s came with the signature %q, %v", r.URL, r.Header.Get("X-Nightfill-Signature"), err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if hold := p.take(t, r.Header.Get("X-Nightfill-Delivery"), body); hold != nil {
			<-hold
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(p.Close)
	return p
}

// take notes a message, and returns what its answer waits for.
func (p *pager) take(t *testing.T, id string, body []byte) chan struct{} {
	var m struct {
		ID, Org string
		Groups  []struct{ Items []struct{ Store string } }
	}
	if err := json.Unmarshal(body, &m); err != nil || m.ID != id || m.Org != "demo" {
		t.Errorf("%s: %v", body, err)
	}
	var stores []string
	for _, g := range m.Groups {
		for _, i := range g.Items {
			stores = append(stores, i.Store)
		}
	}
	slices.Sort(stores)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.told[id] = append(p.calls, id), strings.Join(stores, " ")
	hold := p.hold
	p.hold = nil
	return hold
}

// heard is how often it was called, and what the different messages told.
func (p *pager) heard() (calls int, told []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[string]bool{}
	for _, id := range p.calls {
		if !seen[id] {
			told = append(told, p.told[id])
		}
		seen[id] = true
	}
	return len(p.calls), told
}

// mails is a mail server that takes every mail.
type mails struct {
	net.Listener
	mu   sync.Mutex
	took map[string]string // the text by message id
}

func newMails(t *testing.T) *mails {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mails{Listener: l, took: map[string]string{}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				s.talk(textproto.NewConn(c))
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return s
}

// talk speaks SMTP with one client.
func (s *mails) talk(c *textproto.Conn) {
	say := func(text string) { _ = c.PrintfLine("%s", text) }
	say("220 mail")
	for {
		line, err := c.ReadLine()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case err != nil:
			return
		case verb == "EHLO":
			say("250-mail")
			say("250 8BITMIME")
		case verb == "DATA":
			say("354 go on")
			text, err := io.ReadAll(c.DotReader())
			if err != nil {
				return
			}
			head, err := textproto.NewReader(bufio.NewReader(strings.NewReader(string(text)))).ReadMIMEHeader()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.took[head.Get("Message-Id")] = string(text)
			s.mu.Unlock()
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// texts are the mails that came, each once.
func (s *mails) texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, text := range s.took {
		all = append(all, text)
	}
	return all
}

// due is when the second tier of the test is told, after the stores were posted; shelf is how long one of
// them is shelved.
const (
	due   = 45 * time.Second
	shelf = 35 * time.Second
)

// TestEscalation has stores that cannot open and one that is silent past its hour, and kills headquarters
// in the middle of every message: each tier is told of each once, and of what somebody took on no more.
func TestEscalation(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the tiers; make hq-test runs it")
	}
	t.Parallel()
	address, dir := broker(t), t.TempDir()
	write(t, dir, "secret", "hush\n")
	first, second, marker, post := newPager(t, "hush"), newPager(t, "hush"), newPager(t, "hush"), newMails(t)
	args := file(t, dir, address, fmt.Sprintf(`login: off
smtp: {url: "smtp+plain://%s", from: "nightfill@example.com"}
webhooks:
  - {name: first, url: "%s/hook", secret_file: secret}
  - {name: second, url: "%s/hook", secret_file: secret}
  - {name: marker, url: "%s/hook", secret_file: secret}
escalation:
  - {after: 0s, urgency: now, webhooks: [first], mail: [ops@example.com]}
  - {after: 10m, urgency: now, webhooks: [second]}
  - {after: 0s, for: [alert], webhooks: [marker]}
`, post.Addr(), first.URL, second.URL, marker.URL))
	h, stores := start(t, args...), newFront(t, address)

	begin := time.Now()
	since := begin.Add(due - 10*time.Minute).UTC()
	for store, code := range map[string]string{"0142": "POS-1", "0144": "POS-2", "0145": "POS-3"} {
		stores.opens(store, "not_ready", since, map[string]any{"code": code, "what": "Till 1 is down", "blocks_trading": true})
	}
	stores.tell("0143", "info", map[string]any{"store": "0143", "org": "demo", "timezone": "UTC", "stream": "S", "rev": 1,
		"opens": since, "window_opens": since.Add(-9 * time.Hour), "window_closes": since.Add(-3 * time.Hour)})
	stores.tell("0143", "state", map[string]any{"state": "lost", "bd": 1})
	stores.opens("0150", "ready", since)
	stores.flush()
	until(t, "four need someone", func() bool { return len(h.attention()) == 4 })
	released := make(chan struct{})
	first.mu.Lock()
	first.hold = released
	first.mu.Unlock()
	if status, text := h.post("/attention", url.Values{"verb": {"shelve"}, "item": {"not_ready/0145"}, "note": {"known"}, "until": {begin.Add(shelf).UTC().Format(time.RFC3339)}}); status != http.StatusSeeOther {
		t.Fatalf("shelve: %d %s", status, text)
	}

	const open = "0142 0143 0144"
	until(t, "the first tier is told", func() bool { n, _ := first.heard(); return n == 1 && len(post.texts()) == 1 })
	h.kill() // it does not know that the message was taken
	close(released)
	h = start(t, args...)
	until(t, "the first tier is told the same again", func() bool { n, _ := first.heard(); return n == 2 })
	if _, told := first.heard(); !slices.Equal(told, []string{open}) {
		t.Errorf("the first tier was told %q", told)
	}
	if status, text := h.post("/attention", url.Values{"verb": {"acknowledge"}, "item": {"not_ready/0144"}, "note": {"on my way"}}); status != http.StatusSeeOther {
		t.Fatalf("acknowledge: %d %s", status, text)
	}
	if n, _ := second.heard(); n != 0 {
		t.Error("the second tier was told before its time")
	}
	if text := strings.Join(post.texts(), "\n"); !strings.Contains(text, "To: <ops@example.com>") || !strings.Contains(text, "Till 1 is down") || !strings.Contains(text, "No report") || strings.Contains(text, "0145") {
		t.Errorf("the mail is\n%s", text)
	}

	<-time.After(time.Until(begin.Add(due)))
	h.kill()
	h = start(t, args...)
	until(t, "the second tier is told", func() bool { n, _ := second.heard(); return n == 1 })
	h.kill()
	stores.tell("0150", "alert/UPS-1", map[string]any{"code": "UPS-1", "text": "The battery is old.", "since": since, "rev": 1})
	stores.flush()
	h = start(t, args...)
	until(t, "headquarters looks again", func() bool { n, _ := marker.heard(); return n == 1 })
	until(t, "it is written down", func() bool { _, text := h.get("/api/v1/audit", nil); return strings.Contains(text, "webhook marker") })
	h.stop()
	for name, want := range map[*pager][]string{first: {open}, second: {"0142 0143 0145"}, marker: {"0150"}} {
		if _, told := name.heard(); !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
	if n := len(post.texts()); n != 1 {
		t.Errorf("%d mails", n)
	}
	told := deeds(t, "sqlite:"+dir+"/hq.db", "tell")
	slices.Sort(told)
	for _, way := range []string{"webhook first ok", "mail ops@example.com ok", "webhook marker ok"} {
		if n := len(slices.DeleteFunc(slices.Clone(told), func(s string) bool { return s != way })); n != 1 {
			t.Errorf("%s is %d times in the audit log: %q", way, n, told)
		}
	}
}
