package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Failure is one time that a patch broke a device of this store, for a reason of its own.
type Failure struct {
	Patch  string      `json:"patch"`
	Device string      `json:"device"`
	Night  window.Date `json:"night"`
	At     time.Time   `json:"at"`
	// Proof is true where it had to prove itself: before others of a group, or as what was left of a
	// bundle that broke.
	Proof bool `json:"proof,omitempty"`
	// Taken names the person who took it off again; "" when it failed by itself.
	Taken  string       `json:"taken,omitempty"`
	Reason *site.Reason `json:"reason"`
}

// guilty says why a patch that failed like this, in this order, is begun nowhere in the store any
// more; nil when it may be. It is guilty when a person took it off again, when it failed once where
// it had to prove itself, or twice: on two devices, or on one device in two nights. One failure anywhere else may be the
// device's own, so that the patch is tried there again on a later night.
func guilty(failures []Failure) *site.Reason {
	var devices, nights []string
	proof, taken := "", ""
	var first *site.Reason
	for _, f := range failures {
		first = cmp.Or(first, f.Reason)
		if !slices.Contains(devices, f.Device) {
			devices = append(devices, f.Device)
		}
		if night := f.Night.String(); !slices.Contains(nights, night) {
			nights = append(nights, night)
		}
		if f.Proof && proof == "" {
			proof = f.Device
		}
		if f.Taken != "" && taken == "" {
			taken, first = "it was wanted off "+f.Device, f.Reason
		}
	}
	var text string
	switch {
	case taken != "":
		text = taken
	case proof != "":
		text = "it broke " + proof + ", where it had to prove itself"
	case len(devices) > 1:
		text = "it broke " + strings.Join(devices, ", ")
	case len(nights) > 1:
		text = "it broke " + devices[0] + " in the nights of " + strings.Join(nights, ", ")
	default:
		return nil
	}
	return site.Because(site.CodeQuarantined, "quarantined in this store: "+text+": "+first.Text,
		"devices", joined(devices), "nights", joined(nights), "first", first.Text, "first_code", string(first.Code))
}

// own reports whether a job ended badly for a reason that is the patch's own, or because a person
// took it off again, and not for the device's or the line's. cause is why it went wrong before it was settled: a patch
// that cannot be taken back is not guilty of that when something else stopped it.
func (j Job) own(cause *site.Reason) bool {
	failed := j.State == site.RolledBack || j.State == site.Failed || j.State == site.RollbackFailed
	if !j.Settled || !failed || !j.Begun() || j.Reason == nil {
		return false
	}
	code := j.Reason.Code
	if code == site.CodeTakenBack {
		return true
	}
	if code == site.CodeNoRollback && cause != nil {
		code = cause.Code
	}
	return slices.Contains([]site.Code{
		site.CodeInstallFailed, site.CodeVerifyFailed, site.CodeTimedOut, site.CodeNotBack, site.CodeSelfReverted, site.CodeNoRollback, site.CodeRollbackFailed,
	}, code)
}

// blame counts a failure of the patch of a job, which was settled just now and stood as was before.
// A proof that failed while others of the bundle were on the device may be the fault of any of them.
func (s *State) blame(was, j Job) {
	p, planned := s.Night.Plan.Patch(j.Patch)
	if was.Settled || !planned || !j.own(was.Reason) || s.Night.together(j) && j.Ends[Install].Outcome == OK {
		return
	}
	f := Failure{
		Patch: j.Patch, Device: j.Device, Night: s.Night.Plan.Night, At: s.At, Reason: j.Reason,
		Taken: takenBy(was, j), Proof: j.Alone || newDecider(*s, s.At).proving(&j),
	}
	digest := policy.Digest(p)
	set(&s.Failures, &s.own.failures, digest, append(slices.Clip(s.Failures[digest]), f))
}

// takenBy names the person because of whom a job was taken back; "" when it was the patch's doing.
func takenBy(was, j Job) string {
	for _, reason := range []*site.Reason{was.Reason, j.Reason} {
		if reason != nil && reason.Code == site.CodeTakenBack {
			return reason.Facts["actor"]
		}
	}
	return ""
}

// together reports whether others of a job's bundle were put on its device with it.
func (n *Night) together(j Job) bool {
	return j.Bundle != 0 && slices.ContainsFunc(n.JobsOf(j.Device), func(m Job) bool {
		return m.Bundle == j.Bundle && m.Patch != j.Patch && m.Begun()
	})
}

