package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Needs is how long a patch may take on a device with everything that belongs to
// it: install, restart where there may be one, verification, and taking it back.
func Needs(p site.Patch) time.Duration {
	d := p.Duration
	needs := d.Install.Std() + d.Verify.Std() + d.Soak.Std() + d.Rollback.Std()
	if p.Reboot != site.RebootNever {
		needs += d.Reboot.Std()
	}
	return needs
}

// Make plans the window span as seen at f.Now, which may be before it or inside it. Each patch takes
// as long on each device as f.Learned says.
// The same facts give the same plan. Everything that is not in the plan is in the report.
func Make(f policy.Facts, span window.Span, reserve time.Duration) (Plan, Report) {
	m := maker{facts: f, from: latest(f.Now, span.Open), turn: urgency(f.Catalog), patches: map[string]*site.Patch{}}
	m.plan = Plan{
		Night: span.Night, Opens: span.Open, Closes: span.Close, Cutoff: span.Close.Add(-reserve),
		Catalog: f.Catalog.Version, Groups: f.Store.Groups,
	}
	for _, d := range f.Store.Devices {
		m.addMember(d)
	}
	if f.NoCatalog != nil {
		m.leaveOut("", "", policy.Verdict{State: site.Skipped, Reason: f.NoCatalog})
	}
	m.gather()
	for _, d := range inOrder(f.Store) {
		m.addLane(d)
	}
	m.schedule()
	for _, a := range f.Catalog.Patches {
		if p, planned := m.patches[a.Patch.ID]; planned {
			m.plan.Patches = append(m.plan.Patches, *p)
		}
	}
	return m.plan, m.report
}

type maker struct {
	facts   policy.Facts
	from    time.Time
	plan    Plan
	report  Report
	turn    map[string]int // of each patch of the catalog, its place among them by urgency
	patches map[string]*site.Patch
	crews   []crew            // of each group of the store
	of      map[string][]int  // of each device, its crews
	notes   map[string]string // by patch, of the device whose lane is being made: why it is due again
}

func (m *maker) leaveOut(device, patch string, v policy.Verdict) {
	if note := m.notes[patch]; note != "" {
		v.Reason = v.Reason.With("due_again", note)
	}
	m.report = append(m.report, LeftOut{Device: device, Patch: patch, State: v.State, Reason: v.Reason})
}

func (m *maker) addMember(d site.Device) {
	if !d.Patchable() {
		return
	}
	o, seen := m.facts.Inventory[d.ID]
	m.plan.Members = append(m.plan.Members, Member{Device: d.ID, Model: d.ModelOrClass(), Groups: d.Groups, Role: d.Role, Down: !seen || o.Error != nil})
}

func (m *maker) addLane(d site.Device) {
	if v := m.facts.Device(d); !v.Eligible() {
		m.leaveOut(d.ID, "", v)
		return
	}
	var wanted []*site.Patch
	m.notes = map[string]string{}
	for i := range m.facts.Catalog.Patches {
		a := &m.facts.Catalog.Patches[i]
		if v := m.facts.Judge(*a, d); !v.Eligible() {
			m.leaveOut(d.ID, a.Patch.ID, v)
			continue
		}
		if note := m.facts.Returned(*a, d); note != "" {
			m.notes[a.Patch.ID] = note
		}
		wanted = append(wanted, &a.Patch)
	}
	possible := m.possible(d, wanted)
	lane := Lane{Device: d.ID, Jobs: make([]Job, 0, len(possible))}
	for _, p := range possible {
		m.patches[p.ID] = p
		paced := m.paced(d, p)
		job := Job{Patch: p.ID, Needs: site.Duration(Needs(paced)), Note: m.notes[p.ID]}
		if e := m.facts.Learned.Of(d.ModelOrClass(), *p); e.From != estimate.PatchFile {
			learned := e
			job.Estimate = &learned
		}
		lane.Jobs = append(lane.Jobs, job)
	}
	if m.facts.Store.Mode == site.Bundle {
		m.bundle(lane.Jobs)
	}
	if len(lane.Jobs) > 0 {
		m.plan.Lanes = append(m.plan.Lanes, lane)
	}
}

// paced is a patch that takes as long as it is expected to on the device.
func (m *maker) paced(d site.Device, p *site.Patch) site.Patch {
	paced := *p
	paced.Duration = m.facts.Learned.Durations(d.ModelOrClass(), paced)
	return paced
}

