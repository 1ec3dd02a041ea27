package run_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// heldScene is a night with a patch for one till.
func heldScene(t *testing.T) scenario.Scene {
	t.Helper()
	scene, err := scenario.Read("device till-1 has=pos:1.0\npatch pos-2 package=pos below=2.0 install=10m")
	if err != nil {
		t.Fatal(err)
	}
	return scene
}

// beginning is why the night of a state begins nothing, by codes: those of Due, or of what its plan leaves out; none
// where it begins something.
func beginning(s run.State, facts policy.Facts) []site.Code {
	span, due, reason := run.Due(s, facts.Store.Calendar, facts.Now)
	if !due {
		return []site.Code{reason.Code}
	}
	facts.Holds = s.Holds
	if h := s.Catalog.StoreHeld; h != nil {
		facts.Catalog.HeldStores = map[string]site.StoreHold{facts.Store.ID: *h}
	}
	if facts.NoCatalog != nil {
		facts.Catalog = site.Catalog{}
	}
	made, report := plan.Make(facts, span, facts.Store.Calendar.Reserve)
	s = run.Fold(s, run.Record{Seq: 100, Event: run.Event{Kind: run.NightOpened, At: facts.Now, Night: made.Night, Plan: &made, Report: report}})
	events, _ := run.Next(s, facts.Now)
	var codes []site.Code
	for _, e := range events {
		if e.Kind == run.StepStarted {
			return nil
		}
	}
	for _, l := range report {
		codes = append(codes, l.Reason.Code)
	}
	return codes
}

// What holds a night back is told with the code with which the night itself begins nothing.
func TestHeldBackIsWhatTheNightGoesBy(t *testing.T) {
	scene := heldScene(t)
	now := scene.Facts.Now
	night := window.DateOf(now)
	for _, c := range []struct {
		name   string
		events []run.Event
		no     *site.Reason
		code   site.Code
		do     string
	}{
		{name: "nothing"},
		{"clock", []run.Event{{Kind: run.ClockChanged, Reason: site.Because(site.CodeClockUnsure, "it jumped")}}, nil, site.CodeClockUnsure, "nightfill clock confirm"},
		{"clock went back", []run.Event{{Kind: run.DaemonStarted, At: now.Add(time.Hour)}}, nil, site.CodeClockUnsure, "nightfill clock confirm"},
		{"disk", []run.Event{{Kind: run.DiskChanged, Reason: site.Because(site.CodeBoxFull, "it is full")}}, nil, site.CodeBoxFull, "free disk space"},
		{"headquarters", []run.Event{{Kind: run.CatalogUpdated, Catalog: &run.CatalogNote{Version: 7, StoreHeld: &site.StoreHold{Reason: "storm", At: now}}}}, nil,
			site.CodeHeld, "ask headquarters"},
		{"a person", []run.Event{{Kind: run.HoldSet, Hold: &site.Hold{Device: site.AllDevices, Until: now.Add(8 * time.Hour), Reason: "stock taking", Actor: "ann"}}}, nil,
			site.CodeHeld, "nightfill release all"},
		{"a hold that is over", []run.Event{{Kind: run.HoldSet, Hold: &site.Hold{Device: site.AllDevices, Until: now, Reason: "stock taking", Actor: "ann"}}}, nil, "", ""},
		{"a night that is not over", []run.Event{{Kind: run.NightOpened, Night: night.AddDays(-1), Plan: &plan.Plan{Night: night.AddDays(-1)}}}, nil, site.CodeWaiting, "nightfill status"},
		{"no catalog", nil, site.Because(site.CodeNoCatalog, "never"), site.CodeNoCatalog, "nightfill catalog refresh"},
		{"old catalog", nil, site.Because(site.CodeCatalogOld, "20 days"), site.CodeCatalogOld, "nightfill catalog refresh"},
		{"expired catalog", nil, site.Because(site.CodeCatalogExpired, "its signature"), site.CodeCatalogExpired, "sign it anew"},
		{"refused catalog", nil, site.Because(site.CodeCatalogRefused, "forged"), site.CodeCatalogRefused, "nightfill catalog refresh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := run.State{}
			for i, e := range c.events {
				if e.At.IsZero() {
					e.At = now
				}
				state = run.Fold(state, run.Record{Seq: uint64(i + 1), Event: e})
			}
			facts := scene.Facts
			facts.NoCatalog = c.no
			told, does := run.HeldBack(state, night, now, now, c.no), beginning(state, facts)
			if c.code == "" {
				if len(told) != 0 || len(does) != 0 {
					t.Errorf("told %v, and the night goes by %v", told, does)
				}
				return
			}
			if len(told) != 1 || told[0].Code != c.code || !strings.Contains(told[0].Do, c.do) {
				t.Fatalf("told %v, want %s and %q", told, c.code, c.do)
			}
			if len(does) != 1 || does[0] != c.code {
				t.Errorf("told %s, and the night goes by %v", c.code, does)
			}
		})
	}
}

// A window is passed over because its night is over, or because its day is in a blackout, and that is told.
func TestComing(t *testing.T) {
	scene := heldScene(t)
	now, calendar := scene.Facts.Now, scene.Calendar
	over := run.Fold(run.State{}, run.Record{Seq: 1, Event: run.Event{Kind: run.NightOpened, At: now, Night: window.DateOf(now), Plan: &plan.Plan{Night: window.DateOf(now)}}})
	open := over
	over = run.Fold(over, run.Record{Seq: 2, Event: run.Event{Kind: run.NightClosed, At: now}})
	shut := calendar
	shut.Blackouts = []window.Blackout{{From: window.DateOf(now), To: window.DateOf(now).AddDays(2), Reason: "stock taking"}}
	for _, c := range []struct {
		name     string
		s        run.State
		calendar window.Calendar
		at       time.Time
		begins   time.Time
		passed   string
	}{
		{"open", run.State{}, calendar, now.Add(time.Hour), now.Add(time.Hour), ""},
		{"to come", run.State{}, calendar, now.Add(-time.Hour), now, ""},
		{"under way", open, calendar, now.Add(time.Hour), now.Add(time.Hour), ""},
		{"over", over, calendar, now.Add(time.Hour), now.AddDate(0, 0, 1), "the night of " + window.DateOf(now).String() + " is over: a window opens once [window_over night=" + window.DateOf(now).String() + "]"},
		{"over, the morning after", over, calendar, now.Add(10 * time.Hour), now.AddDate(0, 0, 1), ""},
		{"blackout", run.State{}, shut, now, now.AddDate(0, 0, 3), "blackout"},
	} {
		span, begins, passed, ok := run.Coming(c.s, c.calendar, c.at)
		if !ok || !begins.Equal(c.begins) || span.Open.After(begins) {
			t.Errorf("%s: %v, begins %s, want %s", c.name, span, begins, c.begins)
		}
		if got := passed.String(); got != c.passed && (c.passed != "blackout" || passed == nil || passed.Code != site.CodeBlackout) {
			t.Errorf("%s: passed over because %q, want %q", c.name, got, c.passed)
		}
	}
	if _, _, _, ok := run.Coming(run.State{}, window.Calendar{}, now); ok {
		t.Error("a window without a calendar")
	}
}