// proving reports whether a job has to prove its patch in a group before anybody else there.
func (d *decider) proving(j *Job) bool {
	return slices.ContainsFunc(d.night.layout.members[d.number(j)].groups, func(g int) bool {
		first := d.canary(g, j.patch)
		return d.night.Plan.Groups[g].Canary && first != nil && first.Device == j.Device
	})
}

// quarantine keeps what proved itself guilty from being begun. It is asked before the jobs are, so
// that the journal names the cause before what follows from it.
func (d *decider) quarantine() {
	if len(d.s.Failures) == 0 {
		return
	}
	for _, p := range d.night.Plan.Patches {
		digest := policy.Digest(p)
		reason := guilty(d.s.Failures[digest])
		if reason == nil || d.s.Quarantine[p.ID].Digest == digest {
			continue
		}
		d.emit(Event{Kind: PatchQuarantined, Patch: p.ID, Text: digest, Reason: reason})
		d.s.Quarantine = maps.Clone(d.s.Quarantine) // what is decided now knows of it already
		if d.s.Quarantine == nil {
			d.s.Quarantine = map[string]site.Quarantine{}
		}
		d.s.Quarantine[p.ID] = site.Quarantine{Patch: p.ID, Digest: digest, Since: d.now, Reason: reason}
	}
}

// quarantined says why a patch is begun nowhere in the store; nil when it may be.
func (s State) quarantined(p *site.Patch) *site.Reason {
	if q, is := s.Quarantine[p.ID]; is && q.Digest == policy.Digest(*p) {
		return q.Reason
	}
	return nil
}

// excepted says why headquarters leaves the device of a job without its patch for a time.
func (d *decider) excepted(j *Job) *site.Reason {
	if len(d.s.Catalog.Exceptions) == 0 {
		return nil
	}
	var groups []string
	if number := d.number(j); number < len(d.night.Plan.Members) { // else the store has the device no more
		groups = d.night.Plan.Members[number].Groups
	}
	return policy.Excepted(d.s.Catalog.Exceptions, j.Patch, "", j.Device, groups, d.now)
}

// Release returns the event with which a person lets go what is kept from work under a name: a
// device that is held or needs a look, the whole store, or a quarantined patch; false when
// nothing is kept under that name. A device comes before a patch of the same name.
func Release(s State, name, actor string, now time.Time) (Event, bool) {
	e := Event{Kind: HoldReleased, At: now, Actor: actor}
	_, held := s.Holds[name]
	_, dirty := s.Dirty[name]
	q, quarantined := s.Quarantine[name]
	switch {
	case held || dirty:
		e.Device = name
	case quarantined:
		e.Patch, e.Reason = name, q.Reason
	default:
		return Event{}, false
	}
	return e, true
}

// stopped says why headquarters wants a patch not to be begun here, for good or for now: the patch, or all
// of this store; nil when it does not.
func (c CatalogNote) stopped(patch string) (site.State, *site.Reason) {
	if reason, withdrawn := c.Withdrawn[patch]; withdrawn {
		return site.Skipped, site.Because(site.CodeWithdrawn, "withdrawn by headquarters: "+reason)
	}
	if c.StoreHeld != nil {
		return site.Held, policy.StoreHeldByHeadquarters(*c.StoreHeld)
	}
	if reason, held := c.Held[patch]; held {
		return site.Held, policy.HeldByHeadquarters(reason)
	}
	return "", nil
}

// Lapsed returns the events that end quarantines by themselves, in the light of a new catalog: of a
// patch that has other bytes now, and of one that headquarters took back for good.
func Lapsed(s State, patches []site.Approved, now time.Time) []Event {
	var events []Event
	for _, id := range slices.Sorted(maps.Keys(s.Quarantine)) {
		q := s.Quarantine[id]
		i := slices.IndexFunc(patches, func(a site.Approved) bool { return a.Patch.ID == id })
		e := Event{Kind: HoldReleased, At: now, Patch: id, Reason: q.Reason}
		switch {
		case i < 0:
			continue
		case patches[i].Withdrawn != nil:
			e.Text = "withdrawn by headquarters: " + patches[i].Withdrawn.Reason
		case policy.Digest(patches[i].Patch) != q.Digest:
			e.Text = "it has other bytes now"
		default:
			continue
		}
		events = append(events, e)
	}
	return events
}

// unquarantine forgets what a patch is guilty of: it begins anew.
func (s *State) unquarantine(patch string) {
	drop(&s.Failures, &s.own.failures, s.Quarantine[patch].Digest)
	drop(&s.Quarantine, &s.own.quarantine, patch)
}
