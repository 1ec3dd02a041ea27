// Package logs makes the program's logger: text or JSON on a stream, or native fields in
// the system's own log when systemd started the program. It decides nothing about what is said, and who says
// something never waits for whoever takes it.
package logs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/journal"
)

// New makes a logger of a format, text or json, from a level on: debug, info, warn or error, and the queue that carries
// its lines once it is started. When out is the stream that systemd connected to its own log, text becomes native fields
// there.
func New(out *os.File, format, level string) (*slog.Logger, *Queue, error) {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("%q is no log level: write debug, info, warn or error", level)
	}
	switch format {
	case "json":
		return queued(out, func(out io.Writer) slog.Handler { return slog.NewJSONHandler(out, &slog.HandlerOptions{Level: from}) })
	case "text":
	default:
		return nil, nil, fmt.Errorf("%q is no log format: write text or json", format)
	}
	if native, err := systemd.StderrIsJournalStream(); err == nil && native && out == os.Stderr {
		return queuedNative(from, systemd.Send)
	}
	return queued(out, func(out io.Writer) slog.Handler { return textHandler(out, from) })
}

// queued is a logger of lines to out.
func queued(out io.Writer, handler func(io.Writer) slog.Handler) (*slog.Logger, *Queue, error) {
	q := newQueue(handler(out))
	return slog.New(handler(lines{q, out})), q, nil
}

// queuedNative is a logger of records to the system's own log.
func queuedNative(from slog.Level, send sendFunc) (*slog.Logger, *Queue, error) {
	q := newQueue(&nativeHandler{from: from, send: send})
	return slog.New(&nativeHandler{from: from, send: func(message string, level systemd.Priority, fields map[string]string) error {
		size := len(message)
		for name, value := range fields {
			size += len(name) + len(value)
		}
		q.add(entry{size, func() error { return send(message, level, fields) }})
		return nil
	}}), q, nil
}

// sendFunc hands a record to the system's own log.
type sendFunc func(message string, priority systemd.Priority, fields map[string]string) error

func textHandler(out io.Writer, from slog.Level) slog.Handler {
	return slog.NewTextHandler(out, &slog.HandlerOptions{Level: from})
}

// nativeHandler writes each record with its attributes as fields of their own: DEVICE, PATCH ...
type nativeHandler struct {
	from   slog.Level
	prefix string
	attrs  []named
	send   sendFunc
}

// named is an attribute with the groups it was given in before its name.
type named struct {
	name string
	slog.Attr
}

// Enabled implements slog.Handler.
func (h *nativeHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.from }

// Handle implements slog.Handler.
func (h *nativeHandler) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]string{"SYSLOG_IDENTIFIER": "nightfilld"}
	var text strings.Builder
	text.WriteString(r.Message)
	add := func(name string, a slog.Attr) {
		value := a.Value.Resolve().String()
		fields[fieldName(name)] = value
		fmt.Fprintf(&text, " %s=%s", a.Key, value)
	}
	for _, a := range h.attrs {
		add(a.name, a.Attr)
	}
	r.Attrs(func(a slog.Attr) bool {
		add(h.prefix+a.Key, a)
		return true
	})
	return h.send(text.String(), priority(r.Level), fields)
}

// fieldName makes a name that the system's log accepts: upper-case letters, digits and underscores.
func fieldName(key string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		}
		return '_'
	}, key), "_0123456789")
}

func priority(level slog.Level) systemd.Priority {
	switch {
	case level >= slog.LevelError:
		return systemd.PriErr
	case level >= slog.LevelWarn:
		return systemd.PriWarning
	case level >= slog.LevelInfo:
		return systemd.PriInfo
	}
	return systemd.PriDebug
}

// WithAttrs implements slog.Handler.
func (h *nativeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		next.attrs = append(next.attrs, named{h.prefix + a.Key, a})
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *nativeHandler) WithGroup(name string) slog.Handler {
	next := *h
	next.prefix += name + "_"
	return &next
}
