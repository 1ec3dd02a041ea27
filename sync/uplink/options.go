package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// Journal is what the uplink needs of the journal. No call may hold a read
// transaction open after it returned: between two calls the network is waited for.
type Journal interface {
	// Since returns at most limit records in order, beginning at sequence number from.
	// From 0 it begins with the first one that is kept; a number before that one may be
	// an error.
	Since(from uint64, limit int) ([]run.Record, error)
	// Durable returns the newest sequence number that a crash cannot take back. What is
	// above is not sent: its number might be given to another event.
	Durable() uint64
	// Changed returns a channel that closes when Durable grows, or earlier.
	Changed() <-chan struct{}
	// Stream returns the id made with the journal: a new journal has a new one.
	Stream() string
	// Cursor returns a number kept under a name, 0 if it was never set. After a crash
	// it may be lower than what was set last. The uplink's names are "hq" (headquarters
	// stored all up to here: the journal must keep what is above) and "broker" (a broker
	// acknowledged all up to here).
	Cursor(name string) (uint64, error)
	// SetCursor keeps a number under a name. A lower one than before may be ignored.
	SetCursor(name string, seq uint64) error
}

// Snapshot is the state of the store as the retained topics show it. Every value
// becomes JSON; one that is too large and has a method Short() any is told as that says. An object without a "rev" gets Rev. The zero Snapshot means "not
// known now": nothing is published and nothing is cleared.
type Snapshot struct {
	Rev     uint64         // the newest sequence number that is folded in
	Info    any            // who the store is and what it will report
	Ready   any            // what /ready.json says
	Night   any            // tonight; nil before the first night
	Num     any            // flat: names with numbers only
	Devices map[string]any // by device id; a device that is gone has its topic cleared
	Alerts  map[string]any // the open ones by code; one that is closed has its topic cleared
}

// known reports whether the snapshot says anything.
func (s Snapshot) known() bool {
	return s.Info != nil || s.Ready != nil || s.Night != nil || s.Num != nil || s.Devices != nil || s.Alerts != nil
}

// Options say where the uplink connects and what it reports. Zero values of the
// tuning fields mean the default; a negative Rate or Jitter means none.
type Options struct {
	Broker     Broker
	Births     string // file that keeps how many connections were made; empty: counted from the time of day
	Org, Store string
	ClientID   string // default nightfill-<org>-<store>
	Version    string // shown as "v" in the state topic, for example "nightfilld 1.4.0"

	Journal   Journal
	Snapshots func(context.Context) Snapshot // called often, never by two goroutines at once; must end when its context does
	Hint      func(verb string)              // told of "refresh" and "resend"; must return at once; may be nil
	Log       *slog.Logger

	// Left returns the ids that the store had before, like acme/0142, under which it may have left something; asked at each
	// connection. Cleared is told of each that is done with, once, and has to remember it: until then it is done again. Both may be nil.
	Left    func() []string
	Cleared func(id string) error

	Rate     float64       // events a second, after a burst of 16; default 50
	Jitter   time.Duration // the longest wait before a backlog is sent after a reconnect; default 20 s
	LookAt   time.Duration // how often Snapshots is asked when the journal is still; default 15 s
	AckLimit time.Duration // a connection on which the broker acknowledges nothing for so long is given up; default 60 s
	StopWait time.Duration // how long a clean stop may take; default 5 s
}

// Broker is where the broker is, and how to log in to it.
type Broker interface {
	String() string // host:port
	// Connect opens the connection below MQTT, within a limit of its own.
	Connect(ctx context.Context) (net.Conn, error)
	// Login returns the account, "" for none, and its password.
	Login() (name, password string, err error)
}

// checked returns the options with the defaults filled in, or everything that is wrong with them.
func (o Options) checked() (Options, error) {
	var problems []error
	for _, name := range []struct{ what, is string }{{"org", o.Org}, {"store", o.Store}} {
		if !level(name.is) {
			problems = append(problems, fmt.Errorf("cannot use %s %q in a topic: it must not be empty nor contain / + # or control characters", name.what, name.is))
		}
	}
	if o.Broker == nil {
		problems = append(problems, errors.New("cannot report without a broker"))
	}
	if o.Journal == nil || o.Snapshots == nil {
		problems = append(problems, errors.New("cannot report without a journal and snapshots"))
	}
	if err := errors.Join(problems...); err != nil {
		return o, err
	}
	return o.withDefaults(), nil
}

// withDefaults fills in what was left empty.
func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = "nightfill-" + o.Org + "-" + o.Store
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hint == nil {
		o.Hint = func(string) {}
	}
	if o.Left == nil {
		o.Left = func() []string { return nil }
	}
	if o.Cleared == nil {
		o.Cleared = func(string) error { return nil }
	}
	if o.Rate == 0 {
		o.Rate = 50
	}
	for _, d := range []struct {
		is *time.Duration
		to time.Duration
	}{{&o.Jitter, 20 * time.Second}, {&o.LookAt, 15 * time.Second}, {&o.AckLimit, time.Minute}, {&o.StopWait, 5 * time.Second}} {
		if *d.is == 0 {
			*d.is = d.to
		}
	}
	return o
}

// level reports whether a name can be one level of a topic.
func level(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '/' || r == '+' || r == '#' || r == '\uFFFD'
	})
}
