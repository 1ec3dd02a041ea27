package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

var (
	_ control.Box     = (*controltest.Box)(nil)
	_ control.Journal = (*controltest.Journal)(nil)
	_ control.Journal = (*journal.Journal)(nil)
)

// lab is a server on a socket, with a raw client and a good one.
type lab struct {
	t      *testing.T
	box    *controltest.Box
	path   string
	client *client.Client
	raw    *http.Client
	stop   context.CancelFunc
	ended  chan error
}

// dir is a short directory: the path of a socket is limited.
func dir(t *testing.T) string {
	t.Helper()
	d, err := os.MkdirTemp("", "nf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

func newLab(t *testing.T) *lab {
	t.Helper()
	box, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, box: box, path: filepath.Join(dir(t), "state", "control.sock"), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	users, err := box.Users(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := control.New(control.Options{Box: box, Journal: box.Journal, Users: users, Path: l.path, Version: "1.0.0"})
	go func() { l.ended <- s.Run(ctx) }()
	l.client = client.Dial(l.path)
	l.raw = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.path)
	}}}
	t.Cleanup(func() {
		l.client.Close()
		l.raw.CloseIdleConnections()
		stop()
		if err := <-l.ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	l.await()
	return l
}

// await returns when the server answers.
func (l *lab) await() {
	l.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if _, err := l.client.Devices(context.Background()); err == nil {
			return
		}
	}
	l.t.Fatal("the server does not answer")
}

