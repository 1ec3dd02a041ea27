package daemon

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

func TestManagerStopsTheNightOnThePage(t *testing.T) {
	l := newLab(t, 1)
	l.script("p", "true")
	l.publish()
	cfg := l.storeFile()
	now := time.Now().UTC()
	clock := func(after time.Duration) window.Clock {
		at := now.Add(after)
		return window.Clock(at.Hour()*60 + at.Minute())
	}
	cfg.Store.Calendar.Start, cfg.Store.Calendar.End = clock(3*time.Hour), clock(9*time.Hour)
	hash, err := accounts.HashPIN("4711", nil)
	l.must(err)
	cfg.NotTonight = &config.NotTonight{PIN: hash, Rule: run.SkipRule{AnyTime: true, MaxPerMonth: 1}}
	d, stop := l.start(cfg)
	defer stop()
	page := d.readyPage()
	send := func(form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/tonight", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		page.ServeHTTP(w, r)
		return w
	}
	if w := send(url.Values{"pin": {"0815"}, "reason": {"skip_stock"}}); w.Code != 403 || !strings.Contains(w.Body.String(), "This PIN is not right.") {
		t.Errorf("a wrong PIN: %d %s", w.Code, w.Body)
	}
	if w := send(url.Values{"pin": {"4711"}, "reason": {"skip_stock"}}); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if h := d.State().Holds[site.AllDevices]; h.Actor != run.Manager || h.Reason != "Stock taking" || !h.Until.After(now.Add(8*time.Hour)) {
		t.Errorf("the hold: %+v", h)
	}
	if w := send(url.Values{"pin": {"4711"}, "undo": {"1"}}); w.Code != 200 || len(d.State().Holds) > 0 {
		t.Errorf("let go: %d %s, %v", w.Code, w.Body, d.State().Holds)
	}
	for range 3 {
		_ = send(url.Values{"pin": {"0815"}, "undo": {"1"}})
	}
	if w := send(url.Values{"pin": {"4711"}, "undo": {"1"}}); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
		t.Errorf("after three wrong PINs: %d %q", w.Code, w.Header().Get("Retry-After"))
	}
}
