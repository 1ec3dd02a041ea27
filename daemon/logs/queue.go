package logs

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// The limits of a queue.
const (
	queueBytes = 1 << 20     // of text that waits
	queueLines = 8192        // that wait
	partingTry = time.Second // for what still waits when the program ends
)

// Queue stands between those who say something and where the log goes. Who says something never waits: while the log's
// end takes nothing, or less than is said, the newest mebibyte is kept and what is older is lost, which a line of the log
// tells once it moves again. A crash loses what waits. Any number of goroutines may use it.
type Queue struct {
	direct slog.Handler // writes to the end of the log and waits for it

	mu      sync.Mutex // held for memory only
	waiting []entry
	bytes   int
	lost    int
	closed  bool
	wake    chan struct{}
}

// entry is one line that waits.
type entry struct {
	size  int
	write func() error
}

func newQueue(direct slog.Handler) *Queue {
	return &Queue{direct: direct, wake: make(chan struct{}, 1)}
}

// Start begins to carry lines to the end of the log, which one goroutine does. stop ends that after what still waits was
// written, or after a second when nobody takes it; it is for the end of the program, which ends a write that hangs.
func (q *Queue) Start() (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.carry()
	}()
	return func() {
		q.mu.Lock()
		q.closed = true
		q.mu.Unlock()
		q.stir()
		limit := time.NewTimer(partingTry)
		defer limit.Stop()
		select {
		case <-done:
		case <-limit.C:
		}
	}
}

// carry writes what waits, until the queue is closed and empty.
func (q *Queue) carry() {
	for {
		e, lost, ok, closed := q.take()
		if lost > 0 {
			_ = q.direct.Handle(context.Background(), lostLines(lost)) // there is nobody else to tell
		}
		switch {
		case ok:
			_ = e.write()
		case closed:
			return
		default:
			<-q.wake
		}
	}
}

func lostLines(n int) slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were lost: what takes it stood still or was too slow", 0)
	r.Add("lines", n)
	return r
}

// take takes the oldest line that waits, and how many before it were lost.
func (q *Queue) take() (e entry, lost int, ok, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost, q.lost = q.lost, 0
	if len(q.waiting) == 0 {
		return entry{}, lost, false, q.closed
	}
	return q.shift(), lost, true, q.closed
}

// shift removes the oldest line. mu is held.
func (q *Queue) shift() entry {
	e := q.waiting[0]
	q.waiting[0] = entry{}
	q.waiting, q.bytes = q.waiting[1:], q.bytes-e.size
	return e
}

// add lets a line wait. The oldest ones make room for it.
func (q *Queue) add(e entry) {
	q.mu.Lock()
	q.waiting, q.bytes = append(q.waiting, e), q.bytes+e.size
	for len(q.waiting) > 1 && (q.bytes > queueBytes || len(q.waiting) > queueLines) {
		q.shift()
		q.lost++
	}
	q.mu.Unlock()
	q.stir()
}

func (q *Queue) stir() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// lines is a queue as a writer of whole lines to out.
type lines struct {
	q   *Queue
	out io.Writer
}

// Write takes one line.
func (l lines) Write(line []byte) (int, error) {
	text := string(line)
	l.q.add(entry{len(text), func() error {
		_, err := io.WriteString(l.out, text)
		return err
	}})
	return len(line), nil
}
