package publish

import (
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Release puts a patch into a ring, for named stores only when stores is not empty. It
// takes effect with the next publish, once the owner has signed. An earlier release of the
// patch is replaced. The patch may still be a draft.
func (r *Repo) Release(id string, ring site.Ring, stores []string) error {
	if ring.Order() == 0 {
		return fmt.Errorf("ring %q does not exist: use lab, pilot or fleet", ring)
	}
	for _, s := range stores {
		if !storePattern.MatchString(s) {
			return fmt.Errorf("%q is not the id of a store", s)
		}
	}
	return r.locked(func(b *book) error {
		if b.ownerOf(id) == "" {
			return fmt.Errorf("there is no patch %s: %s", id, b.suggestPatch(id))
		}
		if w, gone := b.rules.Withdrawn[id]; gone {
			return fmt.Errorf("patch %s was withdrawn on %s (%s) and stays so: add it again under a new id", id, w.At.Format(time.DateOnly), w.Reason)
		}
		stores = slices.Compact(slices.Sorted(slices.Values(stores)))
		b.rules.Releases[id] = site.Release{Ring: ring, Stores: stores}
		return writeJSON(b.path(rulesName), b.rules)
	})
}

// dropWithdrawal forgets a withdrawal that is not signed.
func (b *book) dropWithdrawal(id string) error {
	signed, err := b.content(site.FleetRole, b.Signed.Roles[site.FleetRole])
	if err != nil {
		return err
	}
	if w, gone := signed.Rules.Withdrawn[id]; gone {
		return fmt.Errorf("patch %s was withdrawn on %s (%s) and stays so: add it again under a new id", id, w.At.Format(time.DateOnly), w.Reason)
	}
	delete(b.rules.Withdrawn, id)
	return writeJSON(b.path(rulesName), b.rules)
}

// Withdraw takes a patch back everywhere, for good. It takes effect with the next publish,
// in each store when the store has refreshed its catalog.
func (r *Repo) Withdraw(id, reason string, now time.Time) error {
	if reason == "" {
		return fmt.Errorf("a withdrawal needs a reason: stores show it")
	}
	return r.locked(func(b *book) error {
		if b.ownerOf(id) == "" {
			return fmt.Errorf("there is no patch %s: %s", id, b.suggestPatch(id))
		}
		if w, gone := b.rules.Withdrawn[id]; gone {
			return fmt.Errorf("patch %s was withdrawn on %s already (%s)", id, w.At.Format(time.DateOnly), w.Reason)
		}
		b.rules.Withdrawn[id] = site.Withdrawal{Reason: reason, At: now.UTC().Truncate(time.Second)}
		return writeJSON(b.path(rulesName), b.rules)
	})
}