// possible drops what can never be done on the device tonight and puts the rest in order.
func (m *maker) possible(d site.Device, wanted []*site.Patch) []*site.Patch {
	kept := make([]*site.Patch, 0, len(wanted))
	for _, p := range wanted {
		m.forget(d, p)
		if v := m.room(d, p); !v.Eligible() {
			m.leaveOut(d.ID, p.ID, v)
			continue
		}
		kept = append(kept, p)
	}
	for changed := true; changed; {
		changed = false
		kept = slices.DeleteFunc(kept, func(p *site.Patch) bool {
			missing := m.missing(d, p, kept)
			if missing == "" {
				return false
			}
			m.leaveOut(d.ID, p.ID, policy.Verdict{State: site.Skipped, Reason: site.Because(site.CodeRequires,
				"it needs "+missing+", which is neither done nor planned on "+d.ID, "requires", missing)})
			changed = true
			return true
		})
	}
	return m.sequence(kept)
}

// settling is what a night needs until the first device can be begun: looks, transfers, gates.
const settling = 15 * time.Minute

// forget notes what was learned of a patch that lets it fit into no night at all, where its patch file lets it:
// nothing could ever show any more that it was only one slow run. Each night lets the longest run go, so that a few of
// them are soon forgotten, and a pace that many runs agree on is not.
func (m *maker) forget(d site.Device, p *site.Patch) {
	night, learned := m.plan.Cutoff.Sub(m.plan.Opens)-settling, m.paced(d, p)
	known := func(f Forgotten) bool { return f.Model == d.ModelOrClass() && f.Patch == p.ID }
	if Needs(learned) <= night || Needs(*p) > night || slices.ContainsFunc(m.plan.Forgets, known) {
		return
	}
	f := Forgotten{Model: d.ModelOrClass(), Patch: p.ID}
	for _, part := range []struct {
		name          estimate.Part
		learned, file site.Duration
	}{
		{estimate.Install, learned.Duration.Install, p.Duration.Install},
		{estimate.Reboot, learned.Duration.Reboot, p.Duration.Reboot},
		{estimate.Rollback, learned.Duration.Rollback, p.Duration.Rollback},
	} {
		if part.learned > part.file {
			f.Parts = append(f.Parts, part.name)
		}
	}
	m.plan.Forgets = append(m.plan.Forgets, f)
}

// missing names a patch that p needs and that is neither planned nor already on the device.
func (m *maker) missing(d site.Device, p *site.Patch, planned []*site.Patch) string {
	for _, id := range p.Requires {
		if slices.ContainsFunc(planned, func(q *site.Patch) bool { return q.ID == id }) {
			continue
		}
		i := slices.IndexFunc(m.facts.Catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == id })
		if i < 0 || policy.Applies(m.facts.Catalog.Patches[i].Patch, m.facts.Inventory[d.ID]).Eligible() {
			return id
		}
	}
	return ""
}

// room says whether the patch fits into what is left of the window and into the device's groups.
func (m *maker) room(d site.Device, p *site.Patch) policy.Verdict {
	left := m.plan.Cutoff.Sub(m.from)
	if needs := Needs(m.paced(d, p)); needs > left {
		return policy.Verdict{State: site.Skipped, Reason: NoTime(needs, left, m.facts.Learned.Of(d.ModelOrClass(), *p).From)}
	}
	for _, i := range m.of[d.ID] {
		if c := &m.crews[i]; c.MinUp > 0 && c.members-1 < c.MinUp {
			return policy.Verdict{State: site.Skipped, Reason: GroupFloor(c.Group, c.members)}
		}
	}
	return policy.Verdict{State: site.Queued}
}

// NoTime is the reason of a patch that needs more time than is left before the cut-off. From says
// where the estimate of its needs comes from.
func NoTime(needs, left time.Duration, from string) *site.Reason {
	needs, left = needs.Round(time.Second), max(0, left).Round(time.Second)
	short := needs - left
	return site.Because(site.CodeNoTime, "it needs "+minutes(needs)+" with its rollback, and "+minutes(left)+" are left before the cut-off: short by "+minutes(short),
		"needs", needs.String(), "left", left.String(), "short", short.String(), "from", from)
}

// minutes writes a length for people: "55 min", "1 h 20 min", "40 s".
func minutes(d time.Duration) string {
	s := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	return strings.TrimSuffix(strings.NewReplacer("h0m", "h", "h", " h ", "m", " min ", "s", " s").Replace(s), " ")
}

