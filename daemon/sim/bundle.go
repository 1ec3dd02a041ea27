package sim

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// bundle is the jobs that go together with a job, itself among them.
func (o *oracle) bundle(j *job) []*job {
	if j.bundle == 0 {
		return []*job{j}
	}
	var mates []*job
	for _, key := range o.order {
		if m := o.jobs[key]; m.bundle == j.bundle {
			mates = append(mates, m)
		}
	}
	return mates
}

// underWay reports whether the bundle of a job is on its device already: then it is finished,
// whoever is away meanwhile.
func (o *oracle) underWay(j *job) bool {
	return slices.ContainsFunc(o.bundle(j), func(m *job) bool { return m != j && m.begun && !m.settled && m.state != site.RolledBack })
}

// together reports whether a patch goes together with a job on its device.
func (o *oracle) together(j *job, patch string) bool {
	m := o.jobs[pair{j.device, patch}]
	return m == j || m != nil && j.bundle > 0 && m.bundle == j.bundle
}

// splits is how often a patch may have begun anew on a device.
func (o *oracle) splits(device, patch string) int {
	if j := o.jobs[pair{device, patch}]; j != nil {
		return j.splits
	}
	return 0
}

// split begins the jobs of a bundle anew, half by half. All of it has to be off the device.
func (o *oracle) split(e run.Event) {
	o.outcomes["bundle split"]++
	whole := 0
	for _, half := range e.Halves {
		o.bundles++
		for _, patch := range half {
			j := o.jobs[pair{e.Device, patch}]
			if j == nil || j.settled || j.bundle == 0 || whole > 0 && j.bundle != whole {
				o.note("bundle", "%s of %s goes on in a half, and was not open in the bundle", patch, e.Device)
				continue
			}
			whole = j.bundle
		}
	}
	number := o.bundles - len(e.Halves)
	for _, half := range e.Halves {
		number++
		for _, patch := range half {
			j := o.jobs[pair{e.Device, patch}]
			if j == nil || j.settled {
				continue
			}
			if j.begun && j.state != site.RolledBack {
				o.note("bundle", "the bundle of %s on %s is halved while it is %s", patch, e.Device, j.state)
			}
			if j.begun {
				o.reallyBack(j, o.truth(j.device))
			}
		}
	}
	number = o.bundles - len(e.Halves)
	for _, half := range e.Halves {
		number++
		for _, patch := range half {
			if j := o.jobs[pair{e.Device, patch}]; j != nil && !j.settled {
				*j = job{pair: j.pair, state: site.Queued, bundle: number, splits: j.splits + 1}
			}
		}
	}
}

// owed is the time that what is on the device of the same bundle needs at least, when a job is begun:
// to be proven, and to be taken back.
func (o *oracle) owed(j *job) time.Duration {
	var owed time.Duration
	for _, m := range o.bundle(j) {
		if m == j || !m.begun || m.settled || m.state == site.RolledBack {
			continue
		}
		p := o.scene.patch(m.patch)
		owed += p.Duration.Verify.Std() + p.Duration.Soak.Std() + o.pace.atLeast(ran{o.model(m.device), p.ID, run.Revert}, p.Duration.Rollback)
	}
	return owed
}

// pair checks what the devices of a redundant pair owe each other.
func (o *oracle) pair(j *job) {
	me, _ := o.scene.Store.Device(j.device)
	for _, other := range o.scene.Store.Devices {
		mates := slices.ContainsFunc(other.Groups, func(g string) bool { return slices.Contains(me.Groups, g) })
		if !mates || !me.Role.Partners(other.Role) {
			continue
		}
		if o.away(other.ID) {
			o.note("pair", "%s is begun on %s while %s, which stands in for it, is away", j.patch, j.device, other.ID)
		}
		first := o.jobs[pair{other.ID, j.patch}]
		if me.Role == site.Primary && first != nil && first.begun && first.settled && first.state != site.Done {
			o.note("pair", "%s is begun on %s, and is %s on %s, its secondary", j.patch, j.device, first.state, other.ID)
		}
		for _, ahead := range o.jobs {
			if me.Role == site.Primary && ahead.device == other.ID && !ahead.settled && !o.deaf(other.ID) && (ahead.begun || !o.hopeless(other.ID) && !o.waitsItself(ahead)) {
				o.note("pair", "%s is begun on %s, and %s of %s, its secondary, is not finished", j.patch, j.device, ahead.patch, other.ID)
			}
		}
	}
}
