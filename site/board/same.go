package board

import (
	"slices"
	"unique"
)

// same makes texts that are alike one text in memory: a fleet has few states, versions and patches,
// and many places that hold them.
func same[T ~string](texts ...*T) {
	for _, t := range texts {
		*t = T(unique.Make(string(*t)).Value())
	}
}

// share makes the texts of a device's snapshot share memory with those of other devices.
func (d *DeviceNow) share() {
	same(&d.Device, &d.Model, &d.Title, &d.Patch, &d.InstalledVersion, &d.LatestVersion, &d.System)
	same(&d.Class)
	same(&d.State, &d.LastState)
	d.Groups = alike(d.Groups)
	if a := d.Asset; a != nil {
		same(&a.Make, &a.Location, &a.Function, &a.Owner)
		same(&a.Scope)
	}
}

// share makes the names of a store's devices share memory with those of other stores.
func (i *Info) share() { i.Devices = alike(i.Devices) }

// alike is same for a list, which is copied so that it has no room for more.
func alike(texts []string) []string {
	texts = slices.Clone(texts)
	for i := range texts {
		same(&texts[i])
	}
	return texts
}

// share makes the texts of what was left out share memory with those of other devices.
func (l *LeftOut) share() {
	same(&l.Patch, &l.Installed)
	same(&l.State)
	same(&l.Code)
}
