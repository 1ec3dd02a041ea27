package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// shells is one open terminal, of tech on srv-1, and one recording.
type shells struct {
	mu    sync.Mutex
	since int64
	acked int64
	typed chan string
	items chan live.Shown
	done  chan string // what became of looks at it
}

func newShells() *shells {
	return &shells{typed: make(chan string, 100), items: make(chan live.Shown), done: make(chan string, 10)}
}

func (s *shells) Attach(device, actor string, since int64) (live.Attachment, error) {
	if device != "srv-1" || actor != "tech" {
		return nil, &order.Refusal{Code: "not_open", Say: "there is no such terminal"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = since
	return s, nil
}

func (s *shells) Next(ctx context.Context) (live.Shown, error) {
	select {
	case i, ok := <-s.items:
		if !ok {
			return i, io.EOF
		}
		return i, nil
	case <-ctx.Done():
		return live.Shown{}, ctx.Err()
	}
}

func (s *shells) Ack(to int64) {
	s.mu.Lock()
	s.acked = to
	s.mu.Unlock()
	s.done <- fmt.Sprint("seen ", to)
}
func (s *shells) Detach() { s.done <- "left" }
func (s *shells) End()    { s.done <- "ended" }
func (s *shells) Write(_ context.Context, p []byte) error {
	s.typed <- string(p)
	return nil
}

func (s *shells) Resize(_ context.Context, cols, rows int) error {
	s.typed <- fmt.Sprintf("%dx%d", cols, rows)
	return nil
}

func (s *shells) Recordings(context.Context) (any, error) { return []string{"one"}, nil }

func (s *shells) Recording(_ context.Context, id string) (io.ReadCloser, bool, error) {
	switch id {
	case "one", "odd":
		return io.NopCloser(strings.NewReader("{}\n")), id == "one", nil
	case "gone":
		return nil, false, nil
	}
	return nil, false, &order.Refusal{Code: order.CodeBadRequest, Say: "there is no such recording"}
}

func (s *shells) Text(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, io.MultiReader(strings.NewReader("text of "), from))
	return err
}

// binary is the next binary frame.
func (l *line) binary() string {
	l.t.Helper()
	for {
		kind, data, err := l.ReadMessage()
		if err != nil {
			l.t.Fatal(err)
		}
		if kind == websocket.BinaryMessage {
			return string(data)
		}
	}
}

func TestTerminalOverASocket(t *testing.T) {
	s := newShells()
	r := newRigWith(t, live.Usual(), s)
	r.login(site.UserTech)
	l := r.open()
	l.say(map[string]any{"t": "term.attach", "n": 7, "dev": "till-1"})
	if f := l.next(); f.T != "term.err" || f.Code != "not_open" {
		t.Errorf("nobody's terminal: %+v", f)
	}
	l.say(map[string]any{"t": "term.attach", "n": 0, "dev": "srv-1"})
	if f := l.next(); f.T != "term.err" || f.Code != order.CodeTooMany {
		t.Errorf("without a number: %+v", f)
	}
	l.say(map[string]any{"t": "term.attach", "n": 7, "dev": "srv-1", "since": 40, "cols": 100, "rows": 30})
	if f := l.next(); f.T != "term.open" || s.since != 40 || <-s.typed != "100x30" {
		t.Errorf("opened: %+v, since %d", f, s.since)
	}
	s.items <- live.Shown{Kind: "output", From: 42, To: 44, Data: []byte("ab")}
	if f := l.next(); f.T != "term.at" || l.binary() != "\x07ab" {
		t.Errorf("shown: %+v", f)
	}
	s.items <- live.Shown{Kind: "output", From: 44, To: 45, Data: []byte("c")} // goes on: no word about where
	if got := l.binary(); got != "\x07c" {
		t.Errorf("shown: %q", got)
	}
	s.items <- live.Shown{Kind: "gap", From: 45, To: 60}
	if f := l.next(); f.T != "term.gap" || f.From != 45 || f.To != 60 {
		t.Errorf("a gap: %+v", f)
	}
	for _, frame := range []string{"\x07ls\r", "\x09to nobody", "\x07"} {
		if err := l.WriteMessage(websocket.BinaryMessage, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	l.say(map[string]any{"t": "term.ack", "n": 7, "at": 60})
	l.say(map[string]any{"t": "term.size", "n": 7, "cols": 90, "rows": 20})
	if a, b := <-s.typed, <-s.typed; a != "ls\r" || b != "90x20" || <-s.done != "seen 60" {
		t.Errorf("typed %q, %q", a, b)
	}
	l.say(map[string]any{"t": "term.end", "n": 7})
	if got := <-s.done; got != "ended" {
		t.Error(got)
	}
	_ = l.Close()
	if got := <-s.done; got != "left" { // the terminal goes on without its reader
		t.Error(got)
	}
	again := r.open()
	again.say(map[string]any{"t": "term.attach", "n": 1, "dev": "srv-1"})
	if f := again.next(); f.T != "term.open" || s.since != -1 {
		t.Errorf("opened again: %+v, since %d", f, s.since)
	}
	close(s.items)
	if got := <-s.done; got != "left" {
		t.Error(got)
	}
}

// Whoever may not look at devices may not watch what people did on them.
func TestRecordings(t *testing.T) {
	r := newRigWith(t, live.Usual(), newShells())
	for _, path := range []string{"/console/api/recordings", "/console/recording/one.cast", "/console/play/one"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without login: %s", path, got.Status)
		}
	}
	r.login(site.UserViewer)
	for _, path := range []string{"/console/api/recordings", "/console/recording/one.cast", "/console/play/one"} {
		if got := r.do("GET", path, nil); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s as a viewer: %s", path, got.Status)
		}
	}
	r.login(site.UserTech)
	for path, want := range map[string]struct {
		status     int
		body, said string
	}{
		"/console/api/recordings":      {http.StatusOK, "{\"recordings\":[\"one\"]}\n", ""},
		"/console/recording/one.cast":  {http.StatusOK, "{}\n", "whole"},
		"/console/recording/one.txt":   {http.StatusOK, "text of {}\n", "whole"},
		"/console/recording/odd.cast":  {http.StatusOK, "{}\n", "changed"},
		"/console/recording/gone.cast": {http.StatusGone, "The file of this recording is missing.\n", ""},
		"/console/recording/none.cast": {http.StatusConflict, "{\"error\":{\"code\":\"bad_request\",\"message\":\"there is no such recording\"}}\n", ""},
		"/console/recording/one":       {http.StatusNotFound, "404 page not found\n", ""},
	} {
		got := r.do("GET", path, nil)
		if text := body(t, got); got.StatusCode != want.status || text != want.body || got.Header.Get("Nightfill-Recording") != want.said {
			t.Errorf("%s: %s %q %q", path, got.Status, text, got.Header.Get("Nightfill-Recording"))
		}
	}
	if text := body(t, r.do("GET", "/console/play/odd", nil)); !strings.Contains(text, "it proves nothing") || !strings.Contains(text, `data-id="odd"`) {
		t.Errorf("the player of a file that was changed:\n%s", text)
	}
}
