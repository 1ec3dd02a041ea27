package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// storesHeld is a forge whose holds role holds these stores.
func storesHeld(t *testing.T, stores map[string]site.StoreHold) *forge {
	f := held(t, nil)
	f.list(site.HoldsRole, site.HoldsTarget, site.Holds{Schema: 1, Patches: map[string]site.PatchHold{}, Stores: stores})
	return f
}

func holdStore(at time.Time) map[string]site.StoreHold {
	return map[string]site.StoreHold{"0423": {Reason: "the power is cut", At: at, By: "kim"}}
}

// TestStoreHolds stops a whole store, and no other, until people lift that.
func TestStoreHolds(t *testing.T) {
	for _, c := range []struct {
		name   string
		stores map[string]site.StoreHold
		lifted map[string]time.Time
		want   bool
	}{
		{"nothing", nil, nil, false},
		{"this store", holdStore(start), nil, true},
		{"another store", map[string]site.StoreHold{"0424": {Reason: "flood", At: start}}, nil, false},
		{"lifted", holdStore(start), map[string]time.Time{"0423": start}, false},
		{"lifted before it was set again", holdStore(start), map[string]time.Time{"0423": start.Add(-time.Second)}, true},
		{"another is lifted", holdStore(start), map[string]time.Time{"0424": start}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := storesHeld(t, c.stores)
			f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Releases: map[string]site.Release{"p1": {Ring: site.RingFleet}}, LiftedStores: c.lifted})
			g, err := verifyFiles(f.build())
			if err != nil {
				t.Fatal(err)
			}
			if g.catalog.Patches[0].Held != nil {
				t.Errorf("the patch is held: %+v", g.catalog.Patches[0])
			}
			d := site.Device{ID: "till-1", Class: site.LinuxServer, HostKey: "k"}
			facts := policy.Facts{Store: site.Store{ID: "0423", Ring: site.RingFleet}, Catalog: g.catalog, Inventory: site.Inventory{"till-1": {Device: "till-1"}}, Now: start}
			v := facts.Device(d)
			want := "the store is held by headquarters: the power is cut [held by=kim since=" + start.Format(time.RFC3339) + "]"
			if c.want && (v.State != site.Held || v.Reason.String() != want) || !c.want && !v.Eligible() {
				t.Errorf("the store says %s %s", v.State, v.Reason)
			}
			if facts.Store.ID = "0142"; !facts.Device(d).Eligible() {
				t.Errorf("another store says %s", facts.Device(d).Reason)
			}
			proven := &Proven{Catalog: g.catalog, Signed: map[string]Signed{"pos": {Expires: start.AddDate(1, 0, 0)}, "fleet": {Expires: start.AddDate(1, 0, 0)}}}
			if err := proven.Judge("p1", "0423", start); (err != nil) != c.want || err != nil && err.Error() != fmt.Sprintf("store 0423 was held by headquarters in the catalog of version %d", g.catalog.Version) {
				t.Errorf("later, the proof says %v", err)
			}
		})
	}
}

