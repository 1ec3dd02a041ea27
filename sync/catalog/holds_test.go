package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// held is a forge whose catalog has the holds role, which holds these patches.
func held(t *testing.T, patches map[string]site.PatchHold) *forge {
	f := newForge(t)
	f.keys[site.HoldsRole] = []string{"holds-1"}
	d := f.targets.Signed.Delegations
	d.Keys[keyID("holds-1")] = public("holds-1")
	d.Roles = append(d.Roles, metadata.DelegatedRole{
		Name: site.HoldsRole, Threshold: 1, Terminating: true, Paths: []string{site.HoldsPaths}, KeyIDs: []string{keyID("holds-1")},
	})
	f.roles[site.HoldsRole] = metadata.Targets(start.Add(24 * time.Hour))
	f.list(site.HoldsRole, site.HoldsTarget, site.Holds{Schema: 1, Patches: patches})
	return f
}

func hold(digest string, at time.Time) map[string]site.PatchHold {
	return map[string]site.PatchHold{"p1": {Digest: digest, Reason: "tills do not come back", At: at}}
}

// TestHolds stops a patch by its name, or only certain bytes of it, until people lift that.
func TestHolds(t *testing.T) {
	digest := policy.Digest(site.Patch{Artifacts: []site.Artifact{{SHA256: strings.Repeat("a", 64)}}})
	for _, c := range []struct {
		name  string
		holds map[string]site.PatchHold
		rules site.Rules
		want  bool
	}{
		{"nothing", nil, site.Rules{}, false},
		{"by name", hold("", start), site.Rules{}, true},
		{"its bytes", hold(digest, start), site.Rules{}, true},
		{"other bytes", hold(strings.Repeat("b", 64), start), site.Rules{}, false},
		{"another patch", map[string]site.PatchHold{"p9": {Reason: "bad", At: start}}, site.Rules{}, false},
		{"lifted", hold("", start), site.Rules{Lifted: map[string]time.Time{"p1": start}}, false},
		{"lifted before it was set again", hold("", start), site.Rules{Lifted: map[string]time.Time{"p1": start.Add(-time.Second)}}, true},
		{"another is lifted", hold("", start), site.Rules{Lifted: map[string]time.Time{"p2": start}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := held(t, c.holds)
			c.rules.Schema = 1
			c.rules.Releases = map[string]site.Release{"p1": {Ring: site.RingFleet}}
			f.list("fleet", site.RulesTarget, c.rules)
			g, err := verifyFiles(f.build())
			if err != nil {
				t.Fatal(err)
			}
			a := g.catalog.Patches[0]
			if (a.Held != nil) != c.want {
				t.Errorf("held is %+v, want %t", a.Held, c.want)
			}
			v := policy.Facts{Store: site.Store{Ring: site.RingFleet}, Now: start}.Patch(a)
			if c.want && (v.State != site.Held || v.Reason.String() != "held by headquarters: tills do not come back [held]") || !c.want && !v.Eligible() {
				t.Errorf("the store says %s %s", v.State, v.Reason)
			}
		})
	}
}

