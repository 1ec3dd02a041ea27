package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// Broker is where the broker is, and how to log in to it.
type Broker interface {
	String() string // host:port
	// Connect opens the connection below MQTT, within a limit of its own.
	Connect(ctx context.Context) (net.Conn, error)
	// Login returns the account, "" for none, and its password.
	Login() (name, password string, err error)
}

// Options say what a Fleet listens to and where it keeps it. Zero values of the tuning fields
// mean the default.
type Options struct {
	DB       *database.DB
	Org      string // the one organisation that is listened to
	Broker   Broker
	ClientID string // default nightfill-hq-<org>-<random>; two programs must not use the same
	Shared   string // name of a $share group among which events are divided; "" = every program takes all
	Expected []board.Expected
	Version  string // shown in hq/state, for example "nightfill-hq 1.4.0"
	Log      *slog.Logger

	BatchSize int           // messages stored in one transaction at most; default 16000
	BatchWait time.Duration // how long the first of them waits for others; default 50 ms
	Queue     int           // messages that wait to be decoded at most; default 4096
	SeenEvery time.Duration // between two hq/seen of one store; default 1 s
	SeenRate  int           // hq/seen of all stores a second at most; default 1000
	PollEvery time.Duration // how often a shared database is asked what others changed; default 1 s
	GapWait   time.Duration // how long a gap may close by itself before its first hint; default 5 s
	GapMax    time.Duration // the longest wait between two hints; default 1 h
	GiveUp    time.Duration // how long a store is online with a gap, with at least five hints, before it is given up; default 1 h
	RollWait  time.Duration // how long a broker has to show what the stores keep at it, before the stores are asked; default 15 s
	StopWait  time.Duration // how long a clean stop may take; default 5 s
}

// checked returns the options with the defaults filled in, or everything that is wrong with them.
func (o Options) checked() (Options, error) {
	var problems []error
	if !level(o.Org) {
		problems = append(problems, fmt.Errorf("cannot listen to org %q: name one organisation, without / + # or control characters", o.Org))
	}
	if strings.ContainsAny(o.Shared, "/+# ") {
		problems = append(problems, fmt.Errorf("cannot use %q as a shared group: it must not contain / + # or spaces", o.Shared))
	}
	if o.Broker == nil {
		problems = append(problems, errors.New("cannot listen without a broker"))
	}
	switch {
	case o.DB == nil:
		problems = append(problems, errors.New("cannot listen without a database"))
	case o.Shared != "" && !o.DB.Shared():
		problems = append(problems, errors.New("cannot share the work over an SQLite file: use postgres:// for several programs"))
	}
	if err := errors.Join(problems...); err != nil {
		return o, err
	}
	return o.withDefaults(), nil
}

// withDefaults fills in what was left empty.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, n := range []struct {
		is *int
		to int
	}{{&o.BatchSize, 16000}, {&o.Queue, 4096}, {&o.SeenRate, 1000}} {
		if *n.is <= 0 {
			*n.is = n.to
		}
	}
	for _, d := range []struct {
		is *time.Duration
		to time.Duration
	}{
		{&o.BatchWait, 50 * time.Millisecond}, {&o.SeenEvery, time.Second}, {&o.PollEvery, time.Second},
		{&o.GapWait, 5 * time.Second}, {&o.GapMax, time.Hour}, {&o.GiveUp, time.Hour}, {&o.RollWait, 15 * time.Second}, {&o.StopWait, 5 * time.Second},
	} {
		if *d.is <= 0 {
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
