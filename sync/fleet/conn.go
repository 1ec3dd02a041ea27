package fleet

import (
	"bufio"
	"net"
	"runtime"
	"sync"
	"time"
)

const (
	readBuffer = 64 << 10
	// writeBuffer bounds what waits to be written; whoever writes more waits.
	writeBuffer = 64 << 10
	writeLimit  = 10 * time.Second
)

// buffered is a connection for a client that reads byte by byte and writes every acknowledgement
// by itself: it reads ahead, and writes together what came while the last write was under way.
type buffered struct {
	net.Conn
	in *bufio.Reader

	mu      sync.Mutex
	changed *sync.Cond
	out     []byte
	err     error
	closed  bool
	done    chan struct{}
}

// newBuffered wraps a connection. Close ends the goroutine that writes.
func newBuffered(conn net.Conn) *buffered {
	b := &buffered{Conn: conn, in: bufio.NewReaderSize(conn, readBuffer), done: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	go b.flush()
	return b
}

// Read reads what was read ahead.
func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// Write hands p to the goroutine that writes. An error is that of an earlier write.
func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.out) >= writeBuffer && b.err == nil && !b.closed {
		b.changed.Wait()
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.closed {
		return 0, net.ErrClosed
	}
	b.out = append(b.out, p...)
	b.changed.Broadcast()
	return len(p), nil
}

// SetWriteDeadline does nothing: every write has a limit of its own.
func (b *buffered) SetWriteDeadline(time.Time) error { return nil }

// Close writes what waits, as far as the other side takes it, and closes the connection.
func (b *buffered) Close() error {
	b.mu.Lock()
	b.closed = true
	b.changed.Broadcast()
	b.mu.Unlock()
	<-b.done
	return b.Conn.Close()
}

// cut closes the connection at once.
func (b *buffered) cut() {
	b.Conn.Close()
	b.Close()
}

// flush writes until the connection is closed or breaks.
func (b *buffered) flush() {
	defer close(b.done)
	var spare []byte
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.out) == 0 && !b.closed {
			b.changed.Wait()
		}
		if len(b.out) == 0 || b.err != nil {
			return
		}
		b.mu.Unlock()
		runtime.Gosched() // whoever is about to write more may do so first
		b.mu.Lock()
		now := b.out
		b.out = spare[:0]
		b.mu.Unlock()
		err := b.Conn.SetWriteDeadline(time.Now().Add(writeLimit))
		if err == nil {
			_, err = b.Conn.Write(now)
		}
		b.mu.Lock()
		spare = now
		if err != nil {
			b.err = err
		}
		b.changed.Broadcast()
	}
}
