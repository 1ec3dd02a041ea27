package board

import "unique"

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
	for i := range d.Groups {
		same(&d.Groups[i])
	}
	if a := d.Asset; a != nil {
		same(&a.Make, &a.Location, &a.Function, &a.Owner)
		same(&a.Scope)
	}
}

// share makes the texts of what was left out share memory with those of other devices.
func (l *LeftOut) share() {
	same(&l.Patch, &l.Installed)
	same(&l.State)
	same(&l.Code)
}
