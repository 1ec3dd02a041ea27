package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

// Broker says where the broker is and how to log in to it.
type Broker struct {
	URL          string // mqtt://host[:1883] or mqtts://host[:8883]
	CA           string // file with the roots to trust in place of the system's; mqtts only
	Cert, Key    string // files with the client certificate and its key; mqtts only
	Username     string
	PasswordFile string // read again for every connection, as are the three above
	ClientID     string // default nightfill-hq-<org>-<random>; two programs must not use the same
}

// Options say what a Fleet listens to and where it keeps it. Zero values of the tuning fields
// mean the default.
type Options struct {
	DB       *database.DB
	Org      string // the one organisation that is listened to
	Broker   Broker
	Shared   string // name of a $share group among which events are divided; "" = every program takes all
	Expected []board.Expected
	Version  string // shown in hq/state, for example "nightfill-hq 1.4.0"
	Log      *slog.Logger

	BatchSize int           // messages stored in one transaction at most; default 8000
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

	// Dial opens the connection below TLS; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// address is where Broker.URL points to.
type address struct {
	host, port string
	tls        bool
}

func (a address) String() string { return net.JoinHostPort(a.host, a.port) }

// parseBroker reads a broker URL and fills in the usual port.
func parseBroker(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("cannot read mqtt url %q: write it like mqtts://mqtt.example.com:8883", text)
	}
	port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[u.Scheme]
	switch {
	case port == "":
		return address{}, fmt.Errorf("cannot use mqtt url %q: it must begin with mqtts:// (or mqtt:// in a lab)", text)
	case u.Hostname() == "":
		return address{}, fmt.Errorf("cannot use mqtt url %q: it names no host", text)
	case u.User != nil:
		return address{}, errors.New("cannot use a mqtt url with a password in it: set username and password_file")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return address{}, fmt.Errorf("cannot use mqtt url %q: nothing may follow the host and port", text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return address{host: u.Hostname(), port: port, tls: u.Scheme == "mqtts"}, nil
}

// checked returns the options with the defaults filled in, or everything that is wrong with them.
func (o Options) checked() (Options, address, error) {
	at, err := parseBroker(o.Broker.URL)
	problems := []error{err}
	if !level(o.Org) {
		problems = append(problems, fmt.Errorf("cannot listen to org %q: name one organisation, without / + # or control characters", o.Org))
	}
	if strings.ContainsAny(o.Shared, "/+# ") {
		problems = append(problems, fmt.Errorf("cannot use %q as a shared group: it must not contain / + # or spaces", o.Shared))
	}
	if (o.Broker.Cert == "") != (o.Broker.Key == "") {
		problems = append(problems, errors.New("cannot use a client certificate without its key: set both cert and key"))
	}
	if o.Broker.PasswordFile != "" && o.Broker.Username == "" {
		problems = append(problems, errors.New("cannot use password_file without username"))
	}
	if err == nil && !at.tls && (o.Broker.CA != "" || o.Broker.Cert != "" || o.Broker.Key != "") {
		problems = append(problems, errors.New("cannot use ca, cert or key with mqtt://: write mqtts:// in the url"))
	}
	switch {
	case o.DB == nil:
		problems = append(problems, errors.New("cannot listen without a database"))
	case o.Shared != "" && !o.DB.Shared():
		problems = append(problems, errors.New("cannot share the work over an SQLite file: use postgres:// for several programs"))
	}
	if err := errors.Join(problems...); err != nil {
		return o, at, err
	}
	return o.withDefaults(), at, nil
}

// withDefaults fills in what was left empty.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	}
	for _, n := range []struct {
		is *int
		to int
	}{{&o.BatchSize, 8000}, {&o.Queue, 4096}, {&o.SeenRate, 1000}} {
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
