package run

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Night is one night as far as it went. Its jobs lie in lanes, one a device, so that a change
// copies the jobs of one device and a decision passes over what is settled.
type Night struct {
	Plan   plan.Plan
	Report plan.Report
	Opened time.Time
	Closed time.Time // zero while it runs
	Note   string    // how it was summed up
	Passes int       // how often the devices were looked at for something to do and it was found; 0 = an older version opened it

	Before   Before          // what was known when it opened
	AtClose  []site.Compared // the checks against those before it, in the first round after the close
	Compared []site.Compared // the same as it was last: otherwise than AtClose where that changed before the store opened

	lanes  []*lane // in the order of the plan's; what is reached from here is never changed
	layout layout  // made anew with every plan, and shared by all states until the next one
}

// lane is what is to be done on one device, with what the others ask about it.
type lane struct {
	device   string
	jobs     []Job
	ranks    []int8 // of each job
	first    int    // the first unsettled job; len(jobs) when all are settled
	settled  int    // how many jobs are settled
	away     bool   // a job keeps the device from work, or leaves it unproven, or has its turn
	lost     bool   // the device has not answered for so long that nobody waits for it
	back     bool   // there is work ahead on the device, and it answers
	delayed  bool   // a job was put off, and its next attempt has not ended
	busy     bool   // a step was begun and has not ended
	underWay bool   // a job changes the device, or is about to, and it answers
}

func newLane(device string, jobs []Job) *lane {
	l := &lane{device: device, jobs: jobs, ranks: make([]int8, len(jobs)), first: len(jobs)}
	begun := underWay(jobs)
	for i := range jobs {
		j := &jobs[i]
		l.ranks[i] = rank(j, begun)
		l.away = l.away || j.Away() && !heardSince(j, jobs) || unreached(j) != nil || askedAgain(j)
		if j.Settled {
			l.settled++
			continue
		}
		l.first = min(l.first, i)
		l.delayed = l.delayed || !j.Again.IsZero()
		l.lost = l.lost || gone(j)
		l.back = l.back || j.State != site.NoAnswer
		l.underWay = l.underWay || j.State != site.NoAnswer && (j.Begun() || j.Intent != nil)
		l.busy = l.busy || j.Intent != nil
	}
	return l
}

// heardSince reports whether a device that was given up for a job it never began has answered for
// another one since: it is not away any more.
func heardSince(j *Job, jobs []Job) bool {
	return j.Settled && j.State == site.NoAnswer && !j.Begun() && slices.ContainsFunc(jobs, func(other Job) bool {
		return other.Last != nil && other.Last.heard() && other.Last.At.After(j.Since)
	})
}

// heard reports whether a step that ended shows that its device answered.
func (e *Event) heard() bool {
	switch e.Outcome {
	case OK:
		return true
	case Unreached, Refused:
		return false
	}
	return e.Step != Stage // which may fail on the box
}

func (l *lane) find(patch string) int {
	return slices.IndexFunc(l.jobs, func(j Job) bool { return j.Patch == patch })
}

// job returns the job of a patch of the plan; nil where there is none.
func (l *lane) job(patch int) *Job {
	for i := range l.jobs {
		if l.jobs[i].patch == patch {
			return &l.jobs[i]
		}
	}
	return nil
}

// NewNight is the night of a plan with its jobs as they stand, in their order.
func NewNight(p plan.Plan, opened time.Time, jobs []Job) *Night {
	n := &Night{Plan: p, Opened: opened}
	n.lay(jobs)
	return n
}

// lay puts jobs, in their order, into lanes.
func (n *Night) lay(jobs []Job) {
	patches, lanes := map[string]int{}, map[string]int{}
	for i, p := range n.Plan.Patches {
		patches[p.ID] = i
	}
	var devices []string
	var laid [][]Job
	lane := func(device string) int {
		at, known := lanes[device]
		if !known {
			at = len(devices)
			lanes[device], devices, laid = at, append(devices, device), append(laid, nil)
		}
		return at
	}
	for _, l := range n.Plan.Lanes {
		lane(l.Device)
	}
	order := make([]place, len(jobs))
	for i, j := range jobs {
		patch, planned := patches[j.Patch]
		if !planned {
			patch = -1
		}
		j.order, j.patch = i, patch
		at := lane(j.Device)
		order[i] = place{at, len(laid[at])}
		laid[at] = append(laid[at], j)
	}
	n.lanes = nil
	for at, device := range devices {
		n.lanes = append(n.lanes, newLane(device, laid[at]))
	}
	n.layout = newLayout(n.Plan, patches, devices, order)
}

