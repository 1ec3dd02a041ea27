package runner_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// furnishBundles is the reference store in mode bundle, with patches that may go in bundles.
func furnishBundles(devices *fake.Store) policy.Facts {
	facts := furnish(devices)
	facts.Store.Mode = site.Bundle
	for i := range facts.Catalog.Patches {
		facts.Catalog.Patches[i].Patch.Gates = nil
	}
	return facts
}

// hauntBundles lets a patch break its bundle on the first of the lanes, an installer fail and one
// be interrupted in the middle of a bundle, a restart not happen, and a device be away.
func hauntBundles(devices *fake.Store) {
	devices.Script("till-1", "bad-9", fake.Script{Install: fake.Outcome{StopsServices: true}})
	devices.Script("till-2", "os-7", fake.Script{Install: fake.Outcome{Resets: time.Minute, Times: 1, Midway: fake.Broken}})
	devices.Script("till-3", "pos-2", fake.Script{Install: fake.Outcome{Exit: 1, Leaves: fake.Unchanged}})
	devices.Script("back-2", "os-7", fake.Script{Boot: fake.Boot{Ignored: true, Times: 1}})
	devices.Trouble("till-4", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 33), To: at(23, 53)})
}

func wantedBundles() map[string]site.State {
	want := map[string]site.State{}
	for _, m := range machines() {
		want[key(m.id, "os-7")] = site.Done
		switch m.group {
		case "lanes":
			want[key(m.id, "pos-2")], want[key(m.id, "bad-9")] = site.Done, site.Skipped
		case "back":
			want[key(m.id, "db-5")], want[key(m.id, "conf-3")] = site.Done, site.Done
		default:
			want[key(m.id, "conf-3")] = site.Done
		}
	}
	want["till-1 bad-9"], want["till-3 pos-2"] = site.RolledBack, site.RolledBack
	return want
}

// A bundle that loses its box at any write, or around any effect, ends as one that never did.
func TestBundleCrashAnywhere(t *testing.T) { bundled().crashAnywhere(t, 2) }
