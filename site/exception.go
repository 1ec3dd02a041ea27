package site

import (
	"slices"
	"strings"
	"time"
)

// Exception is headquarters' word, in somebody's name and for a time, that a patch is not put on
// devices that need it. It ends by itself: from Expires on the patch is due there again.
type Exception struct {
	Patch    string    `json:"patch"`
	Devices  []string  `json:"devices,omitempty"` // only these and those of Groups; both empty = every device
	Groups   []string  `json:"groups,omitempty"`
	Stores   []string  `json:"stores,omitempty"` // only these; empty = every store
	Owner    string    `json:"owner"`            // who answers for it
	Reason   string    `json:"reason"`
	Risk     string    `json:"risk,omitempty"`     // what may happen meanwhile
	Controls string    `json:"controls,omitempty"` // what is done against that meanwhile
	Expires  time.Time `json:"expires"`            // the first moment at which it does not hold any more
}

// Covers reports whether the exception speaks of a device, which is in these groups, of a store.
func (e Exception) Covers(store, device string, groups []string) bool {
	if len(e.Stores) > 0 && !slices.Contains(e.Stores, store) {
		return false
	}
	return len(e.Devices) == 0 && len(e.Groups) == 0 || slices.Contains(e.Devices, device) ||
		slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(e.Groups, g) })
}

// Scope says in words where the exception holds: "everywhere", or "on devices till-1, till-2 and
// groups handhelds, in stores 0142". Two exceptions of a patch with the same scope are one.
func (e Exception) Scope() string {
	named := func(what string, ids []string) []string {
		if len(ids) == 0 {
			return nil
		}
		return []string{what + " " + strings.Join(ids, ", ")}
	}
	where := strings.Join(slices.Concat(named("devices", e.Devices), named("groups", e.Groups)), " and ")
	stores := strings.Join(named("stores", e.Stores), "")
	switch {
	case where == "" && stores == "":
		return "everywhere"
	case where == "":
		return "in " + stores
	case stores == "":
		return "on " + where
	}
	return "on " + where + ", in " + stores
}

// Quarantine is a store's own word that a patch proved itself guilty and is begun nowhere in it. It
// ends when the patch has other bytes or a person releases it.
type Quarantine struct {
	Patch  string    `json:"patch"`
	Digest string    `json:"digest"` // of the patch's bytes: others are not meant
	Since  time.Time `json:"since"`
	Reason *Reason   `json:"reason"`
}
