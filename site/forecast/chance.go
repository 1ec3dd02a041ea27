package forecast

import (
	"slices"
	"time"
)

// Chance is what came of many nights.
type Chance struct {
	Nights  int        `json:"nights"`    // that were played
	AllDone float64    `json:"all_done"`  // share of them in which every planned job was done before the cut-off
	Opens   float64    `json:"opens"`     // share of them after which the store has its floors; 1 where it names none
	EndsP50 time.Time  `json:"ends_p50"`  // in half of them the work had ended by then
	EndsP95 time.Time  `json:"ends_p95"`  // in 95 of 100
	Jobs    []JobShare `json:"jobs"`      // in the order of the plan
	Causes  []Cause    `json:"causes"`    // where the trouble of a night most often begins; the most frequent first, three at most
	Floors  bool       `json:"has_floor"` // the store names floors
}

// JobShare is one job over many nights.
type JobShare struct {
	Device string  `json:"device"`
	Patch  string  `json:"patch"`
	Done   float64 `json:"done"`        // share of the nights in which it was done before the cut-off
	NoRoom float64 `json:"not_fitting"` // share of the nights in which there was no time or no turn for it
}

// Cause is a job that was the first not to be done.
type Cause struct {
	Device string  `json:"device"`
	Patch  string  `json:"patch"`
	Share  float64 `json:"share"` // of all nights
}

// Nights is how many nights are played where the plan is not too large.
const Nights = 200

// How much is played at most. What a night costs grows with its decisions, and each decision with the
// jobs of the plan; budget is in decisions times jobs, so that the number of nights depends on the plan
// alone and not on how fast the box is.
const (
	budget      = 5_000_000
	fewest      = 5
	fineJobs    = 200 // up to this many jobs, times are whole seconds
	coarse      = 15 * time.Second
	maxCauses   = 3
	ninetyFifth = 0.95
)

// Of plays nights of a scene and counts. Nil = nothing is planned.
func Of(scene Scene, odds Odds, seed uint64) *Chance {
	st := newStage(scene, odds)
	if st.jobs == 0 {
		return nil
	}
	tick := time.Second
	if st.jobs > fineJobs {
		tick = coarse
	}
	luck, t := newDice(seed), newTally(scene, st.jobs)
	for played := 0; t.nights < Nights && (t.nights < fewest || played < budget); {
		night := newPlayer(st, luck.night(t.nights), tick).play()
		played += night.played
		t.add(night)
	}
	return t.chance()
}

// tally counts over the nights.
type tally struct {
	scene   Scene
	nights  int
	allDone int
	opens   int
	ends    []time.Time
	done    []int // by job
	noRoom  []int
	first   []int // how often the job was the first not to be done
	jobs    []Job // of the last night, for their names
}

func newTally(scene Scene, jobs int) *tally {
	return &tally{scene: scene, done: make([]int, jobs), noRoom: make([]int, jobs), first: make([]int, jobs)}
}

func (t *tally) add(n Night) {
	t.nights++
	t.jobs = n.Jobs
	t.ends = append(t.ends, n.Ends)
	if n.Done {
		t.allDone++
	}
	if n.Opens() {
		t.opens++
	}
	first := -1
	for i, j := range n.Jobs {
		switch {
		case j.Done:
			t.done[i]++
			continue
		case j.NoRoom:
			t.noRoom[i]++
		}
		if first < 0 || j.At.Before(n.Jobs[first].At) {
			first = i
		}
	}
	if first >= 0 {
		t.first[first]++
	}
}

func (t *tally) share(n int) float64 { return float64(n) / float64(t.nights) }

func (t *tally) chance() *Chance {
	slices.SortFunc(t.ends, time.Time.Compare)
	at := func(share float64) time.Time { return t.ends[int(share*float64(len(t.ends)-1)+0.5)] }
	c := &Chance{
		Nights: t.nights, AllDone: t.share(t.allDone), Opens: t.share(t.opens), EndsP50: at(0.5), EndsP95: at(ninetyFifth),
		Causes: []Cause{}, Floors: len(t.scene.Store.Floor) > 0,
	}
	for i, j := range t.jobs {
		c.Jobs = append(c.Jobs, JobShare{Device: j.Device, Patch: j.Patch, Done: t.share(t.done[i]), NoRoom: t.share(t.noRoom[i])})
		if t.first[i] > 0 {
			c.Causes = append(c.Causes, Cause{Device: j.Device, Patch: j.Patch, Share: t.share(t.first[i])})
		}
	}
	slices.SortStableFunc(c.Causes, func(a, b Cause) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	c.Causes = c.Causes[:min(len(c.Causes), maxCauses)]
	return c
}