// TestHoldsRoleOnlyStops tries to do more with the online key than to stop.
func TestHoldsRoleOnlyStops(t *testing.T) {
	tests := []struct {
		name   string
		change func(*forge)
		want   string
	}{
		{"it signs a release", func(f *forge) {
			f.list(site.HoldsRole, site.RulesTarget, site.Rules{Schema: 1, Releases: map[string]site.Release{"p1": {Ring: site.RingFleet}}})
		}, `role holds lists "fleet/rules.json", which it may not`},
		{"it signs an approval", func(f *forge) { f.list(site.HoldsRole, "patches/pos/p2.json", site.Patch{ID: "p2", Owner: "pos"}) }, `role holds lists "patches/pos/p2.json", which it may not`},
		{"it signs an approval in its own folder", func(f *forge) {
			f.list(site.HoldsRole, "holds/p2.json", site.Patch{ID: "p2", Owner: "holds"})
		}, `role holds lists "holds/p2.json", which it may not`},
		{"as if it were an owner", func(f *forge) {
			f.list(site.HoldsRole, "patches/holds/p2.json", site.Patch{ID: "p2", Owner: "holds"})
		}, `role holds lists "patches/holds/p2.json", which it may not`},
		{"a path with dots", func(f *forge) { f.list(site.HoldsRole, "holds/../fleet/rules.json", site.Rules{}) }, "which it may not"},
		{"rules in the place of holds", func(f *forge) {
			f.list(site.HoldsRole, site.HoldsTarget, []byte(`{"schema":1,"patches":{},"releases":{"p1":{"ring":"fleet"}}}`))
		}, `unknown field "releases"; update Nightfill on this box`},
		{"a lift in the place of holds", func(f *forge) {
			f.list(site.HoldsRole, site.HoldsTarget, []byte(`{"schema":1,"patches":{},"lifted":{"p1":"2026-11-22T02:30:00Z"}}`))
		}, `unknown field "lifted"`},
		{"a hold with a release", func(f *forge) {
			f.list(site.HoldsRole, site.HoldsTarget, []byte(`{"schema":1,"patches":{"p1":{"reason":"r","at":"2026-11-22T02:30:00Z","ring":"fleet"}}}`))
		}, `unknown field "ring"`},
		{"a hold without a reason", func(f *forge) {
			f.list(site.HoldsRole, site.HoldsTarget, site.Holds{Schema: 1, Patches: map[string]site.PatchHold{"p1": {At: start}}})
		}, `holds/holds.json holds "p1" without a usable patch, digest, reason or time`},
		{"a hold that nobody could lift", func(f *forge) {
			f.list(site.HoldsRole, site.HoldsTarget, site.Holds{Schema: 1, Patches: hold("", start.AddDate(99, 0, 0))})
		}, "holds/holds.json holds p1 from 2125-11-22T02:30:00Z, which is later than the catalog itself"},
		{"a newer form", func(f *forge) { f.list(site.HoldsRole, site.HoldsTarget, site.Holds{Schema: 2}) }, "holds/holds.json has form 2, this version knows 1"},
		{"it delegates", func(f *forge) {
			f.roles[site.HoldsRole].Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}, Roles: []metadata.DelegatedRole{}}
		}, "role holds delegates to other roles"},
		{"targets lets it sign more", func(f *forge) { f.delegation(site.HoldsRole).Paths = []string{"*/*"} }, `targets lets holds sign ["*/*"], expected holds/* only`},
		{"it signs for the fleet", func(f *forge) { f.keys["fleet"] = []string{"holds-1"} }, "Verifying fleet failed"},
		{"it signs for an owner", func(f *forge) { f.keys["pos"] = []string{"holds-1"} }, "Verifying pos failed"},
		{"it signs targets", func(f *forge) { f.keys["targets"] = []string{"holds-1"} }, "Verifying targets failed"},
		{"an owner signs for it", func(f *forge) { f.keys[site.HoldsRole] = []string{"pos-1"} }, "Verifying holds failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := held(t, nil)
			tt.change(f)
			if g, err := verifyFiles(f.build()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("verifySet = %+v, %v, want %q", g, err, tt.want)
			}
		})
	}
}

// TestHoldsAreKept has whoever has the online key try to let go what was stopped.
func TestHoldsAreKept(t *testing.T) {
	a := strings.Repeat("a", 64)
	lifted := func(at time.Time) site.Rules { return site.Rules{Lifted: map[string]time.Time{"p1": at}} }
	early := start.Add(-time.Hour)
	for _, c := range []struct {
		name     string
		was, now map[string]site.PatchHold
		rules    site.Rules // of both
		newRules *site.Rules
		want     bool // refused
	}{
		{"the same", hold("", start), hold("", start), site.Rules{}, nil, false},
		{"left out", hold("", start), nil, site.Rules{}, nil, true},
		{"other bytes", hold("", start), hold(a, start), site.Rules{}, nil, true},
		{"other bytes than before", hold(strings.Repeat("b", 64), start), hold(a, start), site.Rules{}, nil, true},
		{"more than before", hold(a, start), hold("", start), site.Rules{}, nil, false},
		{"dated back before a lift", hold("", start), hold("", early.Add(-time.Minute)), lifted(early), nil, true},
		{"dated back", hold("", start), hold("", early), site.Rules{}, nil, false},
		{"left out and lifted", hold("", start), nil, site.Rules{}, ptr(lifted(start)), false},
		{"left out and lifted too early", hold("", start), nil, lifted(early), nil, true},
		{"left out and withdrawn", hold("", start), nil, site.Rules{}, &site.Rules{Withdrawn: map[string]site.Withdrawal{"p1": {}}}, false},
		{"lifted before already", hold("", early), nil, lifted(early), &site.Rules{}, false},
	} {
		if c.newRules == nil {
			c.newRules = &c.rules
		}
		old, next := &generation{holds: site.Holds{Patches: c.was}, rules: c.rules}, &generation{holds: site.Holds{Patches: c.now}, rules: *c.newRules}
		err := next.keeps(old)
		if (err != nil) != c.want || err != nil && err.Error() != "it ends the hold of p1 (tills do not come back), which only the role fleet may" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := new(generation).keeps(nil); err != nil {
		t.Error(err)
	}
}

func ptr[T any](v T) *T { return &v }
