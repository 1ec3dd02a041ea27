package ready

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Codes of findings that belong to no check of the store file.
const (
	CodeDown      = "DEV-1"  // the device does not answer
	CodeDirty     = "DEV-2"  // an update could neither be finished nor be taken back
	CodeAway      = "DEV-3"  // the device is restarting or being changed
	CodeNotSeen   = "DEV-4"  // the device could not be checked
	CodeFloor     = "CAP-1"  // too few devices can do what the store needs
	CodeUnchecked = "CAP-2"  // a floor is set, but nothing looks at it
	CodeBox       = "BOX-1"  // the screen cannot reach the box; used by pages only
	CodeRisk      = "OPEN-1" // the store opens soon and is not proven ready
	CodeRepaired  = "FIX-1"  // the box repaired something by itself
	codeLine      = "LINE-1" // the codes of notes
	codeHeld      = "HOLD-1"
	codeTaken     = "UPD-1"
	codeUnfinish  = "UPD-2"
	codeClock     = "TIME-1"
	codeFull      = "DISK-1"
	codeCatalog   = "HQ-1"
)

// findAll puts what is wrong first, then what is unsure, then what is only worth knowing.
func (j *judge) findAll() {
	j.findDown()
	j.findFailed()
	j.findFloors()
	j.findWarnings()
	j.findUnseen()
	j.findDirty()
	j.findRepaired()
	j.findRisk()
	for _, n := range j.in.Notes {
		if f, ok := j.noteWords(n); ok {
			j.notes = append(j.notes, f)
		}
	}
}

// add files a finding where it belongs and names whom to call.
func (j *judge) add(f Finding, red bool) {
	f.BlocksTrading = red
	if j.answer && (red || f.Else != "") {
		f.Call, f.Phone = j.who.Name, j.who.Phone
	}
	if red {
		j.fix = append(j.fix, f)
	} else {
		j.notes = append(j.notes, f)
	}
}

// findDown names each device that does not answer once, instead of each of its checks.
func (j *judge) findDown() {
	for _, d := range j.in.Store.Devices {
		since, down := j.down[d.ID]
		if !down || j.swallowed(d.ID) {
			continue
		}
		code, red, named := CodeDown, false, ""
		for _, l := range j.looks {
			if l.check.Device != d.ID || l.is != bad || l.check.Optional {
				continue
			}
			if code == CodeDown {
				code = l.check.ID
			}
			red = red || l.required() || j.capability(l.check.Capability).missed()
			named = first(named, l.check.Capability)
		}
		for _, name := range d.Capabilities {
			red = red || j.capability(name).missed()
			named = first(named, name)
		}
		about := CodeDown
		if j.closed[d.ID] { // to look whether it is switched on would be no help
			about = CodeNotSeen
		}
		f := j.about(about, d.ID)
		f.Code, f.Device, f.Since = code, d.ID, since
		red = j.hide(&f, red, func(root look) bool { return root.check.Device == d.ID })
		f.SoWhat = j.soWhat(named, red) + j.hangWords(f)
		f.Broke, f.BrokeText = j.in.Baseline.device(j.lang, d.ID, since)
		j.add(f, red)
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (j *judge) findFailed() {
	for _, l := range j.looks {
		if _, down := j.down[l.check.Device]; l.is != bad || l.behind > 0 || (down && l.check.Device != "") {
			continue
		}
		f := j.failWords(l.check)
		f.Code, f.Device, f.Since = l.check.ID, l.check.Device, j.since(l)
		red := j.hide(&f, j.blocks(l), func(root look) bool { return root.check.ID == l.check.ID })
		f.SoWhat = j.soWhat(l.check.Capability, red) + j.hangWords(f)
		f.Broke, f.BrokeText, _ = j.in.Baseline.check(j.lang, j.in.Store, l.check, f.Since)
		f.Repair = j.repairText(l.check.ID)
		j.add(f, red)
	}
}

func (j *judge) since(l look) time.Time {
	if t, ok := j.in.Since[l.check.ID]; ok && !t.After(l.result.At) {
		return t
	}
	return l.result.At
}

// findFloors names the floors that nothing above has named yet.
func (j *judge) findFloors() {
	for _, w := range j.abled {
		switch {
		case w.missed() && !j.blamed(w.Name):
			j.add(j.floorWords(w.Capability), true)
		case w.unsure() && (!w.checked || w.Unknown == 0):
			j.add(j.uncheckedWords(w), false)
		}
	}
}

// blamed reports whether a red finding already says what breaks this floor.
func (j *judge) blamed(name string) bool {
	return slices.ContainsFunc(j.fix, func(f Finding) bool {
		if d, ok := j.in.Store.Device(f.Device); ok && slices.Contains(d.Capabilities, name) {
			return true
		}
		return slices.ContainsFunc(j.looks, func(l look) bool {
			return l.is == bad && l.check.Capability == name && !l.check.Optional &&
				(l.check.ID == f.Code || l.check.Device == f.Device || slices.Contains(f.Hides, l.check.ID))
		}) || slices.ContainsFunc(f.HidesDevices, func(id string) bool {
			d, _ := j.in.Store.Device(id)
			return slices.Contains(d.Capabilities, name)
		})
	})
}

func (j *judge) findWarnings() {
	for _, l := range j.looks {
		if l.is != good || !l.warn {
			continue
		}
		f := j.warnWords(l.check)
		f.Code, f.Device, f.Since = l.check.ID, l.check.Device, j.since(l)
		j.add(f, false)
	}
}

// findUnseen names each device, or check of the store, about which nothing is known, once.
// When nothing at all is known the sentence under the word says so, and a list would not help.
func (j *judge) findUnseen() {
	named := map[string]bool{}
	for _, l := range j.looks {
		subject := subjectOf(l.check)
		if l.is != blind || l.behind > 0 || named[subject] || j.busy(l.check.Device) {
			continue
		}
		since, away := j.away[l.check.Device]
		if !away && !j.anyFresh() {
			continue
		}
		named[subject] = true
		f := j.about(CodeNotSeen, subject)
		f.Code = l.check.ID
		if away && l.check.Device != "" {
			f = j.about(CodeAway, subject)
			f.Code, f.Since = CodeAway, since
		}
		f.Device = l.check.Device
		j.hide(&f, false, func(root look) bool { return root.is == blind && subjectOf(root.check) == subject })
		f.SoWhat += j.hangWords(f)
		j.add(f, false)
	}
}

func (j *judge) findDirty() {
	for _, d := range j.in.Store.Devices {
		if since, dirty := j.dirty[d.ID]; dirty {
			f := j.about(CodeDirty, d.ID)
			f.Device, f.Since = d.ID, since
			j.add(f, false)
		}
	}
}

// usable names the devices that can be used for trading although the night is not finished.
func (j *judge) usable() []string {
	var names []string
	for _, d := range j.in.Store.Devices {
		if j.busy(d.ID) || !j.works(d) {
			continue
		}
		names = append(names, d.ID)
	}
	return names
}

// works reports whether there is fresh proof that a device can do something and nothing speaks against it.
func (j *judge) works(d site.Device) bool {
	proof := false
	for _, l := range j.looks {
		if l.check.Device != d.ID || l.check.Optional {
			continue
		}
		if l.is != good {
			return false
		}
		proof = proof || l.check.Capability != ""
	}
	return proof
}
