package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// overrun is how long after the window an installer may still run: its own deadline ends it.
const overrun = time.Minute

// compare holds the end of a job against what is really on the device.
func (o *oracle) compare(j *job) {
	truth := o.truth(j.device)
	switch j.state {
	case site.Done:
		o.reallyDone(j, truth)
	case site.RolledBack:
		o.reallyBack(j, truth)
	case site.Skipped, site.Held:
		if n := truth.Count(devices.Install, j.patch); n != 0 {
			o.note("untouched", "%s of %s is %s, and its installer ran %d times", j.patch, j.device, j.state, n)
		}
	}
}

// last returns the newest run of a kind of work for a patch that ended with exit code 0.
func last(truth fake.Truth, kind devices.Kind, patch string) (fake.Ran, bool) {
	for _, ran := range slices.Backward(truth.Runs) {
		if ran.Kind == kind && ran.Patch == patch && ran.Phase == devices.PhaseDone && ran.ExitCode == 0 {
			return ran, true
		}
	}
	return fake.Ran{}, false
}

func (o *oracle) reallyDone(j *job, truth fake.Truth) {
	proof, ok := last(truth, devices.Verify, j.patch)
	if !ok {
		o.note("proof", "%s of %s is done, and no verification passed on the device", j.patch, j.device)
		return
	}
	for _, ran := range truth.Runs {
		if o.together(j, ran.Patch) && (ran.Kind == devices.Install || ran.Kind == devices.Revert) && ran.Began.After(proof.Began) {
			o.note("proof", "%s of %s is done, and a %s of %s ran after its proof", j.patch, j.device, ran.Kind, ran.Patch)
		}
	}
	if o.disturbed(j.device, proof.Ended) {
		return
	}
	if !on(o.scene.patch(j.patch), truth) || truth.Recorded[j.patch] == "" {
		o.note("truth", "%s of %s is done, and on the device are %v, recorded %v", j.patch, j.device, truth.Applied, truth.Recorded)
	}
	for _, v := range o.scene.patch(j.patch).Verify {
		if v.Service != "" && !truth.Services[v.Service] {
			o.note("truth", "%s of %s is done, and %s does not run", j.patch, j.device, v.Service)
		}
	}
}

// on reports whether a patch is really on a device: it was put there, or its package is at
// the version that it brings, or a later one.
func on(p site.Patch, truth fake.Truth) bool {
	if name := p.Applies.Package; name != "" {
		version, installed := truth.Packages[name]
		return installed && policy.CompareVersions(version, p.Applies.Below) >= 0
	}
	return truth.Applied[p.ID] != ""
}

// disturbed reports whether something befell a device after a moment that no proof can have seen.
func (o *oracle) disturbed(device string, since time.Time) bool {
	return slices.ContainsFunc(o.devices.Log(), func(e fake.Entry) bool {
		befell := e.What == fake.Down || e.What == fake.ServicesDown || e.What == fake.SelfReverted
		return e.Device == device && befell && !e.At.Before(since)
	})
}

func (o *oracle) reallyBack(j *job, truth fake.Truth) {
	proof, ok := last(truth, devices.Prove, j.patch)
	if !ok {
		o.note("proof", "%s of %s is rolled back, and no proof of it was taken on the device", j.patch, j.device)
		return
	}
	if !j.begun { // it was put on and taken back with its bundle, and not begun again
		if truth.Applied[j.patch] != "" {
			o.note("truth", "%s of %s is rolled back, and still there", j.patch, j.device)
		}
		return
	}
	if o.asBefore(j, truth, proof) || o.disturbed(j.device, proof.Ended) {
		return
	}
	o.note("truth", "%s of %s is rolled back; before\n%+v\nafter\n%+v", j.patch, j.device, j.before, truth)
}

// asBefore reports whether a device is as it was before a job, or before one of its bundle, which
// went back together with it.
func (o *oracle) asBefore(j *job, truth fake.Truth, proof fake.Ran) bool {
	for _, m := range o.bundle(j) {
		switch {
		case m.begun && (m.state == site.RollbackFailed || m.state == site.Failed): // it is still there, and the device is left to a person
			return truth.Applied[j.patch] == ""
		case m.begun && o.likeBefore(m, truth, proof):
			return true
		}
	}
	return false
}

func (o *oracle) likeBefore(j *job, truth fake.Truth, proof fake.Ran) bool {
	was := j.before
	return maps.Equal(truth.Packages, was.Packages) && slices.Equal(truth.Broken, was.Broken) && maps.Equal(truth.Applied, was.Applied) &&
		(maps.Equal(truth.Services, was.Services) || !was.Up || o.disturbed(j.device, proof.Ended) || o.disturbed(j.device, j.since))
}

