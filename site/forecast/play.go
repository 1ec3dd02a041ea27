package forecast

import (
	"container/heap"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Rehearse plays one night with all of its records: the luck of the seed by the odds, and on top of it
// the faults.
func Rehearse(scene Scene, odds Odds, seed uint64, faults ...Fault) Night {
	p := newPlayer(newStage(scene, odds), newDice(seed), time.Second)
	p.keep, p.faults = true, faults
	return p.play()
}

// stage is what all nights of a scene have in common.
type stage struct {
	scene Scene
	odds  Odds
	start run.State // before the night opens
	jobs  int
	paces map[pair]site.Durations // what each patch is expected to take on each device
	// models are those of the devices, which is how lengths are learned.
	models map[string]string
}

type pair struct{ device, patch string }

func newStage(scene Scene, odds Odds) *stage {
	st := &stage{scene: scene, odds: odds, start: scene.State, paces: map[pair]site.Durations{}, models: map[string]string{}}
	// What the checks found so far tells nothing of the morning after.
	st.start.At, st.start.Night, st.start.Checks, st.start.Failing = scene.Begins, nil, nil, nil
	st.start.Observed = map[string]site.Observation{}
	for _, m := range scene.Plan.Members {
		st.models[m.Device] = m.Model
	}
	for _, lane := range scene.Plan.Lanes {
		if o, seen := scene.Inventory[lane.Device]; seen {
			st.start.Observed[lane.Device] = run.Relevant(o, scene.Plan.Patches)
		}
		for _, job := range lane.Jobs {
			st.jobs++
			if p, planned := scene.Plan.Patch(job.Patch); planned {
				st.paces[pair{lane.Device, job.Patch}] = job.Expected(p).Durations
			}
		}
	}
	return st
}

// player plays one night.
type player struct {
	*stage
	dice   dice
	faults []Fault
	tick   time.Duration // all times are whole multiples of it
	keep   bool          // the records are wanted

	s       run.State
	now     time.Time
	queue   queue
	order   int
	records []run.Record
	ends    time.Time
	played  int
	cutFrom time.Time // the box has no power from here ...
	cutTo   time.Time // ... to here; zero: it always has
}

func newPlayer(st *stage, luck dice, tick time.Duration) *player {
	return &player{stage: st, dice: luck, tick: tick, s: st.start, now: st.scene.Begins, ends: st.scene.Begins}
}

// turnsEach is how many turns a night may take for each of its jobs. The rules end every night far
// earlier; without a limit, a fault in them would keep the box from its work.
const turnsEach = 2000

// play opens the night and goes on from one thing heard to the next until it is closed.
func (p *player) play() Night {
	p.cutPower()
	opened := p.scene.Plan
	p.write([]run.Event{{Kind: run.NightOpened, At: p.now, Night: opened.Night, Plan: &opened, Report: p.scene.Report}})
	for range turnsEach * (p.jobs + 1) {
		p.played += p.jobs + 1
		next, wake := run.Next(p.s, p.now)
		again := p.turn(next)
		if !p.s.Night.Open() || !again && !p.advance(wake) {
			break
		}
	}
	return p.result()
}

// turn carries out what was decided, and reports whether the rules are to be asked again at the same
// moment. A real night asks them until they have nothing more to say. Where only the outcome is wanted,
// steps that were merely begun are taken as that: they make nothing possible that was not.
func (p *player) turn(next []run.Event) (again bool) {
	events := next
	for _, e := range next {
		if e.Kind == run.StepStarted {
			events = append(events, p.act(e)...)
		}
		again = again || p.keep || e.Kind != run.StepStarted
	}
	p.write(events)
	return again
}

// write folds events into the state, and keeps them where they are wanted.
func (p *player) write(events []run.Event) {
	if !p.keep {
		p.s = run.Foresee(p.s, events...)
		return
	}
	for _, e := range run.Stamped(p.s, events) {
		r := run.Record{Seq: p.s.Seq + 1, Event: e}
		p.s = run.Fold(p.s, r)
		p.records = append(p.records, r)
	}
}

// advance goes to the next moment at which something is heard or is due by the clock, and takes in what
// is heard. It reports false when nothing more will come.
func (p *player) advance(wake time.Time) bool {
	next := wake
	if len(p.queue) > 0 && (next.IsZero() || p.queue[0].at.Before(next)) {
		next = p.queue[0].at
	}
	if next.IsZero() {
		return false
	}
	if next.After(p.now) {
		p.now = next
	}
	var heard []run.Event
	if p.without(p.now) {
		p.now = p.cutTo
		heard = append(heard, run.Event{Kind: run.DaemonStarted, At: p.now, Text: "the box has power again"})
		p.cutFrom, p.cutTo = time.Time{}, time.Time{}
	}
	for _, e := range p.queue.until(p.now) {
		if job, ok := p.s.Job(e.Device, e.Patch); ok && job.Intent != nil && job.Intent.Work == e.Work {
			heard = append(heard, e)
			if e.Kind == run.StepEnded {
				p.ends = p.now
			}
		}
	}
	p.write(heard)
	return true
}

// without reports whether the box has no power at a moment.
func (p *player) without(at time.Time) bool {
	return !p.cutTo.IsZero() && !at.Before(p.cutFrom) && at.Before(p.cutTo)
}

// hear foresees that an event of a step is heard some time from now.
func (p *player) hear(after time.Duration, e run.Event) {
	at := p.now.Add(max(p.tick, after.Round(p.tick)))
	p.order++
	heap.Push(&p.queue, pending{at: at, order: p.order, event: e})
}

func (p *player) result() Night {
	n := Night{State: p.s, Records: p.records, Ends: p.ends, Done: true, played: p.played}
	cutoff := p.scene.Plan.Cutoff
	for _, lane := range p.scene.Plan.Lanes {
		for _, planned := range lane.Jobs {
			j, _ := p.s.Job(lane.Device, planned.Patch)
			end := Job{Device: lane.Device, Patch: planned.Patch, State: j.State, At: j.Since, Reason: j.Reason, Settled: j.Settled}
			end.Done = j.State == site.Done && !j.Since.After(cutoff)
			end.NoRoom = j.State == site.Skipped && j.Reason != nil && lacksRoom(j.Reason.Code)
			n.Done = n.Done && end.Done
			n.Jobs = append(n.Jobs, end)
		}
	}
	n.Floors = p.floors()
	return n
}

func lacksRoom(code site.Code) bool {
	return slices.Contains([]site.Code{site.CodeNoTime, site.CodeWindowOver, site.CodeWaiting, site.CodeGroupFloor}, code)
}
