package ready

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready/words"
)

// standing is what may be believed of a check or of a device's capability now.
type standing int

// In rising order: the lowest of several decides.
const (
	bad    standing = iota // observed bad
	absent                 // observed to be out of service on purpose: neither bad nor of use
	blind                  // nothing fresh is known
	good
)

// look is one check with what may be believed of it.
type look struct {
	check  site.Check
	result site.CheckResult
	is     standing
	fresh  bool // the result itself counts, whatever it says
	warn   bool
	behind int // 1 + the place of the look that this one hangs on, see hang; 0 = none
}

// required reports whether the store cannot open unless this very check passes.
func (l look) required() bool { return !l.check.Optional && l.check.Capability == "" }

// weighed is one capability with what its devices add up to.
type weighed struct {
	Capability
	checked bool // at least one required check speaks of it
	failed  int  // devices that certainly lack it
}

func (w weighed) missed() bool {
	return w.failed > 0 && w.Working+w.Unknown < w.Floor
}

func (w weighed) unsure() bool { return w.Working < w.Floor && !w.missed() }

// judge is the working memory of one judgement.
type judge struct {
	in     Input
	lang   *words.Language
	zone   *time.Location
	down   map[string]time.Time // device -> since
	closed map[string]bool      // of these, the ones that answer and let the box do nothing
	away   map[string]time.Time
	dirty  map[string]time.Time
	looks  []look
	abled  []weighed // sorted by name
	fix    []Finding
	notes  []Finding
	who    site.Contact
	answer bool // there is somebody to call

	working []string
}

func newJudge(in Input) *judge {
	j := &judge{
		in: in, lang: words.For(in.Language), zone: in.Store.Calendar.Zone,
		down: map[string]time.Time{}, closed: map[string]bool{}, away: map[string]time.Time{}, dirty: map[string]time.Time{},
		fix: []Finding{}, notes: []Finding{}, working: []string{},
	}
	if j.zone == nil {
		j.zone = time.UTC
	}
	for _, f := range in.Devices {
		switch f.State {
		case site.NoAnswer:
			j.down[f.Device], j.closed[f.Device] = f.Since, f.Answers
		case site.Restarting, site.Installing, site.Verifying:
			j.away[f.Device] = f.Since
		case site.RollbackFailed:
			j.dirty[f.Device] = f.Since
		}
	}
	j.who, j.answer = contact(in.Store.Contacts)
	return j
}

// contact chooses whom a shop calls: the one for a red page, else for escalation, else the first.
func contact(all []site.Contact) (site.Contact, bool) {
	for _, purpose := range []string{"not_ready", "escalation"} {
		for _, c := range all {
			if c.Phone != "" && slices.Contains(c.For, purpose) {
				return c, true
			}
		}
	}
	for _, c := range all {
		if c.Phone != "" {
			return c, true
		}
	}
	return site.Contact{}, false
}

func (j *judge) lookAtAll() {
	for _, c := range j.in.Store.Checks {
		j.looks = append(j.looks, j.lookAt(c))
	}
	j.hang()
	for _, l := range j.looks {
		if l.is == good {
			j.working = append(j.working, j.workingLine(l.check))
		}
	}
}

func (j *judge) lookAt(c site.Check) look {
	r, seen := j.in.Results[c.ID]
	l := look{check: c, result: r, is: blind}
	l.fresh = seen && j.fresh(c, r)
	if l.fresh {
		l.is, l.warn = standingOf(r.Outcome)
	}
	if c.Device == "" || l.is == absent {
		return l
	}
	if _, down := j.down[c.Device]; down {
		l.is = bad
	} else if _, away := j.away[c.Device]; away || l.is == bad && j.busy(c.Device) {
		l.is = blind
	}
	return l
}

// looked tells how every check stands.
func (j *judge) looked() []Looked {
	all := make([]Looked, 0, len(j.looks))
	for _, l := range j.looks {
		all = append(all, Looked{Check: l.check.ID, At: l.result.At, Good: l.is == good})
	}
	return all
}

// fresh reports whether a result counts: it is of this start and young enough, by the time of day
// as by a clock that nobody can set.
func (j *judge) fresh(c site.Check, r site.CheckResult) bool {
	if r.At.IsZero() || r.At.After(j.in.Now) || r.At.Before(j.in.Started) || j.in.Now.Sub(r.At) > maxAge(c) {
		return false
	}
	age, known := j.in.Ages[c.ID]
	return j.in.Ages == nil || known && age >= 0 && age <= maxAge(c)
}

