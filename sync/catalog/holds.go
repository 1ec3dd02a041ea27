package catalog

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// readHolds reads which patches and stores headquarters stopped for now.
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
	if err := g.checkStoreHolds(); err != nil {
		return err
	}
	return form(site.HoldsTarget, g.holds.Schema, site.HoldsSchema)
}

// checkStoreHolds refuses holds of stores that are too many, not usable, or later than people could lift.
func (g *generation) checkStoreHolds() error {
	if n := len(g.holds.Stores); n > site.MaxStoreHolds {
		return fmt.Errorf("%s holds %d stores, more than %d", site.HoldsTarget, n, site.MaxStoreHolds)
	}
	for id, h := range g.holds.Stores {
		if err := h.Check(id); err != nil {
			return fmt.Errorf("%s is not usable: %w", site.HoldsTarget, err)
		}
		if h.At.After(g.catalog.Issued) {
			return fmt.Errorf("%s holds store %s from %s, which is later than the catalog itself", site.HoldsTarget, id, h.At.Format(time.RFC3339))
		}
	}
	return nil
}

// stop adds to each patch that headquarters stopped it for now, and to the catalog the stores that it stopped.
func (g *generation) stop() {
	for i := range g.catalog.Patches {
		a := &g.catalog.Patches[i]
		h, ok := g.holds.Patches[a.Patch.ID]
		if ok && !g.rules.Lifts(a.Patch.ID, h) && (h.Digest == "" || h.Digest == policy.Digest(a.Patch)) {
			a.Held = &h
		}
	}
	for id, h := range g.holds.Stores {
		if g.rules.LiftsStore(id, h) {
			continue
		}
		if g.catalog.HeldStores == nil {
			g.catalog.HeldStores = map[string]site.StoreHold{}
		}
		g.catalog.HeldStores[id] = h
	}
}

// keeps refuses a generation that ends a hold of the one before it, which only the fleet role may:
// whoever has the online key can stop patches and stores, but not let one go that was stopped. It asks
// for every store, not only its own: a list that forgets one is not what headquarters wrote.
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
	for _, id := range slices.Sorted(maps.Keys(old.holds.Stores)) {
		was, now := old.holds.Stores[id], g.holds.Stores[id]
		still := now.Reason != "" && !g.rules.LiftsStore(id, now)
		if !still && !old.rules.LiftsStore(id, was) && !g.rules.LiftsStore(id, was) {
			return fmt.Errorf("it ends the hold of store %s (%s), which only the role %s may", id, was.Reason, site.FleetRole)
		}
	}
	return nil
}
