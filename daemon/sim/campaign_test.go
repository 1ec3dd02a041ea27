package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// sometimes is from how many nights on everything has to have come up.
const sometimes = 1000

// campaign is what came of many nights.
type campaign struct {
	mu                                sync.Mutex
	nights, violations, opened, ready int
	plain                             int            // stores with their floor after a plain script
	drawn, fired                      map[string]int // nights of each kind of fault
	steps                             map[string]int // how steps ended
	ends                              map[site.State]int
}

// Nights with faults out of the catalogue, by themselves and in combination, break nothing.
func TestSim(t *testing.T) {
	c := campaign{drawn: map[string]int{}, fired: map[string]int{}, steps: map[string]int{}, ends: map[site.State]int{}}
	began, n := time.Now(), *nights
	if n == 0 {
		n = few()
	}
	var group sync.WaitGroup
	for worker := range *workers {
		group.Go(func() {
			for i := worker; i < n; i += *workers {
				c.play(t, *seed+uint64(i))
			}
		})
	}
	group.Wait()
	if n >= sometimes && *faults == "" {
		c.cover(t)
	}
	t.Logf("%d nights from seed %d, %.1f a second, %d opened, %d violations", c.nights, *seed, float64(n)/time.Since(began).Seconds(), c.opened, c.violations)
	t.Logf("%s: stores with their floor of healthy devices: %.1f %% with nightfill, %.1f %% with a plain script", cmp.Or(*faults, "stress"), share(c.ready, n), share(c.plain, n))
}

// play plays one night, both ways.
func (c *campaign) play(t *testing.T, seed uint64) {
	scene := Draw(seed)
	if *faults == "realistic" {
		scene = Realistic(seed)
	}
	scene.Bolt = *bolt > 0 && seed%*bolt == 0
	r := Play(t, scene, Mutant{})
	plain := Plain(t, r.Scene)
	c.mu.Lock()
	c.nights++
	c.opened += number(r.Opened)
	c.ready += number(r.Ready)
	c.plain += number(plain)
	c.count(r)
	broken := len(r.Violations) > 0
	c.violations += number(broken)
	tell := broken && c.violations <= 3
	c.mu.Unlock()
	switch {
	case tell:
		t.Errorf("%s\nplay it again: make sim SEED=%d FAULTS=%s", Shrink(t, r, Mutant{}), seed, *faults)
	case broken:
		t.Errorf("seed %d breaks %v", seed, invariantsOf(r))
	}
}

func (c *campaign) count(r Result) {
	drawn := map[string]bool{}
	for _, f := range r.Scene.Faults {
		drawn[f.Kind] = true
	}
	for kind := range drawn {
		c.drawn[kind]++
		c.fired[kind] += number(r.Felt[kind] > 0)
	}
	for what, times := range r.Steps {
		c.steps[what] += times
	}
	for state, jobs := range r.Ends {
		c.ends[state] += jobs
	}
}

// cover tells what came up, and fails when something never did: then the nights prove nothing about it.
func (c *campaign) cover(t *testing.T) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%4s  %-22s %8s %8s\n", "row", "fault", "drawn", "fired")
	for _, k := range kinds() {
		fmt.Fprintf(&b, "%4d  %-22s %8d %8d\n", k.row, k.name, c.drawn[k.name], c.fired[k.name])
		if c.fired[k.name] == 0 {
			t.Errorf("%s never came up", k.name)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(c.steps)) {
		fmt.Fprintf(&b, "%-28s %8d\n", what, c.steps[what])
	}
	for _, what := range endings(c.nights) {
		if c.steps[what] == 0 {
			t.Errorf("no step ended as %s", what)
		}
	}
	for _, state := range states() {
		fmt.Fprintf(&b, "%-28s %8d\n", state, c.ends[state])
		if c.ends[state] == 0 {
			t.Errorf("no patch ended as %s", state)
		}
	}
	t.Logf("nights in which each fault was drawn and made itself felt, how steps and patches ended\n%s", b.String())
}

// states are all in which a patch can be when a night is over.
func states() []site.State {
	return []site.State{site.Done, site.RolledBack, site.Failed, site.RollbackFailed, site.Skipped, site.Held, site.NoAnswer}
}

// endings are the ways in which steps have to end in so many nights: more of them in very many.
func endings(nights int) []string {
	often := []string{
		"bundle split", "stage ok", "stage failed", "stage refused", "stage unreached", "gate ok", "gate failed", "gate refused", "gate timed_out",
		"install ok", "install failed", "install interrupted", "install refused", "install timed_out", "reboot ok", "reboot failed",
		"verify ok", "verify failed", "verify timed_out", "revert ok", "revert failed", "reboot-back ok", "prove ok", "prove failed",
	}
	if nights < 10*sometimes {
		return often
	}
	return append(often, "gate unreached", "install unreached", "verify interrupted", "verify unreached", "verify refused", "revert interrupted", "revert refused")
}

func share(n, of int) float64 { return 100 * float64(n) / float64(of) }