// Open reports whether the night is still running.
func (n *Night) Open() bool { return n != nil && n.Closed.IsZero() }

// Jobs visits every job, in the order in which they were planned.
func (n *Night) Jobs() iter.Seq[Job] {
	return func(yield func(Job) bool) {
		for _, at := range n.layout.order {
			if !yield(*n.job(at)) {
				return
			}
		}
	}
}

// JobsOf returns the jobs of one device, in their order.
func (n *Night) JobsOf(device string) []Job {
	if at, ok := n.layout.lanes[device]; ok {
		return slices.Clone(n.lanes[at].jobs)
	}
	return nil
}

// Total is how many jobs the night has.
func (n *Night) Total() int { return len(n.layout.order) }

// Settled is how many jobs are settled.
func (n *Night) Settled() int {
	settled := 0
	for _, l := range n.lanes {
		settled += l.settled
	}
	return settled
}

// place is where a job lies.
type place struct{ lane, job int }

func (n *Night) job(at place) *Job { return &n.lanes[at.lane].jobs[at.job] }

func (n *Night) find(device, patch string) (place, bool) {
	if n == nil {
		return place{}, false
	}
	at, ok := n.layout.lanes[device]
	if !ok {
		return place{}, false
	}
	i := n.lanes[at].find(patch)
	return place{at, i}, i >= 0
}

// firsts are the first unsettled jobs of the devices, in the order in which they were planned.
func (n *Night) firsts() []*Job {
	var firsts []*Job
	for _, l := range n.lanes {
		if l.first < len(l.jobs) {
			firsts = append(firsts, &l.jobs[l.first])
		}
	}
	slices.SortFunc(firsts, func(a, b *Job) int { return a.order - b.order })
	return firsts
}

// put replaces a job. The night must be a copy that nobody else has.
func (n *Night) put(at place, j Job) {
	l := n.lanes[at.lane]
	jobs := slices.Clone(l.jobs)
	jobs[at.job] = j
	n.lanes[at.lane] = newLane(l.device, jobs)
}

// change changes jobs of a lane. The night must be a copy that nobody else has.
func (n *Night) change(at int, edit func(j *Job)) {
	l := n.lanes[at]
	jobs := slices.Clone(l.jobs)
	for i := range jobs {
		edit(&jobs[i])
	}
	n.lanes[at] = newLane(l.device, jobs)
}

// forgetGates lets what gates said count as old: while nobody knows the time, nobody knows how long
// ago it was.
func (s *State) forgetGates() {
	if !s.Night.Open() {
		return
	}
	for at := range s.Night.lanes {
		s.Night.change(at, func(j *Job) {
			if gate, asked := j.Ends[Gate]; asked && !j.Settled {
				gate.Deadline = time.Time{}
				j.Ends = maps.Clone(j.Ends)
				j.Ends[Gate] = gate
			}
		})
	}
}

// clone returns a copy whose lanes may be replaced.
func (n *Night) clone() *Night {
	night := *n
	night.lanes = slices.Clone(n.lanes)
	return &night
}

// nightJSON is a night as it is written.
type nightJSON struct {
	Plan   plan.Plan   `json:"plan"`
	Report plan.Report `json:"report,omitempty"`
	Opened time.Time   `json:"opened"`
	Closed time.Time   `json:"closed,omitzero"`
	Jobs   []Job       `json:"jobs,omitempty"` // in the order in which they were planned
	Note   string      `json:"note,omitempty"`
	Passes int         `json:"passes,omitempty"`

	Before   Before          `json:"before,omitzero"`
	AtClose  []site.Compared `json:"at_close,omitempty"`
	Compared []site.Compared `json:"compared,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (n *Night) MarshalJSON() ([]byte, error) {
	return json.Marshal(nightJSON{n.Plan, n.Report, n.Opened, n.Closed, slices.Collect(n.Jobs()), n.Note, n.Passes, n.Before, n.AtClose, n.Compared})
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Night) UnmarshalJSON(data []byte) error {
	var v nightJSON
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*n = Night{Plan: v.Plan, Report: v.Report, Opened: v.Opened, Closed: v.Closed, Note: v.Note, Passes: v.Passes, Before: v.Before, AtClose: v.AtClose, Compared: v.Compared}
	n.lay(v.Jobs)
	return nil
}