func standingOf(o site.CheckOutcome) (is standing, warn bool) {
	switch o {
	case site.Pass:
		return good, false
	case site.Warn:
		return good, true
	case site.Fail:
		return bad, false
	case site.NotApplicable:
		return absent, false
	}
	return blind, false
}

// busy reports whether the running night is not finished with the device.
func (j *judge) busy(device string) bool {
	return j.in.Night != nil && slices.Contains(j.in.Night.Busy, device)
}

func maxAge(c site.Check) time.Duration {
	if c.MaxAge > 0 {
		return c.MaxAge.Std()
	}
	return DefaultMaxAge
}

func (j *judge) weighCapabilities() {
	names := map[string]bool{}
	for name := range j.in.Store.Floor {
		names[name] = true
	}
	for _, c := range j.in.Store.Checks {
		if c.Capability != "" && !c.Optional {
			names[c.Capability] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		j.abled = append(j.abled, j.weigh(name))
	}
}

// weigh counts the devices that have the capability. A check of the store as a whole
// speaks for every device; where no device has a check of its own, the store counts as one device.
func (j *judge) weigh(name string) weighed {
	w := weighed{Capability: Capability{Name: name, Floor: 1}}
	if floor, given := j.in.Store.Floor[name]; given {
		w.Floor = max(0, floor)
	}
	all, own := good, map[string]standing{}
	for _, l := range j.looks {
		if l.check.Capability != name || l.check.Optional {
			continue
		}
		w.checked = true
		if device := l.check.Device; device == "" {
			all = min(all, l.is)
		} else if was, more := own[device]; more {
			own[device] = min(was, l.is)
		} else {
			own[device] = l.is
		}
	}
	if w.checked && len(own) == 0 {
		w.count(all)
		return w
	}
	for _, d := range j.in.Store.Devices {
		if _, checked := own[d.ID]; !checked && slices.Contains(d.Capabilities, name) {
			own[d.ID] = j.unchecked(d.ID)
		}
	}
	for _, is := range own {
		w.count(min(is, all))
	}
	return w
}

// unchecked is what may be believed of a device that no check speaks of.
func (j *judge) unchecked(device string) standing {
	if _, down := j.down[device]; down {
		return bad
	}
	return blind
}

func (w *weighed) count(is standing) {
	w.Total++
	switch is {
	case good:
		w.Working++
	case blind:
		w.Unknown++
	default:
		w.failed++
	}
}

func (j *judge) capability(name string) weighed {
	i := slices.IndexFunc(j.abled, func(w weighed) bool { return w.Name == name })
	if i < 0 {
		return weighed{}
	}
	return j.abled[i]
}

func (j *judge) capabilities() []Capability {
	all := make([]Capability, 0, len(j.abled))
	for _, w := range j.abled {
		all = append(all, w.Capability)
	}
	return all
}

func (j *judge) counts() Counts {
	var n Counts
	for _, l := range j.looks {
		switch l.is {
		case good:
			n.OK++
		case bad:
			n.Failed++
		case blind:
			n.Unknown++
		}
	}
	n.Total = n.OK + n.Failed + n.Unknown
	return n
}

// unsure counts the things that must be known and are not.
func (j *judge) unsure() int {
	n := 0
	for _, l := range j.looks {
		if l.required() && l.is == blind {
			n++
		}
	}
	for _, w := range j.abled {
		if w.unsure() {
			n++
		}
	}
	return n
}

// proven reports whether anything that is not optional passed: without it nothing speaks for opening.
func (j *judge) proven() bool {
	return slices.ContainsFunc(j.looks, func(l look) bool { return l.is == good && !l.check.Optional })
}

// anyFresh reports whether at least one result counts at all.
func (j *judge) anyFresh() bool {
	return slices.ContainsFunc(j.looks, func(l look) bool { return l.fresh })
}

// freshness says from when the judgement is and how long it holds.
func (j *judge) freshness() (asOf time.Time, age time.Duration) {
	var expires, newest time.Time
	for _, l := range j.looks {
		at := l.result.At
		if at.After(newest) && !at.After(j.in.Now) {
			newest = at
		}
		if !l.fresh {
			continue
		}
		if asOf.IsZero() || at.Before(asOf) {
			asOf = at
		}
		if end := at.Add(maxAge(l.check)); expires.IsZero() || end.Before(expires) {
			expires = end
		}
	}
	if asOf.IsZero() {
		return newest, DefaultMaxAge
	}
	return asOf, expires.Sub(asOf)
}
