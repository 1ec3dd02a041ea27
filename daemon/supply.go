package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/depot"
)

const (
	catalogEvery = 15 * time.Minute
	catalogRetry = time.Minute
	firstSupply  = 2 * time.Minute
)

// supply keeps the catalog fresh and brings what the store will need into the depot.
func (d *Daemon) supply(ctx context.Context) error {
	if d.catalog == nil {
		close(d.supplied)
		<-ctx.Done()
		return nil
	}
	for first := true; ; first = false {
		pause := catalogEvery
		if err := d.supplyOnce(ctx, first); err != nil && ctx.Err() == nil {
			d.Log.Warn("the catalog, or something that it names, could not be fetched", "err", err)
			pause = catalogRetry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-d.refresh:
		}
		timer.Stop()
	}
}

// supplyOnce looks for the catalog. A night waits for the first look, so that a box that
// starts inside its window does not plan from nothing; a slow line holds it up for a while only.
func (d *Daemon) supplyOnce(ctx context.Context, first bool) error {
	if first {
		planAnyway := time.AfterFunc(firstSupply, func() { close(d.supplied) })
		defer func() {
			if planAnyway.Stop() {
				close(d.supplied)
			}
		}()
	}
	_, err := d.resupply(ctx)
	return err
}

// resupply refreshes the catalog, takes note of a new one and fetches what is missing. Without a
// line to the catalog, what is known already is fetched and kept all the same.
func (d *Daemon) resupply(ctx context.Context) (changed bool, err error) {
	_, changed, err = d.lookForCatalog(ctx)
	return changed, errors.Join(err, d.fetch(ctx))
}

// lookForCatalog refreshes the catalog and takes note of a new one.
func (d *Daemon) lookForCatalog(ctx context.Context) (current site.Catalog, changed bool, err error) {
	if d.catalog == nil {
		return site.Catalog{}, false, errNoCatalog()
	}
	if changed, err = d.catalog.Refresh(ctx, time.Now()); err != nil {
		d.noteRefusal(err)
	}
	return d.catalog.Last(), changed, errors.Join(err, d.noteCatalog())
}

// noteRefusal writes down that what the server offered was not accepted. That the server
// could not be reached is no event: it is how a store without a line lives.
func (d *Daemon) noteRefusal(err error) {
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Code == site.CodeCatalogUnreachable || reason.Text == known(d.ledger.State().Refused) {
		return
	}
	if err := d.ledger.Add(run.Event{Kind: run.CatalogRefused, At: time.Now(), Reason: reason}); err != nil {
		d.Log.Error("cannot write down that a catalog was refused", "err", err)
	}
}

func known(reason *site.Reason) string {
	if reason == nil {
		return ""
	}
	return reason.Text
}

// noteCatalog writes the generation that the store goes by into the journal when it is a new one,
// and which quarantines it ends.
func (d *Daemon) noteCatalog() error {
	current := d.catalog.Last()
	if current.Version == 0 {
		return nil
	}
	note := run.CatalogNote{Version: current.Version, Issued: current.Issued, Digest: current.Digest, Patches: []string{}}
	if h, held := current.HeldStores[d.store.ID]; held {
		note.StoreHeld = &h
	}
	for _, a := range current.Patches {
		note.Patches = append(note.Patches, a.Patch.ID)
		switch {
		case a.Withdrawn != nil:
			remark(&note.Withdrawn, a.Patch.ID, a.Withdrawn.Reason)
		case a.Held != nil:
			remark(&note.Held, a.Patch.ID, a.Held.Reason)
		}
		for _, e := range a.Exceptions {
			if len(e.Stores) == 0 || slices.Contains(e.Stores, d.store.ID) {
				e.Stores = nil
				note.Exceptions = append(note.Exceptions, e)
			}
		}
	}
	_, err := d.ledger.Commit(func(s run.State) []run.Event {
		if s.Catalog.Version == note.Version {
			return nil
		}
		now := time.Now()
		return append([]run.Event{{Kind: run.CatalogUpdated, At: now, Catalog: &note}}, run.Lapsed(s, current.Patches, now)...)
	})
	return err
}

