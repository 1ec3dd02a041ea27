package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

// Result is what came of a night.
type Result struct {
	Scene      Scene
	Violations []string           // what did not hold, in the order in which it was found
	Hash       string             // of the journal and of all that really happened: the same seed gives the same one
	Felt       map[string]int     // how often each fault made itself felt
	Steps      map[string]int     // how steps ended: "install timed_out" -> how often
	Ends       map[site.State]int // how jobs ended
	Opened     bool               // the night was opened at all
	Ready      bool               // an hour after the window the store had its floor of healthy devices
	Over       time.Time          // when the last job ended
	Undone     map[string]string  // of each job that ended otherwise than done, how and why
	Journal    string             // for people
}

// Night plays the night of a seed.
func Night(t *testing.T, seed uint64) Result { return Play(t, Draw(seed), Mutant{}) }

// Play plays a scene in a bubble of its own, with the rules changed as the mutant says.
func Play(t *testing.T, scene Scene, mutant Mutant) (result Result) {
	t.Helper()
	result.Scene = scene
	defer func() { // a goroutine that is left, or a deadlock, is a panic of the bubble
		if r := recover(); r != nil {
			result.Violations = append(result.Violations, fmt.Sprintf("no goroutine left: %v", r))
		}
	}()
	place := ""
	if scene.Bolt {
		place = quick(t)
		defer func() { _ = os.RemoveAll(place) }()
	}
	synctest.Test(t, func(t *testing.T) {
		store := fake.NewStore(fake.Options{Seed: scene.Seed, Skew: time.Millisecond})
		w := &world{scene: scene, mutant: mutant, ctx: t.Context(), devices: store, felt: map[string]int{}}
		w.facts = scene.furnish(store, w.feel)
		if mutant.Facts != nil {
			w.facts = mutant.Facts(w.facts)
		}
		w.oracle = newOracle(scene, store)
		var files *disk
		if scene.Bolt {
			files = openDisk(t, place)
			defer func() { _ = files.file.Close() }()
		}
		w.journal = &memory{fate: w.fate, crash: w.crashAtAppend, dead: w.isDead, stand: func() { w.stand("") }, wrote: w.oracle.wrote, lazy: mutant.Lazy,
			disk: files, damage: func(err error) { w.oracle.breach("journal", "%v", err) }}
		store.Hook = w.hook
		w.schedule()
		w.play()
		result = w.result()
	})
	return result
}

// quick makes a directory for a night, in memory where the system keeps files there.
func quick(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "nightfill-sim-")
	if err != nil {
		return t.TempDir()
	}
	return dir
}

func (w *world) result() Result {
	r := Result{
		Scene: w.scene, Violations: w.oracle.breaches, Felt: w.felt, Steps: w.oracle.outcomes, Ends: w.oracle.ends, Opened: len(w.oracle.nights) > 0,
		Ready: works(w.scene, w.devices), Undone: map[string]string{},
	}
	for _, j := range w.oracle.jobs {
		if j.at.After(r.Over) {
			r.Over = j.at
		}
		if j.state != site.Done {
			r.Undone[j.patch+" of "+j.device] = fmt.Sprintf("%s: %s", j.state, j.reason)
		}
	}
	for _, f := range w.devices.Fired() {
		r.Felt[f.Fault] += f.Times
	}
	sum := sha256.New()
	for _, line := range w.journal.lines {
		sum.Write(append(line, '\n'))
	}
	for _, e := range w.devices.Log() {
		fmt.Fprintln(sum, e)
	}
	r.Hash = hex.EncodeToString(sum.Sum(nil))
	if len(r.Violations) > 0 {
		r.Journal = w.journal.text()
	}
	return r
}

// works reports whether the store has its floor of healthy devices now.
func works(scene Scene, store *fake.Store) bool {
	for capability, floor := range scene.Store.Floor {
		healthy := 0
		for _, d := range scene.Store.Devices {
			if slices.Contains(d.Capabilities, capability) && store.Truth(d.ID).Healthy() {
				healthy++
			}
		}
		if healthy < floor {
			return false
		}
	}
	return true
}

// Shrink leaves out faults, one by one, as long as the night still breaks the same invariant.
func Shrink(t *testing.T, r Result, mutant Mutant) Result {
	t.Helper()
	broken := invariantsOf(r)
	for changed := true; changed; {
		changed = false
		for i := range r.Scene.Faults {
			smaller := r.Scene
			smaller.Faults = slices.Delete(slices.Clone(r.Scene.Faults), i, i+1)
			again := Play(t, smaller, mutant)
			if slices.ContainsFunc(invariantsOf(again), func(name string) bool { return slices.Contains(broken, name) }) {
				r, changed = again, true
				break
			}
		}
	}
	return r
}

// invariantsOf names the invariants that a night broke.
func invariantsOf(r Result) []string {
	names := map[string]bool{}
	for _, v := range r.Violations {
		name, _, _ := strings.Cut(v, ": ")
		if len(name) > len("02 15:04:05.000 ") && name[2] == ' ' {
			name = name[len("02 15:04:05.000 "):]
		}
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// String tells a broken night: its seed, its fault script, what did not hold, and the journal.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d nights from %s to %s, %s, %d devices, %d patches\nfaults\n", r.Scene.Seed, len(r.Scene.Nights), moment(r.Scene.Opens), moment(r.Scene.Closes), r.Scene.Opens.Location(), len(r.Scene.Store.Devices), len(r.Scene.Patches))
	for _, f := range r.Scene.Faults {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	b.WriteString("violations\n")
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "  %s\n", v)
	}
	b.WriteString("journal\n" + r.Journal)
	return b.String()
}
