package catalog

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// readHolds reads which patches headquarters stopped for now.
func (g *generation) readHolds(data []byte) error {
	if err := decode(site.HoldsTarget, data, &g.holds); err != nil {
		return err
	}
	for id, h := range g.holds.Patches {
		usable := idPattern.MatchString(id) && h.Reason != "" && !h.At.IsZero() && (h.Digest == "" || digestPattern.MatchString(h.Digest))
		switch {
		case !usable:
			return fmt.Errorf("%s holds %q without a usable patch, digest, reason or time", site.HoldsTarget, id)
		case h.At.After(g.catalog.Issued):
			return fmt.Errorf("%s holds %s from %s, which is later than the catalog itself", site.HoldsTarget, id, h.At.Format(time.RFC3339))
		}
	}
	return form(site.HoldsTarget, g.holds.Schema, site.HoldsSchema)
}

// stop adds to each patch that headquarters stopped it for now.
func (g *generation) stop() {
	for i := range g.catalog.Patches {
		a := &g.catalog.Patches[i]
		h, ok := g.holds.Patches[a.Patch.ID]
		if ok && !g.rules.Lifts(a.Patch.ID, h) && (h.Digest == "" || h.Digest == policy.Digest(a.Patch)) {
			a.Held = &h
		}
	}
}

// keeps refuses a generation that ends a hold of the one before it, which only the fleet role may:
// whoever has the online key can stop patches, but not let one go that was stopped.
func (g *generation) keeps(old *generation) error {
	if old == nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(old.holds.Patches)) {
		was, now := old.holds.Patches[id], g.holds.Patches[id]
		still := now.Reason != "" && (now.Digest == "" || now.Digest == was.Digest) && !g.rules.Lifts(id, now)
		if !still && !old.rules.Lifts(id, was) && !g.rules.Lifts(id, was) {
			return fmt.Errorf("it ends the hold of %s (%s), which only the role %s may", id, was.Reason, site.FleetRole)
		}
	}
	return nil
}
