package sim

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	nights  = flag.Int("sim.n", 0, "how many nights TestSim plays; 0 = a few")
	seed    = flag.Uint64("sim.seed", 1, "the seed of the first night; the others follow")
	bolt    = flag.Uint64("sim.bolt", boltEvery, "every how manieth seed writes its journal to files, too; 0 = none")
	faults  = flag.String("sim.faults", "", "empty: all kinds, often; realistic: as rare as in stores")
	workers = flag.Int("sim.workers", 1, "how many nights TestSim plays at once")
)

// few is how many nights belong to the tests of every change.
func few() int {
	if raceEnabled {
		return 5
	}
	return 100
}

// A seed is a night: played again it is the same to the last byte.
func TestReplay(t *testing.T) {
	for n := range uint64(max(1, few()/10)) {
		first := Night(t, 7000+n)
		for range 2 {
			if again := Night(t, 7000+n); again.Hash != first.Hash {
				t.Errorf("seed %d: %s, and played again %s", 7000+n, first.Hash, again.Hash)
			}
		}
	}
}

// Each fault of the catalogue by itself breaks nothing, and comes up.
func TestEachFault(t *testing.T) {
	const enough = 1
	for i, k := range kinds() {
		if raceEnabled && i%12 > 0 {
			continue // too slow with the race detector for all of them
		}
		fired := 0
		for n := uint64(1); fired < enough && n <= 60; n++ {
			r := Play(t, Alone(n, k.name), Mutant{})
			if len(r.Violations) > 0 {
				t.Fatalf("%s", r)
			}
			fired += number(r.Felt[k.name] > 0)
		}
		if fired < enough {
			t.Errorf("%s came up in %d of 60 nights", k.name, fired)
		}
	}
}

// bound is within how many nights a missing guard has to be found out.
const bound = 2000

// Seeds that once failed, in testdata/seeds: the name of each file is the seed, and its text says what
// was found. A seed is another night when what is drawn changes.
func TestSeeds(t *testing.T) {
	files, err := os.ReadDir("testdata/seeds")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		seed, err := strconv.ParseUint(file.Name(), 10, 64)
		if err != nil {
			t.Fatalf("%s is not a seed", file.Name())
		}
		if raceEnabled && i%6 > 0 {
			continue
		}
		if r := Night(t, seed); len(r.Violations) > 0 {
			t.Errorf("%s", r)
		}
	}
}

// Whichever guard is removed, a night is found that breaks what it guards.
func TestMutants(t *testing.T) {
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			if slices.Contains([]string{"min-up", "max-down", "ask-before-again", "silence-is-no-pass", "deadline", "rollback-reserve", "cut-off"}, m.Name) && raceEnabled {
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
	if raceEnabled {
		t.Skip("takes too many nights with the race detector")
	}
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
