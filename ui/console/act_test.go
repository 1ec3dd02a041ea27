package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/console/live"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// TestRules sends every verb in every situation: an order reaches the box only from who may give it,
// with the reason and the number that its tier asks for.
func TestRules(t *testing.T) {
	r := newRig(t, live.Usual())
	for _, role := range site.UserRoles() {
		r.client = r.browser()
		r.login(role)
		l := r.open()
		for _, trading := range []bool{false, true} {
			r.shop.mu.Lock()
			r.shop.trading = trading
			r.shop.mu.Unlock()
			r.shop.add(run.Event{Kind: run.DaemonStarted}) // so that the board is filled anew
			waitFor(t, r, trading, string(role))
			for _, v := range order.Verbs() {
				for _, device := range targets(v) {
					for _, with := range []string{"nothing", "reason", "number"} {
						situation := fmt.Sprintf("%s: %s %q, trading %v, with %s", role, v.Name, device, trading, with)
						before := len(r.shop.verbs())
						l.say(orderOf(v, device, with, situation))
						f := l.next()
						if want := expected(role, v, device, trading, with); f.Code != want || (want == "ok") != (len(r.shop.verbs()) > before) || f.ID != situation[:min(64, len(situation))] {
							t.Errorf("%s: %+v, want %s", situation, f, want)
						}
					}
				}
			}
		}
	}
}

// waitFor waits until the console knows whether the store trades: a verb tells.
func waitFor(t *testing.T, r *rig, trading bool, round string) {
	t.Helper()
	probe := *r
	probe.client = r.browser()
	probe.login(site.UserTech)
	l := probe.open()
	for n := 0; ; n++ {
		l.say(map[string]any{"t": "act", "id": fmt.Sprint("probe ", round, trading, n), "verb": "diagnose", "dev": "srv-1"})
		if f := l.next(); (f.Code == order.CodeNoReason) == trading {
			return
		}
	}
}

func targets(v order.Verb) []string {
	var all []string
	if v.Device {
		all = append(all, "srv-1")
	}
	if v.Store {
		all = append(all, map[bool]string{true: site.AllDevices, false: ""}[v.Device])
	}
	return all
}

func orderOf(v order.Verb, device, with, id string) map[string]any {
	o := map[string]any{"t": "act", "id": id[:min(64, len(id))], "verb": v.Name, "dev": device, "until": "4h", "key": "ssh-ed25519 AAAA", "patch": "pos-app"}
	if with != "nothing" {
		o["reason"] = "till hangs"
	}
	if with == "number" {
		o["store"] = "0142"
	}
	return o
}

// expected is the rule, written another way.
func expected(role site.UserRole, v order.Verb, device string, trading bool, with string) string {
	mild := map[string]bool{order.Retry: true, order.Diagnose: true, order.Check: true, order.Refresh: true}[v.Name]
	typed := device == site.AllDevices || trading && map[string]bool{order.RollBack: true, order.Restart: true, order.Shell: true}[v.Name]
	switch {
	case role == site.UserViewer, role == site.UserTech && device == site.AllDevices:
		return "not_allowed"
	case with == "nothing" && (!mild || trading && device != ""):
		return order.CodeNoReason
	case typed && with != "number":
		return order.CodeNumber
	}
	return "ok"
}

func TestBadOrders(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserTech)
	l := r.open()
	with := func(fields ...string) map[string]any {
		o := map[string]any{"t": "act", "id": strings.Join(fields, ""), "verb": "hold", "dev": "srv-1", "reason": "x", "until": "4h"}
		for i := 0; i < len(fields); i += 2 {
			o[fields[i]] = fields[i+1]
		}
		return o
	}
	for _, tt := range []struct {
		order     map[string]any
		code, say string
	}{
		{with("verb", "explode"), order.CodeNoVerb, `there is no verb "explode"`},
		{with("dev", "none"), order.CodeNoDevice, `there is no device "none" in this store`},
		{with("dev", ""), order.CodeNoDevice, "hold needs a device"},
		{with("verb", "check"), order.CodeBadRequest, "check is asked of the whole store, not of a device"},
		{with("verb", "diagnose", "dev", "all"), order.CodeNoDevice, `there is no device "all" in this store`},
		{with("until", " "), order.CodeBadRequest, "say until when, like 05:00 or 4h"},
		{with("check", "CARD-3"), order.CodeBadRequest, "hold names no check"},
		{with("verb", "rollback"), order.CodeBadRequest, "say which patch"},
		{with("verb", "enrol"), order.CodeBadRequest, "the key is missing"},
		{with("reason", " "), order.CodeNoReason, "say why, for the next person who asks"},
		{with("reason", strings.Repeat("x", 501), "id", "long"), order.CodeBadRequest, "reason has 501 bytes and may have 500"},
		{with("id", ""), order.CodeBadRequest, "an order needs an id of 1 to 64 characters"},
		{with("dev", "all", "id", "whole"), "not_allowed", "the role tech may not do this"},
		{with("code", "000000"), "wrong_code", "the code is wrong"},
	} {
		l.say(tt.order)
		if f := l.next(); f.T != "act.err" || f.Code != tt.code || f.Say != tt.say {
			t.Errorf("%v:\ngot  %s %s %s\nwant %s %s", tt.order, f.T, f.Code, f.Say, tt.code, tt.say)
		}
	}
	if verbs := r.shop.verbs(); len(verbs) > 0 {
		t.Errorf("reached the box: %v", verbs)
	}
	l.say(with("verb", "release", "dev", "", "patch", "pos-app"))
	if f := l.next(); f.T != "act.ok" || r.shop.orders[0].Patch != "pos-app" {
		t.Errorf("a patch in quarantine: %+v", f)
	}
	l.say(with("verb", "diagnose", "check", "CARD-3"))
	if f := l.next(); f.T != "act.ok" || r.shop.orders[1].Check != "CARD-3" {
		t.Errorf("one check: %+v", f)
	}
}

// Who acts on what he saw is told when it is not so any more (C10).
func TestStaleOrder(t *testing.T) {
	r := newRig(t, live.Usual())
	r.login(site.UserTech)
	r.shop.add(run.Event{Kind: run.DaemonStarted}, run.Event{Kind: run.HoldSet, Device: "srv-1"})
	l := r.open()
	l.say(map[string]any{"t": "act", "id": "1", "verb": "retry", "dev": "srv-1", "if_rev": 1})
	if f := l.next(); f.T != "act.err" || f.Code != string(site.CodeChanged) || f.Say != "srv-1 changed since you looked; nothing was done" {
		t.Errorf("got %+v", f)
	}
	l.say(map[string]any{"t": "act", "id": "2", "verb": "retry", "dev": "srv-1", "if_rev": 2})
	if f := l.next(); f.T != "act.ok" || f.Say != "retry was done" {
		t.Errorf("got %+v", f)
	}
}