// ask sends a raw request and returns the status and the body.
func (l *lab) ask(method, path, body string) (int, string, http.Header) {
	l.t.Helper()
	req, err := http.NewRequest(method, "http://nightfilld"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := l.raw.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func TestRoutes(t *testing.T) {
	l := newLab(t)
	large := `{"device":"srv-1","until":"4h","reason":"` + strings.Repeat("x", 70<<10) + `"}`
	tests := []struct {
		method, path, body string
		status             int
		want               string // a part of the body
	}{
		{"GET", "/v1/status", "", 200, `"verdict":"ready_notes"`},
		{"GET", "/v1/devices", "", 200, `"device":"pinpad-1"`},
		{"GET", "/v1/devices/srv-1", "", 200, `"schema":"device/1","device":"srv-1"`},
		{"GET", "/v1/devices/srv-9", "", 404, `{"error":{"message":"there is no device \"srv-9\"","code":"no_such_device","what_to_do":"the store has srv-1 srv-2 srv-3 srv-4 srv-5 pinpad-1"}}`},
		{"GET", "/v1/devices/srv-5/host-key", "", 200, `"fingerprint":"SHA256:k1l2`},
		{"GET", "/v1/devices/srv-5/host-key", "", 200, `"pinned":"none"`},
		{"GET", "/v1/devices/srv-1/host-key", "", 200, `"pinned":"same"`},
		{"GET", "/v1/devices/pinpad-1/host-key", "", 409, `"code":"observe_only"`},
		{"GET", "/v1/devices/srv-4/diagnosis", "", 200, `"error":{"code":"no_answer"`},
		{"GET", "/v1/devices/srv-9/diagnosis", "", 404, `no_such_device`},
		{"GET", "/v1/devices/srv-2/diagnosis?check=POS-2", "", 200, `"check":"POS-2"`},
		{"GET", "/v1/devices/srv-2/diagnosis?check=POS-1", "", 409, `srv-2 has no check \"POS-1\": it has POS-2`},
		{"GET", "/v1/plan", "", 200, `"night":"2026-11-22"`},
		{"GET", "/v1/plan?at=2026-11-25T12:00:00-06:00", "", 200, `"night":"2026-11-25"`},
		{"GET", "/v1/plan?at=never", "", 400, `"message":"\"never\" is not a moment"`},
		{"GET", "/v1/why?device=srv-2&patch=pos-app-4.2.1", "", 200, `"state":"rolled_back"`},
		{"GET", "/v1/why?device=srv-2&patch=nothing", "", 404, `"code":"no_such_patch"`},
		{"GET", "/v1/why?device=srv-9", "", 404, `no_such_device`},
		{"GET", "/v1/night", "", 200, `"schema":"night/1"`},
		{"GET", "/v1/night?date=2026-11-21", "", 200, `"left_out"`},
		{"GET", "/v1/night?date=2026-11-01", "", 404, `"code":"no_such_night"`},
		{"GET", "/v1/night?date=today", "", 400, `"code":"bad_request"`},
		{"GET", "/v1/replay", "", 200, `"schema":"replay/1","night":"2026-11-21","open":false,"decisions":15,"differ":0`},
		{"GET", "/v1/replay?night=2026-11-01", "", 404, `"code":"no_such_night"`},
		{"GET", "/v1/replay?night=today", "", 400, `"code":"bad_request"`},
		{"GET", "/v1/journal/verify", "", 200, `"records":37`},
		{"GET", "/v1/journal?since=36", "", 200, `"seq":37`},
		{"GET", "/v1/journal?since=-1", "", 400, `since \"-1\" is not the number of a record`},
		{"GET", "/v1/journal?limit=0", "", 400, `limit \"0\" is not a number of records`},
		{"GET", "/v1/journal?follow=perhaps", "", 400, `write true or false`},
		{"POST", "/v1/check", "", 200, `"results":[{"check":"POS-1"`},
		{"POST", "/v1/hold", `{"device":"srv-1","until":"4h","reason":"till in use"}`, 200, `"until":"2026-11-22T09:30:00-06:00"`},
		{"POST", "/v1/hold", `{"device":"srv-1","until":"4h","reason":" "}`, 400, `the reason of the hold is missing`},
		{"POST", "/v1/hold", `{"device":"srv-1","until":"0s","reason":"x"}`, 400, `would be over already`},
		{"POST", "/v1/hold", `{"device":"srv-9","until":"4h","reason":"x"}`, 404, `no_such_device`},
		{"POST", "/v1/hold", `{"device":"srv-1","until":"4h","reason":"` + strings.Repeat("x", 501) + `"}`, 400, `has 501 bytes and may have 500`},
		{"POST", "/v1/hold", `{"device":"srv-1","actor":"root"}`, 400, `unknown field \"actor\"`},
		{"POST", "/v1/hold", `{}{}`, 400, `there is something after it`},
		{"POST", "/v1/hold", ``, 400, `not what this daemon understands: EOF`},
		{"POST", "/v1/hold", large, 413, `the request has more than 65536 bytes`},
		{"POST", "/v1/release", `{"device":"srv-1"}`, 200, `"reason":"till in use"`},
		{"POST", "/v1/release", `{"device":"srv-1"}`, 409, `{"error":{"message":"nothing holds srv-1","code":"nothing_to_release"}}`},
		{"POST", "/v1/release", `{"device":"all"}`, 409, `there is no hold of the whole store`},
		{"POST", "/v1/ack", `{"code":"POS-1","reason":"on my way"}`, 409, `{"error":{"message":"there is no alarm POS-1 now; see: nightfill status","code":"not_applicable"}}`},
		{"POST", "/v1/clock/confirm", `{"reason":" "}`, 400, `the reason is missing`},
		{"POST", "/v1/clock/confirm", `{"reason":"compared"}`, 409, `{"error":{"message":"the clock of this box is not behind its journal: there is nothing to confirm","code":"not_applicable"}}`},
		{"POST", "/v1/ack", `{"code":"POS-1"}`, 400, `the reason is missing`},
		{"POST", "/v1/ack", `{"reason":"x"}`, 400, `the code of the alarm is missing`},
		{"POST", "/v1/release", `{"device":"srv-9"}`, 404, `no_such_device`},
		{"POST", "/v1/takeover", `{"device":"srv-9","reason":"the old box is gone"}`, 404, `no_such_device`},
		{"POST", "/v1/takeover", `{"device":"srv-1","reason":" "}`, 400, `the reason is missing`},
		{"POST", "/v1/takeover", `{"device":"srv-1","reason":"the old box is gone"}`, 200, `{"device":"srv-1","actor":"` + me(t) + `","reason":"the old box is gone"}`},
		{"POST", "/v1/catalog/refresh", "", 200, `"changed":false`},
		{"POST", "/v1/catalog/import", `{"dir":"/media/usb"}`, 200, `"version":8`},
		{"POST", "/v1/catalog/import", `{"dir":"usb"}`, 400, `\"usb\" is not an absolute path`},
		{"POST", "/v1/enrol", `{"device":"srv-5","key":"` + controltest.Key + `"}`, 200, `"actor":"` + me(t) + `"`},
		{"POST", "/v1/enrol", `{"device":"srv-5","key":"AAAA"}`, 400, `this is not a host key: \"AAAA\"`},
		{"POST", "/v1/enrol", `{"device":"pinpad-1","key":"a b"}`, 409, `observe_only`},
		{"GET", "/v1/hold", "", 405, `this is asked with POST`},
		{"DELETE", "/v1/journal", "", 405, `this is asked with GET`},
		{"GET", "/v1/nothing", "", 404, `"code":"no_such_route"`},
		{"GET", "/", "", 404, `(1.0.0)`},
	}
	for _, tt := range tests {
		status, body, header := l.ask(tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s: got %d %s, want %d with %s", tt.method, tt.path, status, body, tt.status, tt.want)
		}
		if zone := header.Get(wire.ZoneHeader); zone != "America/Chicago" {
			t.Errorf("%s %s: zone %q", tt.method, tt.path, zone)
		}
		if status >= 300 {
			var e struct{ Error wire.Error }
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
				t.Errorf("%s %s: the error %s has no code or no message", tt.method, tt.path, body)
			}
		}
	}
}

func TestErrorsOfTheBox(t *testing.T) {
	l := newLab(t)
	tests := []struct {
		err    error
		status int
		want   string
	}{
		{&wire.Error{Status: 418, Code: "teapot", Message: "no coffee", WhatToDo: "drink tea"}, 418, `{"error":{"message":"no coffee","code":"teapot","what_to_do":"drink tea"}}`},
		{&wire.Error{Code: "odd", Message: "odd"}, 500, `{"error":{"message":"odd","code":"odd"}}`},
		{fmt.Errorf("cannot refresh: %w", site.Because(site.CodeCatalogExpired, "a signature is over")), 409, `{"error":{"message":"cannot refresh: a signature is over","code":"catalog_expired"}}`},
		{fmt.Errorf("cannot look: %w", context.DeadlineExceeded), 504, `"code":"timeout"`},
		{context.Canceled, 503, `"code":"stopping"`},
		{errors.New("disk on fire"), 500, `{"error":{"message":"disk on fire","code":"internal","what_to_do":"see: journalctl -u nightfilld"}}`},
	}
	for _, tt := range tests {
		l.box.Fail(tt.err)
		for _, path := range []string{"/v1/catalog/refresh", "/v1/check"} {
			if status, body, _ := l.ask("POST", path, ""); status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%v: got %d %s, want %d with %s", tt.err, status, body, tt.status, tt.want)
			}
		}
	}
	l.box.Journal.Break(fmt.Errorf("the journal is not good: %w", &journal.Refusal{Why: journal.ErrBrokenChain, What: "record 7 is missing"}))
	if status, body, _ := l.ask("GET", "/v1/journal/verify", ""); status != 500 || !strings.Contains(body, `"message":"the journal is not good: record 7 is missing","code":"bad_journal"`) {
		t.Errorf("a broken journal: got %d %s", status, body)
	}
}

