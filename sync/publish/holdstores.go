package publish

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nightfill/nightfill/site"
)

// addStoreHolds adds holds of stores to a list, and takes those out of it that are over for every
// store that will see the list.
func (p *publication) addStoreHolds(holds *site.Holds, o HoldOptions) error {
	if err := p.forgetLifted(holds); err != nil {
		return err
	}
	if holds.Stores == nil {
		holds.Stores = map[string]site.StoreHold{}
	}
	for _, id := range sorted(o.Stores) {
		h := site.StoreHold{Reason: o.Reason, At: p.o.Now, By: o.By}
		if err := h.Check(id); err != nil {
			return err
		}
		if lifted, ok := p.rules.LiftedStores[id]; ok && !h.At.After(lifted) {
			return fmt.Errorf("the hold of store %s was lifted at %s: a hold set now would be over already; try again in a second", id, lifted.Format(time.RFC3339))
		}
		holds.Stores[id] = h
	}
	if n := len(holds.Stores); n > site.MaxStoreHolds {
		return fmt.Errorf("%d stores would be held, and stores take %d: lift holds that are over, and publish", n, site.MaxStoreHolds)
	}
	return nil
}

// forgetLifted drops the holds of stores that the rules which stores see now have lifted. Rules that
// are signed and not given out yet lift nothing: a store would refuse the list without the hold.
func (p *publication) forgetLifted(holds *site.Holds) error {
	signed := p.Signed.Roles[site.FleetRole]
	seen := p.online.Snapshot.Signed.Meta[site.FleetRole+".json"]
	if seen == nil || seen.Version != signed.Signed.Version {
		return nil
	}
	c, err := p.content(site.FleetRole, signed)
	if err != nil {
		return err
	}
	maps.DeleteFunc(holds.Stores, func(id string, h site.StoreHold) bool { return c.Rules.LiftsStore(id, h) })
	return nil
}

// LiftStores ends the holds of stores: patches may be begun in them again. It takes effect with the
// next publish, once the fleet role has signed. When one of them is not held, nothing changes.
func (r *Repo) LiftStores(stores []string, now time.Time) error {
	if len(stores) == 0 {
		return errors.New("no store is named whose hold is to be lifted")
	}
	now = now.UTC().Truncate(time.Second)
	return r.locked(func(b *book) error {
		held, err := b.held()
		if err != nil {
			return err
		}
		if b.rules.LiftedStores == nil {
			b.rules.LiftedStores = map[string]time.Time{}
		}
		for _, id := range sorted(stores) {
			h, ok := held.Stores[id]
			if !ok {
				return fmt.Errorf("store %s is not held", id)
			}
			if h.At.After(now) {
				return fmt.Errorf("the clock of this machine says %s, but store %s is held since %s: set the clock first", now.Format(time.RFC3339), id, h.At.Format(time.RFC3339))
			}
			b.rules.LiftedStores[id] = now
		}
		return writeJSON(b.path(rulesName), b.rules)
	})
}