// final checks the whole night when it is over.
func (o *oracle) final() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, j := range o.jobs {
		o.ends[j.state]++
	}
	if !o.opened { // the box was away, or did not trust its clock, all night long
		for _, id := range o.devices.Devices() {
			if runs := o.truth(id).Runs; len(runs) > 0 {
				o.note("intent", "%d bodies ran on %s in a night that was never opened", len(runs), id)
			}
		}
		return
	}
	if !o.closed {
		o.note("closed", "the night is not closed")
	}
	for _, key := range o.order {
		j := o.jobs[key]
		explicit := j.state.Final() || j.state == site.Failed || j.state == site.NoAnswer
		if !j.settled || !explicit || j.intent != nil {
			o.note("explicit", "%s of %s ends the night as %s, settled %v", j.patch, j.device, j.state, j.settled)
		}
		if j.state == site.Done && !o.overtaken(j) {
			o.compare(j) // it is so still
		}
	}
	o.complete()
	for _, id := range o.devices.Devices() {
		o.bodies(o.truth(id))
	}
	if len(o.scene.Faults) == 0 {
		o.liveness()
	}
}

// overtaken reports whether a later patch, which did not end well, left the package of a job in doubt.
func (o *oracle) overtaken(j *job) bool {
	name := o.scene.patch(j.patch).Applies.Package
	for _, other := range o.jobs {
		later := other.device == j.device && other.begun && !other.since.Before(j.at)
		if later && name != "" && o.scene.patch(other.patch).Applies.Package == name && other.state != site.Done && other.state != site.RolledBack {
			return true
		}
	}
	return false
}

// complete checks that every device and every patch is named, as planned or as left out.
func (o *oracle) complete() {
	for _, d := range o.scene.Store.Devices {
		if o.left[pair{device: d.ID}] {
			continue
		}
		for _, p := range o.scene.Patches {
			key := pair{d.ID, p.ID}
			if o.scene.arrives[p.ID] <= o.number && o.jobs[key] == nil && !o.left[key] && !o.left[pair{patch: p.ID}] {
				o.note("explicit", "%s of %s is neither planned nor left out", p.ID, d.ID)
			}
		}
	}
}

// bodies checks everything that ran on a device.
func (o *oracle) bodies(truth fake.Truth) {
	if truth.Overlap > 1 {
		o.note("one at a time", "%d bodies ran at once on %s", truth.Overlap, truth.Device)
	}
	reverts := map[string]int{}
	for _, ran := range truth.Runs {
		base := announcedAs(ran.Work)
		if times := count(truth.Runs, base); times != 1 {
			o.note("once", "%s ran %d times on %s", ran.Work, times, truth.Device)
		}
		if _, announced := o.intents[base]; !announced {
			o.note("intent", "%s ran on %s without an announcement", ran.Work, truth.Device)
		}
		if ran.Kind == devices.Install && (ran.Ended.IsZero() || ran.Ended.After(o.night.closes.Add(overrun))) {
			o.note("window", "%s ran on %s until %s", ran.Work, truth.Device, moment(ran.Ended))
		}
		if ran.Kind == devices.Revert && (ran.Phase == devices.PhaseDone || ran.Phase == devices.PhaseTimedOut) {
			if reverts[ran.Patch]++; reverts[ran.Patch] > 1+o.splits(truth.Device, ran.Patch) {
				o.note("rollback", "%s was taken back %d times on %s", ran.Patch, reverts[ran.Patch], truth.Device)
			}
		}
	}
	for _, p := range o.scene.Patches {
		if n := truth.Count(devices.Install, p.ID); n > 2*(1+o.splits(truth.Device, p.ID)) {
			o.note("attempts", "%s was installed %d times on %s", p.ID, n, truth.Device)
		}
	}
}

func count(runs []fake.Ran, base devices.WorkID) int {
	n := 0
	for _, ran := range runs {
		if announcedAs(ran.Work) == base {
			n++
		}
	}
	return n
}

// liveness checks a night in which nothing went wrong: what fits is done.
func (o *oracle) liveness() {
	for _, key := range o.order {
		j := o.jobs[key]
		timely := j.state == site.Skipped && j.reason != nil &&
			slices.Contains([]site.Code{site.CodeNoTime, site.CodeGroupFloor, site.CodeWaiting, site.CodeRequires, site.CodeWindowOver}, j.reason.Code)
		if j.state != site.Done && !timely {
			o.note("liveness", "nothing went wrong, and %s of %s is %s: %s", j.patch, j.device, j.state, j.reason)
		}
	}
}