// GroupFloor is the reason of a group in which no device may ever be taken away.
func GroupFloor(g site.Group, members int) *site.Reason {
	return site.Because(site.CodeGroupFloor, "group "+g.ID+" must keep its floor of working devices, so none may be taken away",
		"group", g.ID, "min_up", itoa(g.MinUp), "devices", itoa(members))
}

// urgency puts the patches of a catalog in order: the most urgent first, then the longest
// released, then by name.
func urgency(c site.Catalog) map[string]int {
	patches := make([]*site.Patch, 0, len(c.Patches))
	for i := range c.Patches {
		patches = append(patches, &c.Patches[i].Patch)
	}
	slices.SortStableFunc(patches, func(a, b *site.Patch) int {
		return cmp.Or(a.Severity.Order()-b.Severity.Order(), a.VendorReleased.Compare(b.VendorReleased), policy.CompareVersions(a.ID, b.ID))
	})
	turn := map[string]int{}
	for i, p := range patches {
		turn[p.ID] = i
	}
	return turn
}

// sequence orders the patches of one device: what others require first, then by urgency; of one
// package, the lower version first.
func (m *maker) sequence(patches []*site.Patch) []*site.Patch {
	slices.SortStableFunc(patches, func(a, b *site.Patch) int { return m.turn[a.ID] - m.turn[b.ID] })
	risingVersions(patches)
	return requiredFirst(patches)
}

// risingVersions makes the patches of one package rise in version: they keep the places
// that the package has in the order, and share them out among themselves.
func risingVersions(patches []*site.Patch) {
	places := map[string][]int{}
	for i, p := range patches {
		if p.Applies.Package != "" {
			places[p.Applies.Package] = append(places[p.Applies.Package], i)
		}
	}
	for _, at := range places {
		same := make([]*site.Patch, 0, len(at))
		for _, i := range at {
			same = append(same, patches[i])
		}
		slices.SortStableFunc(same, func(a, b *site.Patch) int { return policy.CompareVersions(a.Applies.Below, b.Applies.Below) })
		for n, i := range at {
			patches[i] = same[n]
		}
	}
}

// requiredFirst moves each patch behind those that it requires, and behind those that bring its
// package to a lower version: put on later, they would take the higher one off again. A circle is
// left in the order it came.
func requiredFirst(patches []*site.Patch) []*site.Patch {
	ordered := make([]*site.Patch, 0, len(patches))
	pending := slices.Clone(patches)
	for len(pending) > 0 {
		next := slices.IndexFunc(pending, func(p *site.Patch) bool {
			return !slices.ContainsFunc(pending, func(q *site.Patch) bool { return q.ID != p.ID && goesBehind(p, q) })
		})
		next = max(next, 0)
		ordered = append(ordered, pending[next])
		pending = slices.Delete(pending, next, next+1)
	}
	return ordered
}

// goesBehind reports whether p has to wait for q on a device that gets both.
func goesBehind(p, q *site.Patch) bool {
	if slices.Contains(p.Requires, q.ID) {
		return true
	}
	name := p.Applies.Package
	return name != "" && name == q.Applies.Package && policy.CompareVersions(q.Applies.Below, p.Applies.Below) < 0
}

// inOrder returns the devices of the store with those of earlier groups first, and among them
// secondaries first and primaries last.
func inOrder(s site.Store) []site.Device {
	devices, depths := slices.Clone(s.Devices), map[string]int{}
	for _, d := range devices {
		depths[d.ID] = depth(s, d)
	}
	turn := map[site.Role]int{site.Secondary: -1, site.Primary: 1}
	slices.SortStableFunc(devices, func(a, b site.Device) int {
		return cmp.Or(depths[a.ID]-depths[b.ID], turn[a.Role]-turn[b.Role])
	})
	return devices
}

// depth is the length of the longest chain of groups that go before the device's own.
func depth(s site.Store, d site.Device) int {
	deepest := 0
	for _, g := range d.Groups {
		deepest = max(deepest, groupDepth(s, g, len(s.Groups)))
	}
	return deepest
}

func groupDepth(s site.Store, group string, limit int) int {
	deepest := 0
	if limit == 0 {
		return 0
	}
	for _, g := range s.Groups {
		if slices.Contains(g.Before, group) {
			deepest = max(deepest, 1+groupDepth(s, g.ID, limit-1))
		}
	}
	return deepest
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
