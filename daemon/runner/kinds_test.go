package runner_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// kind is a night of its own, in which the box may lose its power anywhere.
type kind struct {
	furnish func(*fake.Store) policy.Facts
	haunt   func(*fake.Store)
	play    func(w *world)
	want    map[string]site.State
}

// reference is the night in which every kind of trouble comes up: a canary, restarts, rollbacks, gates
// that are waited for, devices that are silent or stay away.
func reference() kind { return kind{furnish, haunt, (*world).whole, wanted()} }

func bundled() kind { return kind{furnishBundles, hauntBundles, (*world).whole, wantedBundles()} }

// small furnishes a store of servers without groups.
func small(devices *fake.Store, patches []site.Patch, machines ...fake.Device) policy.Facts {
	facts := policy.Facts{
		Store:   site.Store{ID: "0142", Ring: site.RingFleet, Calendar: window.Calendar{Zone: time.UTC, Start: opensAt, End: endsAt, Reserve: reserve}},
		Catalog: site.Catalog{Version: 1}, Cached: map[string]bool{},
	}
	for _, m := range machines {
		m.Latency, m.VerifyTakes = 20*time.Millisecond, 20*time.Second
		facts.Store.Devices = append(facts.Store.Devices, devices.Add(m))
	}
	for _, p := range patches {
		facts.Catalog.Patches = append(facts.Catalog.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
		for _, a := range policy.Needed(p) {
			facts.Cached[a.SHA256] = true
		}
	}
	return facts
}

// passes is a night that is extended again and again: each look finds what the one before brought, and
// what an exception kept back until then.
func passes() kind {
	return kind{
		furnish: func(devices *fake.Store) policy.Facts {
			facts := small(devices, chain(), machine("srv-1", "pos=1.0"), machine("srv-2", "pos=1.0"), machine("srv-3", "pos=1.0"), machine("srv-4", "pos=1.0"))
			excepted := func(device string, until time.Time) site.Exception {
				return site.Exception{Patch: "pos-2", Devices: []string{device}, Owner: "pos team", Reason: "month end", Expires: until}
			}
			facts.Catalog.Patches[0].Exceptions = []site.Exception{excepted("srv-3", at(23, 4)), excepted("srv-4", at(11, 0))}
			return facts
		},
		haunt: func(devices *fake.Store) {
			devices.Script("srv-1", "client-2", fake.Script{Boot: fake.Boot{Ignored: true, Times: 1}})
			devices.Script("srv-2", "plugin-2", fake.Script{Install: fake.Outcome{Resets: time.Minute, Times: 1, Midway: fake.Broken}})
			devices.Script("srv-3", "plugin-2", fake.Script{Install: fake.Outcome{StopsServices: true}})
		},
		play: (*world).whole,
		want: map[string]site.State{
			"srv-1 pos-2": site.Done, "srv-1 client-2": site.Done, "srv-1 plugin-2": site.Done,
			"srv-2 pos-2": site.Done, "srv-2 client-2": site.Done, "srv-2 plugin-2": site.Done,
			"srv-3 pos-2": site.Done, "srv-3 client-2": site.Done, "srv-3 plugin-2": site.RolledBack,
		},
	}
}

// byHand is a night in which a person takes a proven patch off again, and has a failed one tried once more.
func byHand() kind {
	return kind{
		furnish: func(devices *fake.Store) policy.Facts {
			back := upgrade("pos-2", "pos", "1.0", "2.0")
			back.Reboot = site.RebootAlways
			return small(devices, []site.Patch{back, upgrade("db-5", "db", "4.0", "5.0")}, machine("srv-1", "pos=1.0", "db=4.0"), machine("srv-2", "pos=1.0", "db=4.0"))
		},
		haunt: func(devices *fake.Store) {
			devices.Script("srv-2", "db-5", fake.Script{Install: fake.Outcome{Exit: 1, Leaves: fake.Unchanged, Times: 1}})
		},
		play: func(w *world) {
			w.boot()
			w.until(at(23, 40))
			w.person(func(h *hands.Hands) error {
				return h.RollBack(hands.Ask{Device: "srv-1", Patch: "pos-2", Actor: "tech", Reason: "prints twice"})
			})
			w.person(func(h *hands.Hands) error {
				_, err := h.Retry(hands.Ask{Device: "srv-2", Patch: "db-5", Actor: "tech", Reason: "mirror was away"})
				return err
			})
			w.rest()
		},
		want: map[string]site.State{
			"srv-1 pos-2": site.RolledBack, "srv-1 db-5": site.Done, "srv-2 pos-2": site.Done, "srv-2 db-5": site.Done,
		},
	}
}

// person asks for something until the box has taken it, also when that dies meanwhile.
func (w *world) person(ask func(h *hands.Hands) error) {
	w.t.Helper()
	for range 20 {
		err := ask(hands.New(hands.Options{Ledger: w.ledger, Devices: w.devices, Device: w.facts.Store.Device, Log: slog.New(slog.DiscardHandler)}))
		if err == nil {
			return
		}
		var refused *site.Reason
		if errors.As(err, &refused) { // it was taken, and the box died before it said so
			if !w.told("srv-1 "+string(run.PatchTakenBack)) && !w.told("srv-2 "+string(run.PatchRetried)) {
				w.t.Errorf("refused: %v", refused)
			}
			return
		}
		w.until(time.Now().Add(time.Minute))
	}
	w.t.Error("the box never took the order")
}

// Every kind of night, without a crash, ends as wanted: what a crash is compared with.
func TestKindsOfNight(t *testing.T) {
	for name, k := range map[string]kind{"reference": reference(), "bundle": bundled(), "passes": passes(), "by hand": byHand()} {
		t.Run(name, func(t *testing.T) {
			nightOf(t, k.furnish, k.haunt, nil, func(w *world) {
				k.play(w)
				w.compare(k.want)
				if name == "passes" && w.ledger.State().Night.Passes < 3 {
					t.Errorf("%d passes", w.ledger.State().Night.Passes)
				}
			})
		})
	}
}

// A night that is extended loses its box at any write, or around any effect.
func TestPassesCrashAnywhere(t *testing.T) { passes().crashAnywhere(t, 1) }

// So does one in which a person gives orders.
func TestByHandCrashAnywhere(t *testing.T) { byHand().crashAnywhere(t, 1) }
