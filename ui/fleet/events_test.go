package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site/board/boardtest"
)

// follower reads what is sent to one reader.
type follower struct {
	mu  sync.Mutex
	got bytes.Buffer
	hdr http.Header
}

func (f *follower) Header() http.Header { return f.hdr }
func (f *follower) WriteHeader(int)     {}
func (f *follower) Flush()              {}
func (f *follower) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got.Write(p)
}

// messages returns what came so far.
func (f *follower) messages(t *testing.T) []delta {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []delta
	for _, text := range strings.Split(strings.TrimSpace(f.got.String()), "\n\n") {
		var d delta
		if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "data: ")), &d); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		list = append(list, d)
	}
	return list
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := boardtest.Chain{Seed: 3, Stores: 40, Devices: 9}
		w := newWorld(c, morning().Add(-4*time.Hour))
		h := New(w.options())
		ctx, stop := context.WithCancel(t.Context())
		f, over := &follower{hdr: http.Header{}}, make(chan struct{})
		go func() {
			defer close(over)
			h.ServeHTTP(f, httptest.NewRequest("GET", "/events", nil).WithContext(ctx))
		}()
		synctest.Wait()
		first := f.messages(t)
		if len(first) != 1 || len(first[0].Cells) != 40 || first[0].Counts["total"] != 40 || first[0].Sentence == "" {
			t.Fatalf("the first message: %+v", first)
		}
		// Many changes within a second are one message, a second after the one before.
		for i := range 20 {
			now := morning().Add(-4 * time.Hour).Add(time.Duration(i) * 10 * time.Minute)
			w.become(c.Board(now), now)
		}
		<-time.After(1500 * time.Millisecond)
		synctest.Wait()
		two := f.messages(t)
		if len(two) != 2 || len(two[1].Counts) == 0 || len(two[1].Cells) == 0 || len(two[1].Cells) == 40 {
			t.Errorf("after changes: %+v", two[1:])
		}
		// Where nothing changes, a message says that the numbers are of now.
		w.pass(12 * time.Second)
		<-time.After(12 * time.Second)
		synctest.Wait()
		if three := f.messages(t); len(three) != 3 || len(three[2].Counts) != 0 || three[2].AsOf == two[1].AsOf {
			t.Errorf("while nothing changes: %+v", three[2:])
		}
		stop()
		<-over
	})
}

// brokenPipe is a reader that does not keep up.
type brokenPipe struct{ follower }

func (f *brokenPipe) Write(p []byte) (int, error) { return 0, http.ErrHandlerTimeout }

func TestSlowReaderIsDropped(t *testing.T) {
	w := newWorld(boardtest.Chain{Stores: 3, Devices: 9}, morning())
	New(w.options()).ServeHTTP(&brokenPipe{follower{hdr: http.Header{}}}, httptest.NewRequest("GET", "/events", nil))
}
