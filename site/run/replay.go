package run

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// Moment is one record of a night, with what the rules of this program make of it.
type Moment struct {
	Record Record
	// Decided is true for a record that the rules had written: a step begun, a patch settled or
	// quarantined, the night closed. All others are what happened.
	Decided bool
	// Differs says how these rules decide otherwise than was recorded; empty where they agree
	// and for what merely happened.
	Differs []Difference
	// Waits are the jobs that begin to wait here, or wait for another reason than before.
	Waits []Wait
}

// Difference is one decision on which the record and these rules do not agree.
type Difference struct {
	Then *Event // as recorded; nil: nothing of the kind was decided
	Now  *Event // as these rules decide in the same state at the same time; nil: they do not
}

// Wait is a job that could not go on at a moment, and why.
type Wait struct {
	Device string
	Patch  string
	Reason *site.Reason
}

// Replay folds the records of one night into the state before them, one after another, and asks
// the rules again wherever the box had decided: in the same state, at the recorded time. Records
// are in the order of the journal, beginning with the night's opening. A night that was decided
// by these very rules has no difference. How a plan was made is not asked again: what was seen of
// the devices then is in the journal only as far as the plan needs it.
func Replay(start State, records []Record) []Moment {
	p := &player{s: start, left: records, waits: map[string]string{}, missed: map[string]bool{}}
	for len(p.left) > 0 {
		if !decision(p.left[0].Event) {
			p.take(nil)
			continue
		}
		p.batch()
	}
	return p.moments
}

// decision reports whether an event is one that Next gives.
func decision(e Event) bool {
	return e.Kind == StepStarted || e.Kind == PatchSettled || e.Kind == PatchDelayed || e.Kind == PatchQuarantined || e.Kind == NightClosed
}

type player struct {
	s       State
	left    []Record // not folded yet
	moments []Moment
	waits   map[string]string // why each job waits, as last told
	missed  map[string]bool   // decisions of these rules that were named once as missing
}

// batch replays decisions that were made together: from one state, at one time. What of them
// these rules do not ask for at all may come from a state after the first of them, so that it is
// left for the next batch, unless it is the first itself.
func (p *player) batch() {
	at := p.left[0].Event.At
	end := slices.IndexFunc(p.left, func(r Record) bool { return !decision(r.Event) || !r.Event.At.Equal(at) })
	if end < 0 {
		end = len(p.left)
	}
	recorded := slices.Clone(p.left[:end])
	asked, _ := Next(p.s, at)
	differs := make([][]Difference, 0, len(recorded))
	for i := range recorded {
		then := &recorded[i].Event
		place := slices.IndexFunc(asked, func(e Event) bool { return e.Device == then.Device && e.Patch == then.Patch })
		switch {
		case place < 0 && i > 0:
		case place < 0:
			differs = append(differs, []Difference{{Then: then}})
		case sameDecision(*then, asked[place]):
			differs = append(differs, nil)
		default:
			now := asked[place]
			differs = append(differs, []Difference{{Then: then, Now: &now}})
		}
		if len(differs) <= i {
			break
		}
		if place >= 0 {
			asked = slices.Delete(asked, place, place+1)
		}
	}
	for _, e := range p.missing(asked, recorded) {
		differs[0] = append(differs[0], Difference{Now: &e})
	}
	for _, d := range differs {
		p.take(d)
	}
}

// missing are the decisions of these rules that nobody took at that time, each named once.
func (p *player) missing(asked []Event, recorded []Record) []Event {
	var missing []Event
	for _, e := range asked {
		name := string(e.Kind) + "\n" + e.Device + "\n" + e.Patch + "\n" + string(e.Step) + "\n" + string(e.To)
		taken := slices.ContainsFunc(recorded, func(r Record) bool { return sameDecision(r.Event, e) })
		if taken || p.missed[name] {
			continue
		}
		p.missed[name] = true
		missing = append(missing, e)
	}
	return missing
}

// sameDecision compares what was decided, not how it is worded nor what was noted beside it.
func sameDecision(a, b Event) bool {
	return a.Kind == b.Kind && a.Device == b.Device && a.Patch == b.Patch && a.Step == b.Step && a.Attempt == b.Attempt &&
		a.Deadline.Equal(b.Deadline) && (a.Kind != PatchSettled || a.To == b.To) && codeOf(a) == codeOf(b)
}

func codeOf(e Event) site.Code {
	if e.Reason == nil {
		return ""
	}
	return e.Reason.Code
}

// take folds the next record and notes the moment.
func (p *player) take(differs []Difference) {
	r := p.left[0]
	p.left = p.left[1:]
	p.s = Fold(p.s, r)
	m := Moment{Record: r, Decided: decision(r.Event), Differs: differs}
	if r.Event.Kind != CheckEnded && (len(p.left) == 0 || !p.left[0].Event.At.Equal(r.Event.At)) {
		m.Waits = p.waiting()
	}
	p.moments = append(p.moments, m)
}

// waiting finds what the first unsettled job of each device waits for, where that has changed.
func (p *player) waiting() []Wait {
	if !p.s.Night.Open() {
		return nil
	}
	var changed []Wait
	d := newDecider(p.s, p.s.At)
	for _, j := range p.s.Night.firsts() {
		if j.Begun() || j.Intent != nil {
			continue // what it waited for before it was staged is not told twice
		}
		name, reason := j.Device+"\n"+j.Patch, d.waiting(j)
		why := reason.String()
		if why != "" && why != p.waits[name] {
			changed = append(changed, Wait{Device: j.Device, Patch: j.Patch, Reason: reason})
		}
		p.waits[name] = why
	}
	return changed
}