// TestStoreHoldsOnlyStop tries to do more with a hold of a store than to stop.
func TestStoreHoldsOnlyStop(t *testing.T) {
	many := map[string]site.StoreHold{}
	for i := range site.MaxStoreHolds + 1 {
		many[fmt.Sprint(i)] = site.StoreHold{Reason: "r", At: start}
	}
	one := func(id string, h site.StoreHold) map[string]site.StoreHold { return map[string]site.StoreHold{id: h} }
	const reason = `holds/holds.json is not usable: the reason for the hold of store 0423 must be one line of 1 to 500 bytes`
	for _, c := range []struct {
		name   string
		stores map[string]site.StoreHold
		raw    string
		want   string
	}{
		{"a hold with a release", nil, `{"0423":{"reason":"r","at":"2026-11-22T02:30:00Z","ring":"fleet"}}`, `unknown field "ring"`},
		{"a hold with an end", nil, `{"0423":{"reason":"r","at":"2026-11-22T02:30:00Z","until":"2026-11-22T03:30:00Z"}}`, `unknown field "until"`},
		{"a list", nil, `["0423"]`, "holds/holds.json is not readable by this version"},
		{"without a reason", one("0423", site.StoreHold{At: start}), "", reason},
		{"a long reason", one("0423", site.StoreHold{Reason: strings.Repeat("r", 501), At: start}), "", reason},
		{"a reason of two lines", one("0423", site.StoreHold{Reason: "r\nREADY", At: start}), "", reason},
		{"a reason that moves the cursor", one("0423", site.StoreHold{Reason: "r\x1b[2J", At: start}), "", reason},
		{"somebody with a long name", one("0423", site.StoreHold{Reason: "r", By: strings.Repeat("k", 201), At: start}), "", "holds/holds.json is not usable: who holds store 0423 must be one line of at most 200 bytes"},
		{"no time", one("0423", site.StoreHold{Reason: "r"}), "", "holds/holds.json is not usable: the hold of store 0423 has no time"},
		{"no store", one("", site.StoreHold{Reason: "r", At: start}), "", `holds/holds.json is not usable: "" is not the id of a store`},
		{"a path", one("../0423", site.StoreHold{Reason: "r", At: start}), "", `holds/holds.json is not usable: "../0423" is not the id of a store`},
		{"a long id", one(strings.Repeat("4", 129), site.StoreHold{Reason: "r", At: start}), "", `is not the id of a store`},
		{"a hold that nobody could lift", holdStore(start.AddDate(99, 0, 0)), "", "holds/holds.json holds store 0423 from 2125-11-22T02:30:00Z, which is later than the catalog itself"},
		{"too many", many, "", "holds/holds.json holds 5001 stores, more than 5000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := storesHeld(t, c.stores)
			if c.raw != "" {
				f.list(site.HoldsRole, site.HoldsTarget, []byte(`{"schema":1,"patches":{},"stores":`+c.raw+`}`))
			}
			if g, err := verifyFiles(f.build()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("verifySet = %+v, %v, want %q", g, err, c.want)
			}
		})
	}
}

// TestStoreHoldsAreKept has whoever has the online key try to let a store go, its own or another's.
func TestStoreHoldsAreKept(t *testing.T) {
	lifted := func(at time.Time) site.Rules { return site.Rules{LiftedStores: map[string]time.Time{"0423": at}} }
	early := start.Add(-time.Hour)
	more := maps.Clone(holdStore(start))
	more["0424"] = site.StoreHold{Reason: "flood", At: start}
	for _, c := range []struct {
		name     string
		was, now map[string]site.StoreHold
		rules    site.Rules // of both
		newRules *site.Rules
		want     bool // refused
	}{
		{"the same", holdStore(start), holdStore(start), site.Rules{}, nil, false},
		{"one more", holdStore(start), more, site.Rules{}, nil, false},
		{"another reason", holdStore(start), map[string]site.StoreHold{"0423": {Reason: "flood", At: start}}, site.Rules{}, nil, false},
		{"left out", holdStore(start), nil, site.Rules{}, nil, true},
		{"another in its place", holdStore(start), map[string]site.StoreHold{"0424": {Reason: "flood", At: start}}, site.Rules{}, nil, true},
		{"dated back before a lift", holdStore(start), holdStore(early.Add(-time.Minute)), lifted(early), nil, true},
		{"dated back", holdStore(start), holdStore(early), site.Rules{}, nil, false},
		{"left out and lifted", holdStore(start), nil, site.Rules{}, ptr(lifted(start)), false},
		{"left out and lifted too early", holdStore(start), nil, lifted(early), nil, true},
		{"lifted before already", holdStore(early), nil, lifted(early), &site.Rules{}, false},
		{"a lift of a patch of that name", holdStore(start), nil, site.Rules{}, &site.Rules{Lifted: map[string]time.Time{"0423": start}}, true},
		{"a withdrawal of a patch of that name", holdStore(start), nil, site.Rules{}, &site.Rules{Withdrawn: map[string]site.Withdrawal{"0423": {}}}, true},
	} {
		if c.newRules == nil {
			c.newRules = &c.rules
		}
		old, next := &generation{holds: site.Holds{Stores: c.was}, rules: c.rules}, &generation{holds: site.Holds{Stores: c.now}, rules: *c.newRules}
		err := next.keeps(old)
		if (err != nil) != c.want || err != nil && err.Error() != "it ends the hold of store 0423 (the power is cut), which only the role fleet may" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestStoreHoldsAbsent: what holds no store is written as the version before wrote it, which such a store reads.
func TestStoreHoldsAbsent(t *testing.T) {
	for _, v := range []any{site.Holds{}, site.Rules{}, site.Catalog{}} {
		if data, err := json.Marshal(v); err != nil || strings.Contains(strings.ToLower(string(data)), "stores") {
			t.Errorf("%s, %v", data, err)
		}
	}
}
