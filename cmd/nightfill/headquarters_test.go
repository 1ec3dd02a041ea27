package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nightfill/nightfill/cmd/nightfill/demobroker"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/fleetsim"
	"github.com/nightfill/nightfill/daemon/hq"
)

// startHeadquarters runs headquarters in a folder until the script ends, with a broker and two simulated stores,
// whose last night it has; alone has no stores. People must log in. The script finds it by HQ, HQ_METRICS and HQ_BROKER.
func startHeadquarters(ts *testscript.TestScript, _ bool, args []string) {
	broker, url, err := demobroker.Start("127.0.0.1:0", nil)
	ts.Check(err)
	ts.Defer(func() { _ = broker.Close() })
	c := hqfile.Lab()
	c.MQTT.URL, c.State, c.Listen, c.Metrics = url, args[0], freeAddress(ts), freeAddress(ts)
	ts.Check(c.Settle())
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	h, err := hq.New(ctx, hq.Options{Config: c, Version: "1.0.0", Log: log})
	ts.Check(err)
	var ends []chan error
	begin := func(run func(context.Context) error) {
		ended := make(chan error, 1)
		go func() { ended <- run(ctx) }()
		ends = append(ends, ended)
	}
	ts.Defer(func() {
		cancel()
		for _, ended := range ends {
			<-ended
		}
	})
	begin(h.Run)
	awaited(ts, "headquarters hears the broker", func() bool { return strings.Contains(asked(c.Metrics), "nightfill_hq_mqtt_connected 1\n") })
	ts.Setenv("HQ", c.Listen)
	ts.Setenv("HQ_METRICS", c.Metrics)
	ts.Setenv("HQ_BROKER", url)
	ts.Setenv("NIGHTFILL_HQ_STATE", c.State)
	if slices.Contains(args, "alone") {
		return
	}
	stores, err := fleetsim.New(fleetsim.Options{Org: c.Org, Stores: 2, Devices: 4, Nights: 1, Seed: 1, Now: time.Now(), Run: "page", Broker: url, Rate: -1, Log: log})
	ts.Check(err)
	begin(stores.Run)
	awaited(ts, "headquarters has the night", func() bool {
		p := stores.Progress()
		return p.Played == p.Stores && p.Events > 0 && p.Stored == p.Events
	})
}

// freeAddress is an address that nobody listens on.
func freeAddress(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	return l.Addr().String()
}

// asked is what the metrics say; nothing as long as nobody answers.
func asked(address string) string {
	client := http.Client{Timeout: 5 * time.Second}
	r, err := client.Get(fmt.Sprintf("http://%s/metrics", address))
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	return string(body)
}

func awaited(ts *testscript.TestScript, what string, is func() bool) {
	for end := time.Now().Add(time.Minute); !is(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("it does not come: %s", what)
		}
	}
}
