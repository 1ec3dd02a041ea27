package sim

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// Trouble that is over soon after the window opened costs time, and nothing else: where there is time
// enough, all is done that is done in the same night without it.
func TestEarlyTroubleCostsOnlyTime(t *testing.T) {
	played, late := 0, 0
	for n := range uint64(few()) {
		scene := Late(20000 + n)
		calm := scene
		calm.Faults = nil
		quiet := Play(t, calm, Mutant{})
		if quiet.Over.Add(early + spare).After(scene.Closes.Add(-scene.Store.Calendar.Reserve)) {
			continue // there would not be time enough
		}
		r := Play(t, scene, Mutant{})
		if len(r.Violations) > 0 {
			t.Errorf("%s", r)
		}
		for _, job := range slices.Sorted(maps.Keys(r.Undone)) {
			if _, anyway := quiet.Undone[job]; !anyway {
				t.Errorf("seed %d: %s is %s\n%v", 20000+n, job, r.Undone[job], scene.Faults)
			}
		}
		played++
		late += number(len(scene.Faults) > 0)
	}
	if late < few()/10 {
		t.Errorf("%d of %d nights had trouble and time enough: the test says nothing", late, played)
	}
}

// spare is what a night may lose by looking again now and then, with what a job needs before the cut-off.
const spare = 80 * time.Minute
