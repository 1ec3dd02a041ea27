package sim

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

var (
	nights  = flag.Int("sim.n", 0, "how many nights TestSim plays; 0 = a few")
	seed    = flag.Uint64("sim.seed", 1, "the seed of the first night; the others follow")
	workers = flag.Int("sim.workers", 1, "how many nights TestSim plays at once")
)

// few is how many nights belong to the tests of every change.
func few() int {
	if raceEnabled {
		return 10
	}
	return 150
}

// campaign is what came of many nights.
type campaign struct {
	mu                                sync.Mutex
	nights, violations, opened, ready int
	plain                             int // stores with their floor after a plain script
	felt                              map[string]int
	ends                              map[site.State]int
}

// Nights with faults out of the catalogue, by themselves and in combination, break nothing.
func TestSim(t *testing.T) {
	c := campaign{felt: map[string]int{}, ends: map[site.State]int{}}
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
	t.Logf("%d nights from seed %d, %.1f a second, %d opened, %d violations", c.nights, *seed, float64(n)/time.Since(began).Seconds(), c.opened, c.violations)
	t.Logf("faults felt:%s", counts(c.felt))
	t.Logf("ends of jobs:%s", counts(c.ends))
	t.Logf("stores with their floor of healthy devices: %.1f %% with nightfill, %.1f %% with a plain script", share(c.ready, n), share(c.plain, n))
}

// play plays one night, both ways.
func (c *campaign) play(t *testing.T, seed uint64) {
	r := Night(t, seed)
	plain := Plain(t, r.Scene)
	c.mu.Lock()
	c.nights++
	c.opened += number(r.Opened)
	c.ready += number(r.Ready)
	c.plain += number(plain)
	for what, times := range r.Felt {
		c.felt[what] += times
	}
	for state, jobs := range r.Ends {
		c.ends[state] += jobs
	}
	broken := len(r.Violations) > 0
	c.violations += number(broken)
	tell := broken && c.violations <= 3
	c.mu.Unlock()
	switch {
	case tell:
		t.Errorf("%s\nplay it again: make sim N=1 SEED=%d", Shrink(t, r, Mutant{}), seed)
	case broken:
		t.Errorf("seed %d breaks %v", seed, invariantsOf(r))
	}
}

func share(n, of int) float64 { return 100 * float64(n) / float64(of) }

// A seed is a night: played again it is the same to the last byte.
func TestReplay(t *testing.T) {
	for n := range uint64(few() / 10) {
		first := Night(t, 7000+n)
		for range 2 {
			if again := Night(t, 7000+n); again.Hash != first.Hash {
				t.Errorf("seed %d: %s, and played again %s", 7000+n, first.Hash, again.Hash)
			}
		}
	}
}

// bound is within how many nights a missing guard has to be found out.
const bound = 2000

// Whichever guard is removed, a night is found that breaks what it guards.
func TestMutants(t *testing.T) {
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			if slow := m.Name == "min-up" || m.Name == "ask-before-again"; slow && raceEnabled {
				t.Skip("takes too many nights with the race detector")
			}
			for n := range uint64(bound) {
				r := Play(t, Draw(n+1, m.Faults...), m)
				names := invariantsOf(r)
				if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(m.Breaks, name) }) {
					t.Logf("night %d breaks %v", n+1, names)
					return
				}
			}
			t.Errorf("%d nights without the guard break nothing of %v", bound, m.Breaks)
		})
	}
}

// A broken night is told with its seed and with no fault that it does not need.
func TestShrink(t *testing.T) {
	m := Mutants()[0]
	for n := range uint64(bound) {
		r := Play(t, Draw(n+1), m)
		if len(r.Scene.Faults) == 0 || len(r.Violations) == 0 {
			continue
		}
		small := Shrink(t, r, m)
		if len(small.Violations) == 0 || len(small.Scene.Faults) >= len(r.Scene.Faults) {
			t.Errorf("%d faults shrink to %d with %d violations", len(r.Scene.Faults), len(small.Scene.Faults), len(small.Violations))
		}
		for _, part := range []string{fmt.Sprintf("seed %d, ", n+1), "last safe start", "night.opened"} {
			if !strings.Contains(small.String(), part) {
				t.Errorf("it is told without %q:\n%s", part, small)
			}
		}
		return
	}
	t.Error("no night is broken")
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func counts[K ~string](of map[K]int) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(of)) {
		text += fmt.Sprintf(" %s=%d", k, of[k])
	}
	return text
}
