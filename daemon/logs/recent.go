package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
)

// recentBytes is how much of a log is remembered.
const recentBytes = 1 << 20

// Recent remembers the newest lines of a log, about a mebibyte of them, as JSON. It is lost when the program
// ends. Any number of goroutines may use it.
type Recent struct {
	mu   sync.Mutex
	text []byte
}

// Remember returns a logger that says what log says and remembers it from level info on, whatever log's own level.
func Remember(log *slog.Logger) (*slog.Logger, *Recent) {
	r := &Recent{}
	return slog.New(both{log.Handler(), slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelInfo})}), r
}

// Write takes one line.
func (r *Recent) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.text = append(r.text, line...); len(r.text) > 2*recentBytes {
		rest := r.text[len(r.text)-recentBytes:]
		r.text = bytes.Clone(rest[bytes.IndexByte(rest, '\n')+1:])
	}
	return len(line), nil
}

// WriteTo writes the lines that are remembered, the oldest first.
func (r *Recent) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	text := bytes.Clone(r.text)
	r.mu.Unlock()
	n, err := w.Write(text)
	return int64(n), err
}

// both hands each record to two handlers.
type both [2]slog.Handler

// Enabled implements slog.Handler.
func (b both) Enabled(ctx context.Context, level slog.Level) bool {
	return b[0].Enabled(ctx, level) || b[1].Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (b both) Handle(ctx context.Context, r slog.Record) error {
	var problems []error
	for _, h := range b {
		if h.Enabled(ctx, r.Level) {
			problems = append(problems, h.Handle(ctx, r.Clone()))
		}
	}
	return errors.Join(problems...)
}

// WithAttrs implements slog.Handler.
func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(attrs), b[1].WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (b both) WithGroup(name string) slog.Handler {
	return both{b[0].WithGroup(name), b[1].WithGroup(name)}
}
