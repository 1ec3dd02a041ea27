package ready

import (
	"slices"

	"github.com/nightfill/nightfill/site"
)

// hang takes from every check that hangs on another one what it cannot prove without it. Behind
// one that failed, nothing is known and no finding is made: the failure is the one finding. Behind one
// of which nothing is known, nothing is known either; a failure is a failure all the same.
func (j *judge) hang() {
	parents := j.in.Store.Parents()
	place := make(map[string]int, len(j.looks))
	for i, l := range j.looks {
		place[l.check.ID] = i
	}
	done := make([]bool, len(j.looks))
	var settle func(i int)
	settle = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, id := range parents[j.looks[i].check.ID] {
			settle(place[id])
			j.hangOn(&j.looks[i], place[id])
		}
	}
	for i := range j.looks {
		settle(i)
	}
}

// hangOn puts a look behind its parent, or behind what that one hangs on itself.
func (j *judge) hangOn(l *look, parent int) {
	root := parent
	if b := j.looks[parent].behind; b > 0 {
		root = b - 1
	}
	p, r := j.looks[parent].is, j.looks[root].is
	switch {
	case l.is == absent || p == good || p == absent:
	case r == bad && (l.behind == 0 || j.looks[l.behind-1].is != bad):
		l.is, l.behind = min(l.is, blind), root+1
	case l.is != bad:
		l.is = blind
		if l.behind == 0 {
			l.behind = root + 1
		}
	}
}

// blocks reports whether a failure keeps the store from opening.
func (j *judge) blocks(l look) bool {
	return l.required() || !l.check.Optional && j.capability(l.check.Capability).missed()
}

// gateway is the place of the failed check that every silent device hangs on; -1 = there is none.
func (j *judge) gateway() int {
	i := slices.IndexFunc(j.looks, func(l look) bool { return l.check.Kind == site.CheckGateway })
	if i < 0 || j.looks[i].is != bad {
		return -1
	}
	if b := j.looks[i].behind; b > 0 {
		return b - 1
	}
	return i
}

// swallowed reports whether a device that does not answer needs no finding: the gateway's failure
// explains it, and whatever fails of the device hangs on that or on another failure.
func (j *judge) swallowed(device string) bool {
	return j.gateway() >= 0 && !slices.ContainsFunc(j.looks, func(l look) bool {
		return l.check.Device == device && l.is == bad && l.behind == 0
	})
}

// hide lists in a finding what hangs on its checks, and reports whether it is red: what it hides
// is as bad as it would be alone.
func (j *judge) hide(f *Finding, red bool, mine func(root look) bool) bool {
	for _, l := range j.looks {
		if l.behind == 0 || !mine(j.looks[l.behind-1]) {
			continue
		}
		f.Hides = append(f.Hides, l.check.ID)
		red = red || l.is == bad && j.blocks(l)
	}
	if g := j.gateway(); g < 0 || !mine(j.looks[g]) {
		return red
	}
	for _, d := range j.in.Store.Devices {
		if _, down := j.down[d.ID]; !down || !j.swallowed(d.ID) {
			continue
		}
		f.HidesDevices = append(f.HidesDevices, d.ID)
		for _, name := range d.Capabilities {
			red = red || j.capability(name).missed()
		}
	}
	return red
}

// hangWords says how many checks hang on a finding, as a sentence to follow another.
func (j *judge) hangWords(f Finding) string {
	if len(f.Hides) == 0 {
		return ""
	}
	return " " + j.lang.Count("hang", len(f.Hides))
}