func second[T any](_ T, err error) error { return err }

// TestActor holds the name in the journal to who really asked.
func TestActor(t *testing.T) {
	l := newLab(t)
	ctx := context.Background()
	if _, err := l.client.Hold(ctx, wire.HoldAsked{Device: "srv-2", Until: "05:00", Reason: "till in use"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.client.Release(ctx, "srv-2", " till is free "); err != nil {
		t.Fatal(err)
	}
	if _, err := l.client.Enrol(ctx, "srv-5", controltest.Key, "new disk"); err != nil {
		t.Fatal(err)
	}
	records, err := l.box.Journal.Since(38, 10)
	if err != nil || len(records) != 3 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	if records[1].Event.Why != "till is free" || records[2].Event.Why != "new disk" {
		t.Errorf("the reasons are %q and %q", records[1].Event.Why, records[2].Event.Why)
	}
	const want = "the reason has 501 bytes and may have 500"
	for _, err := range []error{second(l.client.Release(ctx, "srv-3", strings.Repeat("x", 501))), second(l.client.Enrol(ctx, "srv-5", controltest.Key, strings.Repeat("x", 501)))} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, r := range records {
		if r.Event.Actor != me(t) {
			t.Errorf("%s was done by %q, want %q", r.Event.Kind, r.Event.Actor, me(t))
		}
	}
}

// TestClient asks everything once through the client, and compares it with what the box says itself.
func TestClient(t *testing.T) {
	l := newLab(t)
	ctx, c := context.Background(), l.client
	same := func(name string, got, want any, err error) {
		t.Helper()
		a, b := encode(t, got), encode(t, want)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: got %s, %v, want %s", name, a, err, b)
		}
	}
	f := l.box.View(ctx)
	status, err := c.Status(ctx)
	same("status", status, view.StatusOf(f), err)
	devices, err := c.Devices(ctx)
	same("devices", devices, view.Devices(f), err)
	device, err := c.Device(ctx, "srv-2")
	same("device", device, view.Devices(f)[1], err)
	scene, _ := l.box.Forecast(ctx, time.Time{})
	planned, err := c.Plan(ctx, "")
	wantPlan := wire.ForecastOf(scene.Plan, scene.Report)
	wantPlan.Chance = forecast.Of(scene, forecast.Usual(), 1)
	same("plan", planned, wantPlan, err)
	rehearsal, err := c.Rehearse(ctx, wire.RehearsalAsked{Seed: 3})
	same("rehearsal", rehearsal, played.RehearsalOf(scene, 3, nil, nil, f.Now), err)
	if rehearsal.Faults == nil || rehearsal.Floors == nil {
		t.Errorf("an empty list of a rehearsal is null: %+v", rehearsal)
	}
	want, _ := l.box.Why(ctx, "srv-2", "")
	answers, err := c.Why(ctx, "srv-2", "")
	same("why", answers, want, err)
	night, err := c.Night(ctx, window.Date{})
	wantNight, _ := l.box.NightAt(ctx, window.Date{})
	same("night", night, wantNight, err)
	replay, err := c.Replay(ctx, window.Date{})
	wantReplay, _ := l.box.Replay(ctx, window.Date{})
	same("replay", replay, wantReplay, err)
	sum, err := c.Verify(ctx)
	wantSum, _ := l.box.Journal.Verify(ctx)
	same("verify", sum, wantSum, err)
	checked, err := c.Check(ctx)
	same("check", checked.Ready, f.Report.Document(), err)
	diagnosis, err := c.Diagnose(ctx, "srv-2", "")
	wantDiagnosis, _ := l.box.Diagnose(ctx, "srv-2")
	same("diagnosis", diagnosis, wantDiagnosis, err)
	key, err := c.HostKey(ctx, "srv-5")
	same("host key", key, wire.HostKey{Device: "srv-5", Key: controltest.Key, Fingerprint: controltest.Fingerprint, Pinned: wire.PinnedNone}, err)
	taken, err := c.Refresh(ctx)
	same("refresh", taken.Version, 7, err)
	taken, err = c.Import(ctx, "/media/usb")
	same("import", taken.Changed, true, err)
	if c.Zone().String() != "America/Chicago" {
		t.Errorf("the zone is %s", c.Zone())
	}
	var refused *wire.Error
	if _, err := c.Device(ctx, "srv/9?"); !errors.As(err, &refused) || refused.Code != wire.CodeNoDevice || refused.Status != 404 {
		t.Errorf("an unknown device: %v", err)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFollow(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	got := make(chan run.Record, 100)
	ended := make(chan error, 1)
	from := uint64(36)
	go func() {
		ended <- l.client.Records(ctx, client.Excerpt{Since: &from, Follow: true}, func(r run.Record) error {
			got <- r
			return nil
		})
	}()
	for seq := uint64(36); seq <= 37; seq++ {
		if r := next(t, got); r.Seq != seq {
			t.Fatalf("got record %d, want %d", r.Seq, seq)
		}
	}
	for seq := uint64(38); seq < 48; seq++ { // each is seen before the next is written
		l.box.Journal.Append(run.Event{Kind: run.CheckEnded, Text: fmt.Sprint(seq)})
		if r := next(t, got); r.Seq != seq || r.Event.Text != fmt.Sprint(seq) {
			t.Fatalf("got record %d %s, want %d", r.Seq, r.Event.Text, seq)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

func next(t *testing.T, records <-chan run.Record) run.Record {
	t.Helper()
	select {
	case r := <-records:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no record came")
		return run.Record{}
	}
}

// TestFollowEnds ends the daemon below a follower.
func TestFollowEnds(t *testing.T) {
	l := newLab(t)
	ended, begun := make(chan error, 1), make(chan struct{}, 100)
	follower := client.Dial(l.path)
	defer follower.Close()
	go func() {
		ended <- follower.Records(context.Background(), client.Excerpt{Limit: 1, Follow: true}, func(run.Record) error {
			begun <- struct{}{}
			return nil
		})
	}()
	<-begun
	l.stop()
	var gone *client.Unreachable
	if err := <-ended; !errors.As(err, &gone) {
		t.Errorf("the follower ended with %v", err)
	}
}

func TestExcerpts(t *testing.T) {
	l := newLab(t)
	for l.box.Journal.Last() < 700 { // more than a page
		l.box.Journal.Append(run.Event{Kind: run.CheckEnded})
	}
	n := func(seq uint64) *uint64 { return &seq }
	tests := []struct {
		ask         client.Excerpt
		first, last uint64
	}{
		{client.Excerpt{}, 601, 700},
		{client.Excerpt{Limit: 3}, 698, 700},
		{client.Excerpt{Limit: 5000}, 1, 700},
		{client.Excerpt{Since: n(0), Limit: 300}, 1, 300},
		{client.Excerpt{Since: n(100), Limit: 1}, 100, 100},
		{client.Excerpt{Since: n(690)}, 690, 700},
		{client.Excerpt{Since: n(701)}, 0, 0},
	}
	for _, tt := range tests {
		var seqs []uint64
		err := l.client.Records(context.Background(), tt.ask, func(r run.Record) error {
			seqs = append(seqs, r.Seq)
			return nil
		})
		if err != nil {
			t.Errorf("%+v: %v", tt.ask, err)
			continue
		}
		first, last := uint64(0), uint64(0)
		if len(seqs) > 0 {
			first, last = seqs[0], seqs[len(seqs)-1]
		}
		if first != tt.first || last != tt.last || len(seqs) > 0 && uint64(len(seqs)) != last-first+1 {
			t.Errorf("%+v: got %d records from %d to %d, want %d to %d", tt.ask, len(seqs), first, last, tt.first, tt.last)
		}
	}
	stop := errors.New("enough")
	if err := l.client.Records(context.Background(), client.Excerpt{}, func(run.Record) error { return stop }); err != stop {
		t.Errorf("the error of the visitor became %v", err)
	}
}

func TestForgotten(t *testing.T) {
	l := newLab(t)
	j := controltest.NewJournal(500)
	for range 10 {
		j.Append(run.Event{Kind: run.CheckEnded})
	}
	path := filepath.Join(dir(t), "c.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.New(control.Options{Box: l.box, Journal: j, Path: path}).Run(ctx) }()
	defer func() { cancel(); <-ended }()
	l.path, l.client = path, client.Dial(path)
	l.await()
	old := uint64(499)
	err := l.client.Records(ctx, client.Excerpt{Since: &old}, func(run.Record) error { return nil })
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != wire.CodeForgotten || refused.Status != http.StatusGone {
		t.Errorf("got %v", err)
	}
	count := 0
	if err := l.client.Records(ctx, client.Excerpt{Limit: 100}, func(run.Record) error { count++; return nil }); err != nil || count != 10 {
		t.Errorf("got %d records, %v, want the 10 that are kept", count, err)
	}
}
