package sim

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
)

// A second box of the same store wakes in the middle of the night, with the journal as it was when
// it was put away. Whatever the two believe, the devices run each attempt once. They have one name,
// so that no lock keeps them apart: steps of the two may run at once.
func TestTwoBoxes(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		scene := Draw(seed)
		scene.Faults, scene.Bolt = nil, false
		synctest.Test(t, func(t *testing.T) {
			store := fake.NewStore(fake.Options{Seed: scene.Seed, Skew: time.Millisecond})
			facts := scene.furnish(store, func(string) {})
			box := func() *world {
				w := &world{scene: scene, ctx: t.Context(), devices: store, facts: facts, felt: map[string]int{}, oracle: newOracle(scene, store)}
				w.journal = &memory{fate: w.fate, crash: w.crashAtAppend, dead: w.isDead, stand: func() {}, wrote: w.oracle.wrote}
				w.oracle.begin(scene.Nights[0], 0)
				return w
			}
			first, second := box(), box()
			pass(time.Until(scene.Opens.Add(-time.Minute)))
			first.boot()
			first.until(scene.Opens.Add(20 * time.Minute))
			second.journal.lines = slices.Clone(first.journal.lines[:len(first.journal.lines)*2/3])
			second.boot()
			done := make(chan struct{})
			go func() {
				defer close(done)
				second.until(scene.Closes.Add(lateEnd))
			}()
			first.until(scene.Closes.Add(lateEnd))
			<-done
			for _, w := range []*world{first, second} {
				w.cancel()
				<-w.stopped
			}
			for _, id := range store.Devices() {
				truth := store.Truth(id)
				for _, ran := range truth.Runs {
					if n := truth.CountWork(ran.Work); n != 1 {
						t.Errorf("seed %d: %s ran %d times on %s", seed, ran.Work, n, id)
					}
				}
				for _, p := range scene.Patches {
					if n := truth.Count(devices.Install, p.ID); n > 1 {
						t.Errorf("seed %d: %s was installed %d times on %s", seed, p.ID, n, id)
					}
				}
			}
		})
	}
}