// remark notes a text under a name in a map that may not be there yet.
func remark(notes *map[string]string, name, text string) {
	if *notes == nil {
		*notes = map[string]string{}
	}
	(*notes)[name] = text
}

// fetch brings every artifact that a device of this store may need and for which there is room into the depot, and
// lets go of those that no patch names any more.
func (d *Daemon) fetch(ctx context.Context) error {
	_, err := d.fetchFrom(ctx, d.depot)
	return err
}

// fetchFrom is fetch from where source fetches, into the same depot. It tells what has no room there.
func (d *Daemon) fetchFrom(ctx context.Context, source *depot.Depot) ([]depot.Unfit, error) {
	var problems []error
	wanted := d.wanted()
	if d.catalog.Last().Version > 0 { // a box that lost its catalog does not throw away its cache as well
		_, err := d.depot.Keep(wanted)
		problems = append(problems, err)
	}
	fit, unfit, err := d.fit(ctx, wanted)
	problems = append(problems, err)
	for _, a := range fit {
		if !d.depot.Has(a) {
			err := source.Fetch(ctx, a)
			d.noteFetch(a, err)
			if err != nil {
				problems = append(problems, err)
				continue
			}
		}
		if !d.ledger.State().Cached[a.SHA256] {
			problems = append(problems, d.ledger.Add(run.Event{Kind: run.ArtifactCached, At: time.Now(), Text: a.SHA256}))
		}
	}
	return unfit, errors.Join(problems...)
}

// wantedPatches are those that are released to this store and made for one of its devices, and those of the
// open night's plan.
func (d *Daemon) wantedPatches() []site.Patch {
	facts := policy.Facts{Store: d.store, Now: time.Now()}
	var patches []site.Patch
	for _, a := range d.catalog.Last().Patches {
		soon := a
		soon.Patch.Approval.NotBefore = nil // what is approved from a later day on is fetched ahead of it
		if facts.Patch(soon).Eligible() && slices.ContainsFunc(d.store.Devices, func(device site.Device) bool {
			return policy.Targets(a.Patch, device).Eligible()
		}) {
			patches = append(patches, a.Patch)
		}
	}
	if night := d.ledger.State().Night; night.Open() {
		patches = append(patches, night.Plan.Patches...)
	}
	return patches
}

// wanted lists the artifacts of the wanted patches, each once.
func (d *Daemon) wanted() []site.Artifact {
	var wanted []site.Artifact
	have := map[string]bool{}
	for _, p := range d.wantedPatches() {
		for _, a := range policy.Needed(p) {
			if !have[a.SHA256] {
				have[a.SHA256] = true
				wanted = append(wanted, a)
			}
		}
	}
	return wanted
}

// current is the catalog that may be used now, and why there is none.
func (d *Daemon) current() (site.Catalog, *site.Reason) {
	if d.catalog == nil {
		return site.Catalog{}, errNoCatalog()
	}
	c, err := d.catalog.Current(time.Now())
	var reason *site.Reason
	if err != nil && !errors.As(err, &reason) {
		reason = site.Because(site.CodeNotCached, err.Error())
	}
	return c, reason
}

// facts is what a night that opens now is planned from.
func (d *Daemon) facts(context.Context) policy.Facts {
	c, none := d.current()
	f := policy.Facts{Store: d.pinnedStore(), Catalog: c, NoCatalog: none, Cached: map[string]bool{}}
	for _, a := range c.Patches {
		for _, artifact := range policy.Needed(a.Patch) {
			if d.depot.Has(artifact) {
				f.Cached[artifact.SHA256] = true
			}
		}
	}
	return f
}

// artifacts gives the runner bytes that were compared with their digest just before.
type artifacts struct{ depot *depot.Depot }

// Open implements runner.Artifacts.
func (a artifacts) Open(ctx context.Context, artifact site.Artifact) (runner.Bytes, error) {
	if err := a.depot.Verify(ctx, artifact); err != nil {
		return nil, err
	}
	return a.depot.Open(artifact)
}
