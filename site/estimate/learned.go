package estimate

import (
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	// Enough is how many runs it takes until the patch file is not asked any more.
	Enough = 5
	// Newest is how many runs are remembered: of one part of a patch on a model, and of a model's restarts.
	Newest = 50
)

// Part is a part of a patch whose length is learned. Verification is none: it is given the time of
// the patch file and no more.
type Part string

// The parts that are learned.
const (
	Install  Part = "install"
	Reboot   Part = "reboot"
	Rollback Part = "rollback"
)

// Learned is how long patches took, by the model of the device. It is a value: Learn and Only return
// another one and leave it as it was. Nil has learned nothing.
type Learned map[string]Model

// Model is what was learned on the devices of one model.
type Model struct {
	Reboot  Runs                     `json:"reboot,omitzero"` // whatever the patch: a restart belongs to the machine
	Patches map[string]map[Part]Runs `json:"patches,omitempty"`
}

// Runs are the newest runs of one thing.
type Runs struct {
	Took []site.Duration `json:"took"` // in whole seconds; the newest is the last
	P95  site.Duration   `json:"p95"`  // of Took, by nearest rank: with fewer than 20 runs the longest
}

func (r Runs) with(took site.Duration) Runs {
	from := max(0, len(r.Took)+1-Newest)
	return runsOf(append(slices.Clone(r.Took[from:]), took))
}

func (r Runs) withoutLongest() Runs {
	if len(r.Took) < 2 {
		return Runs{}
	}
	longest := slices.Index(r.Took, slices.Max(r.Took))
	return runsOf(slices.Delete(slices.Clone(r.Took), longest, longest+1))
}

// runsOf are runs with what is learned from them; there is at least one.
func runsOf(took []site.Duration) Runs {
	sorted := slices.Sorted(slices.Values(took))
	return Runs{Took: took, P95: sorted[(95*len(sorted)+99)/100-1]}
}

// Learn adds that a part of a patch took so long on a device of a model. A model without a name,
// which plans from before models were known have, and no time at all teach nothing.
func (l Learned) Learn(model, patch string, part Part, took time.Duration) Learned {
	if model == "" || took <= 0 {
		return l
	}
	seconds := site.Duration(max(time.Second, took.Round(time.Second)))
	m := l[model]
	if part == Reboot {
		m.Reboot = m.Reboot.with(seconds)
	}
	parts := maps.Clone(m.Patches[patch])
	if parts == nil {
		parts = map[Part]Runs{}
	}
	parts[part] = parts[part].with(seconds)
	m.Patches = maps.Clone(m.Patches)
	if m.Patches == nil {
		m.Patches = map[string]map[Part]Runs{}
	}
	m.Patches[patch] = parts
	more := maps.Clone(l)
	if more == nil {
		more = Learned{}
	}
	more[model] = m
	return more
}

// Forget drops the longest run of a part of a patch on a model: of a restart, the longest one by any patch too.
func (l Learned) Forget(model, patch string, part Part) Learned {
	m, known := l[model]
	if !known {
		return l
	}
	if part == Reboot {
		m.Reboot = m.Reboot.withoutLongest()
	}
	m.Patches = maps.Clone(m.Patches)
	if parts := maps.Clone(m.Patches[patch]); parts != nil {
		if parts[part] = parts[part].withoutLongest(); len(parts[part].Took) == 0 {
			delete(parts, part)
		}
		m.Patches[patch] = parts
	}
	less := maps.Clone(l)
	less[model] = m
	return less
}

// Only forgets all patches but those that are to be kept. What was learned of a model's restarts stays.
func (l Learned) Only(keep func(patch string) bool) Learned {
	less := maps.Clone(l)
	for name, m := range less {
		m.Patches = maps.Clone(m.Patches)
		maps.DeleteFunc(m.Patches, func(patch string, _ map[Part]Runs) bool { return !keep(patch) })
		less[name] = m
	}
	return less
}
