// Package estimate says how long a patch takes on a model of device: by the patch file at first, by
// what was measured in this store once that is enough. It decides nothing: what is to be begun, and
// when a step is ended, is for site/plan and site/run.
package estimate

import (
	"strconv"

	"github.com/nightfill/nightfill/site"
)

// PatchFile is where an estimate comes from of which nothing was learned.
const PatchFile = "patch file"

// Estimate is how long a patch is expected to take on a model of device, and where that comes from.
type Estimate struct {
	site.Durations
	From string `json:"from"` // PatchFile, "learned (n=12)", or "patch file, restart learned (n=12)"
}

// Durations are the lengths of Of, without saying where they come from; a restart that the patch
// never makes has the length of the patch file.
func (l Learned) Durations(model string, p site.Patch) site.Durations {
	d, m := p.Duration, l[model]
	parts := m.Patches[p.ID]
	d.Install = of(d.Install, parts[Install])
	d.Rollback = of(d.Rollback, parts[Rollback])
	if p.Reboot != site.RebootNever {
		d.Reboot = restart(d.Reboot, parts[Reboot], m.Reboot)
	}
	return d
}

// Of estimates a patch on a model of device. A part of which fewer than Enough runs are known takes
// as long as the patch file says or as the longest of them; from then on the 95th percentile of
// the newest runs, and at least half of what the patch file says: no luck makes it shorter than that.
// A restart that this patch made too rarely goes by all restarts of the model; one that it never
// makes takes no time.
func (l Learned) Of(model string, p site.Patch) Estimate {
	e, m := Estimate{Durations: l.Durations(model, p), From: PatchFile}, l[model]
	if p.Reboot == site.RebootNever {
		e.Reboot = 0
	}
	parts := m.Patches[p.ID]
	if taught(p.Duration.Install, parts[Install]) {
		e.From = "learned" + runs(parts[Install])
		return e
	}
	reboot := parts[Reboot]
	if len(reboot.Took) < Enough {
		reboot = m.Reboot
	}
	if p.Reboot != site.RebootNever && taught(p.Duration.Reboot, reboot) {
		e.From += ", restart learned" + runs(reboot)
	}
	if taught(p.Duration.Rollback, parts[Rollback]) {
		e.From += ", rollback learned" + runs(parts[Rollback])
	}
	return e
}

func runs(r Runs) string { return " (n=" + strconv.Itoa(len(r.Took)) + ")" }

// taught reports whether an estimate goes by the runs and not by the patch file.
func taught(file site.Duration, r Runs) bool { return len(r.Took) >= Enough || r.P95 > file }

func of(file site.Duration, r Runs) site.Duration {
	if len(r.Took) < Enough {
		return max(file, r.P95) // of so few, the longest
	}
	return max(file/2, r.P95)
}

// restart is the length of a restart, given those that the patch made and all of the model.
func restart(file site.Duration, patch, model Runs) site.Duration {
	if len(patch.Took) >= Enough {
		return of(file, patch)
	}
	return max(of(file, model), patch.P95)
}

// Longer returns the longer of each part: what the patch file gives a step is never taken from it.
func Longer(file, learned site.Durations) site.Durations {
	file.Install = max(file.Install, learned.Install)
	file.Reboot = max(file.Reboot, learned.Reboot)
	file.Rollback = max(file.Rollback, learned.Rollback)
	return file
}
