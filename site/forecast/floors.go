package forecast

import (
	"maps"
	"slices"

	"github.com/nightfill/nightfill/site"
)

// floors counts, for each capability that the store needs, the devices that have it after the night. A
// device counts unless it did not answer when it was looked at, a person must look at it first, or the
// night leaves it silent or without proof. What the checks say in the morning is not foreseen.
func (p *player) floors() []Floor {
	lost := p.lost()
	var floors []Floor
	for _, capability := range slices.Sorted(maps.Keys(p.scene.Store.Floor)) {
		f := Floor{Capability: capability, Needs: p.scene.Store.Floor[capability]}
		for _, d := range p.scene.Store.Devices {
			switch {
			case !slices.Contains(d.Capabilities, capability):
			case lost[d.ID]:
				f.Missing = append(f.Missing, d.ID)
			default:
				f.Has++
			}
		}
		floors = append(floors, f)
	}
	return floors
}

// lost are the devices that are not at work after the night.
func (p *player) lost() map[string]bool {
	lost := map[string]bool{}
	for _, l := range p.scene.Report {
		if l.Patch == "" && l.State == site.NoAnswer {
			lost[l.Device] = true
		}
	}
	for device := range p.s.Dirty {
		lost[device] = true
	}
	for j := range p.s.Night.Jobs() {
		if j.Away() || j.State == site.NoAnswer {
			lost[j.Device] = true
		}
	}
	return lost
}
