package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/uplink"
)

// journal is the journal of a store, in memory.
type journal struct {
	stream  string
	mu      sync.Mutex
	records []run.Record
	cursors map[string]uint64
	changed chan struct{}
}

func newJournal(stream string) *journal {
	return &journal{stream: stream, cursors: map[string]uint64{}, changed: make(chan struct{})}
}

// write adds an event.
func (j *journal) write(e run.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := uint64(len(j.records)) + 1
	e.At = time.Now().UTC()
	j.records = append(j.records, run.Record{Seq: n, Prev: fmt.Sprintf("%064x", n-1), Hash: fmt.Sprintf("%064x", n), Event: e})
	close(j.changed)
	j.changed = make(chan struct{})
}

// Since implements uplink.Journal.
func (j *journal) Since(from uint64, limit int) ([]run.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	from = max(from, 1)
	if from > uint64(len(j.records)) {
		return nil, nil
	}
	rest := j.records[from-1:]
	return append([]run.Record{}, rest[:min(limit, len(rest))]...), nil
}

// Durable implements uplink.Journal.
func (j *journal) Durable() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return uint64(len(j.records))
}

// Changed implements uplink.Journal.
func (j *journal) Changed() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changed
}

// Stream implements uplink.Journal.
func (j *journal) Stream() string { return j.stream }

// Cursor implements uplink.Journal.
func (j *journal) Cursor(name string) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cursors[name], nil
}

// SetCursor implements uplink.Journal.
func (j *journal) SetCursor(name string, seq uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cursors[name] = seq
	return nil
}

// link runs the real uplink of a store until the test ends or stop is called.
func (j *journal) link(t *testing.T, url, store string) (stop func()) {
	t.Helper()
	u, err := uplink.New(uplink.Options{
		Broker: at(url), Org: "acme", Store: store, Version: "nightfilld test", Journal: j, Rate: -1, Jitter: -1,
		LookAt: time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Snapshots: func(context.Context) uplink.Snapshot {
			return uplink.Snapshot{
				Rev:     j.Durable(),
				Info:    map[string]any{"store": store, "name": "Shop " + store, "stream": j.stream, "devices": []string{"till-1"}},
				Ready:   map[string]any{"verdict": "ready", "text": "You can open."},
				Devices: map[string]any{"till-1": map[string]any{"device": "till-1", "state": "done"}},
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := u.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}
