package depot

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/nightfill/nightfill/site"
)

// Unfit is an artifact for which a depot has no room.
type Unfit struct {
	Artifact site.Artifact
	Reason   *site.Reason
}

// Fit says which of the wanted artifacts the depot may hold at once within a quota in bytes, and removes those that it
// holds and has no room for any more: the oldest first. Pinned ones are never removed, and have the room before all
// others. One that is not there and not pinned pushes out no other. A download that was begun of what does not fit is thrown away. What
// belongs to none of the wanted is not counted: see Keep.
func (d *Depot) Fit(wanted []site.Artifact, pinned func(site.Artifact) bool, quota int64) (fit []site.Artifact, unfit []Unfit, err error) {
	room := quota
	takes := func(a site.Artifact) {
		room -= a.Size
		fit = append(fit, a)
	}
	refuse := func(a site.Artifact) {
		unfit = append(unfit, Unfit{a, site.Because(site.CodeNotCached,
			fmt.Sprintf("%s does not fit: it has %d bytes, and %d are left of the %d of catalog.cache; write a larger size into the store file", a.Name, a.Size, max(0, room), quota),
			"need", strconv.FormatInt(a.Size, 10), "free", strconv.FormatInt(max(0, room), 10), "quota", strconv.FormatInt(quota, 10))})
		if err == nil {
			err = d.Remove(a)
		}
	}
	var missing, held, later []site.Artifact
	for _, a := range wanted {
		switch pin, has := pinned(a), d.Has(a); {
		case pin && has:
			takes(a)
		case pin:
			missing = append(missing, a)
		case has:
			held = append(held, a)
		default:
			later = append(later, a)
		}
	}
	offer := func(list []site.Artifact) {
		for _, a := range list {
			if a.Size <= room {
				takes(a)
			} else {
				refuse(a)
			}
		}
	}
	offer(missing)
	slices.SortStableFunc(held, func(a, b site.Artifact) int { return d.Look(b).Arrived.Compare(d.Look(a).Arrived) })
	offer(held)
	offer(later)
	return fit, unfit, err
}
