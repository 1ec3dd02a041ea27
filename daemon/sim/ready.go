package sim

import (
	"context"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// addChecks adds what has to run on each device for what it can do.
func (s *Scene) addChecks() {
	for _, d := range s.Store.Devices {
		for _, capability := range d.Capabilities {
			for _, service := range []string{"core", "pos"} {
				s.Store.Checks = append(s.Store.Checks, site.Check{
					ID: service + "-" + d.ID, Device: d.ID, Kind: site.CheckService, Name: service, Capability: capability,
				})
			}
		}
	}
}

// morning carries out the checks of the store before it opens, and holds the word that it gets
// against what the devices are really like.
func (w *world) morning() {
	began, results := w.wall(), map[string]site.CheckResult{}
	before := w.able()
	for _, c := range w.facts.Store.Checks {
		d, _ := w.facts.Store.Device(c.Device)
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		outcome, seen, err := w.devices.Check(ctx, d, c)
		cancel()
		if w.mutant.Silence != "" && err != nil {
			outcome, err = w.mutant.Silence, nil
		}
		if err == nil {
			results[c.ID] = site.CheckResult{Check: c.ID, Device: c.Device, Outcome: outcome, Seen: seen, At: w.wall()}
		}
	}
	after := w.able()
	word := w.word(results, began, 0)
	w.oracle.outcomes["verdict "+string(word)]++
	for capability, floor := range w.scene.Store.Floor {
		if able := max(before[capability], after[capability]); green(word) && able < floor {
			w.oracle.breach("green", "the store is %s, and %d of its devices can %s: it needs %d", word, able, capability, floor)
		}
		if proven := proven(w.scene.Store, results, capability); green(word) && proven < floor {
			w.oracle.breach("green", "the store is %s, and it is proven of %d devices only that they can %s: it needs %d", word, proven, capability, floor)
		}
	}
	if word := w.word(results, began, ready.DefaultMaxAge+time.Minute); green(word) {
		w.oracle.breach("green", "the store is %s by results that are too old", word)
	}
	if word := w.word(results, w.wall().Add(time.Second), 2*time.Second); green(word) {
		w.oracle.breach("green", "the store is %s by results from before this start", word)
	}
}

func green(word site.Verdict) bool { return word == site.Ready || word == site.ReadyNotes }

// word is what the pages say so long after the checks.
func (w *world) word(results map[string]site.CheckResult, started time.Time, later time.Duration) site.Verdict {
	facts := view.Facts{Store: w.facts.Store, State: w.ledger.State(), Now: w.wall().Add(later)}
	return ready.Judge(view.Readiness(facts, results, nil, started)).Verdict
}

// able counts the devices on which everything runs, for each capability.
func (w *world) able() map[string]int {
	able := map[string]int{}
	for _, d := range w.scene.Store.Devices {
		truth := w.devices.Truth(d.ID)
		for _, capability := range d.Capabilities {
			able[capability] += number(truth.Up && truth.Services["core"] && truth.Services["pos"])
		}
	}
	return able
}

// proven counts the devices of which every check passed.
func proven(store site.Store, results map[string]site.CheckResult, capability string) int {
	n := 0
	for _, d := range store.Devices {
		passed := slices.Contains(d.Capabilities, capability)
		for _, c := range store.Checks {
			passed = passed && (c.Device != d.ID || results[c.ID].Outcome == site.Pass)
		}
		n += number(passed)
	}
	return n
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
