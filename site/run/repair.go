package run

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
)

// Box is the actor of what the box does by itself about a check that fails.
const Box = "nightfill (self-repair)"

const (
	// RepairLimit is how long starting a service anew may take.
	RepairLimit = 3 * time.Minute
	// lookAfter is kept free for the checks that follow a repair.
	lookAfter = 2 * time.Minute
)

// RepairNote says which check an event is about, and what is done.
type RepairNote struct {
	Check   string    `json:"check"`
	Service string    `json:"service,omitempty"` // started anew; "" = the event's patch is taken back
	Opens   time.Time `json:"opens"`             // the opening before which it is done, once
}

// Repair is the newest repair because of a check.
type Repair struct {
	RepairNote
	Device   string    `json:"device"`
	Patch    string    `json:"patch,omitempty"`
	Work     string    `json:"work,omitempty"` // under this name the device starts the service anew once
	At       time.Time `json:"at"`
	Deadline time.Time `json:"deadline"`
	Outcome  Outcome   `json:"outcome,omitempty"` // "" = it is under way
	Ended    time.Time `json:"ended,omitzero"`
}

// Repairs returns what the box is to do by itself now about checks that fail: between the beginning
// of a night and the opening after it, when the night is finished with the device, once for each check,
// and only if it is over before the store opens. A handheld may be in somebody's hand and is left alone.
func Repairs(s State, store site.Store, now time.Time) []Event {
	opens, closed := closedUntil(s, store.Calendar, now)
	if !closed || s.Barred(now) != nil {
		return nil
	}
	var events []Event
	for _, c := range store.Checks {
		begun := s.repair(store, c, now, opens)
		events = append(events, begun...)
		s = Foresee(s, begun...)
	}
	return events
}

// closedUntil is the opening before which there is time to repair; false while the store may trade.
func closedUntil(s State, c window.Calendar, now time.Time) (time.Time, bool) {
	if s.Night == nil || now.Before(s.Night.Plan.Opens) {
		return time.Time{}, false
	}
	opens, ok := c.NextOpening(s.Night.Plan.Opens)
	return opens, ok && now.Before(opens)
}

// repair returns the events that begin the repair of one check; none when there is nothing to do.
func (s State) repair(store site.Store, c site.Check, now, opens time.Time) []Event {
	seen, known := s.Checks[c.ID]
	if c.Repair == nil || !known || seen.Outcome != site.Fail || seen.At.Before(s.Started) || s.Repairs[c.ID].Opens.Equal(opens) || s.held(c.Device, now) {
		return nil
	}
	d, there := store.Device(c.Device)
	if !there || !d.Patchable() || d.Class == site.Handheld || s.closedTo(d.ID) != nil || s.unfinished(d.ID) {
		return nil
	}
	e := Event{Kind: RepairBegun, At: now, Device: d.ID, Actor: Box, Repair: &RepairNote{Check: c.ID, Service: c.Repair.Service, Opens: opens}}
	if !c.Repair.RollBack {
		e.Work, e.Deadline = repairID(c.ID, d.ID, opens), now.Add(RepairLimit)
		e.Text = c.ID + " fails: " + c.Repair.Service + " is started anew"
		if now.Add(RepairLimit + lookAfter).After(opens) {
			return nil
		}
		return []Event{e}
	}
	patch, takes := s.culprit(c)
	if patch == "" || now.Add(takes+lookAfter).After(opens) {
		return nil
	}
	e.Patch, e.Deadline, e.Text = patch, now.Add(takes), c.ID+" fails since "+patch+" was put on: it is taken back"
	return []Event{e, {Kind: PatchTakenBack, At: now, Device: d.ID, Patch: patch, Actor: Box, Text: c.ID + " fails since it was put on"}}
}

// held reports whether a person, here or at headquarters, wants the device to be left alone.
func (s State) held(device string, now time.Time) bool {
	return s.Catalog.StoreHeld != nil || s.holdOn(device, now) != nil
}

// unfinished reports whether the night has still something to do on a device.
func (s State) unfinished(device string) bool {
	return s.Night.Open() && slices.ContainsFunc(s.Night.JobsOf(device), func(j Job) bool { return !j.Settled })
}

// culprit is the patch that a check fails since, and how long taking it back is expected to take: the
// newest that tonight put on the check's device, where the check passed before the night. "" = none is known.
func (s State) culprit(c site.Check) (string, time.Duration) {
	before := s.Night.Before.Checks[c.ID].Outcome
	if before != site.Pass && before != site.Warn {
		return "", 0
	}
	var newest Job
	for _, j := range s.Night.JobsOf(c.Device) {
		if j.State == site.Done && !j.Since.Before(newest.Since) {
			newest = j
		}
	}
	if newest.Patch == "" || MayRollBack(s, c.Device, newest.Patch) != nil {
		return "", 0
	}
	p, _ := s.Night.Plan.Patch(newest.Patch)
	d := s.Estimate(c.Device, p).Durations
	return p.ID, (d.Rollback + d.Reboot + d.Verify).Std()
}

// repairID names one restart of a service for ever.
func repairID(check, device string, opens time.Time) string {
	sum := sha256.Sum256([]byte(check + "\n" + device + "\n" + opens.UTC().Format(time.RFC3339)))
	return opens.UTC().Format("20060102") + "-repair-" + hex.EncodeToString(sum[:6])
}

// RepairsOver returns the ends of the repairs that took a patch back, as far as they are settled.
func RepairsOver(s State, now time.Time) []Event {
	var events []Event
	for _, id := range sortedKeys(s.Repairs) {
		r := s.Repairs[id]
		if r.Outcome != "" || r.Patch == "" {
			continue
		}
		e := Event{Kind: RepairEnded, At: now, Device: r.Device, Patch: r.Patch, Actor: Box, Outcome: OK, Repair: &r.RepairNote}
		j, there := s.Job(r.Device, r.Patch)
		switch {
		case there && !j.Settled:
			continue
		case !there || j.State != site.RolledBack:
			e.Outcome = Bad
		}
		events = append(events, e)
	}
	return events
}

func sortedKeys(m map[string]Repair) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// repaired folds the begin or the end of a repair. While a service is started anew the night leaves
// its device alone.
func (s *State) repaired(e Event) {
	if e.Repair == nil {
		return
	}
	if e.Kind == RepairBegun {
		set(&s.Repairs, &s.own.repairs, e.Repair.Check, Repair{RepairNote: *e.Repair, Device: e.Device, Patch: e.Patch, Work: e.Work, At: e.At, Deadline: e.Deadline})
		if e.Patch == "" {
			s.takeOver(e)
		}
		return
	}
	r, begun := s.Repairs[e.Repair.Check]
	if !begun {
		return
	}
	r.Outcome, r.Ended = e.Outcome, e.At
	set(&s.Repairs, &s.own.repairs, e.Repair.Check, r)
	if hand, held := s.Hands[r.Device]; held && r.Patch == "" && hand.Work == r.Work {
		drop(&s.Hands, &s.own.hands, r.Device)
	}
}
