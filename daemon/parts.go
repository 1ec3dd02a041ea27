package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/collector"
	"github.com/nightfill/nightfill/daemon/runner"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/depot"
)

const (
	judgeClockEvery  = 30 * time.Second
	lookAtStoreEvery = 15 * time.Minute
	catalogEvery     = 15 * time.Minute
	catalogRetry     = time.Minute
	firstSupply      = 2 * time.Minute
	verdictEvery     = 10 * time.Second
	statusEvery      = 30 * time.Second
)

// every calls act at once and then again after each pause, or when wake says so, until ctx ends.
func every(ctx context.Context, pause time.Duration, wake <-chan struct{}, act func(context.Context)) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		act(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-wake:
		}
	}
}

// timekeeper judges the clock and the disk now and then: both say whether anything may be begun.
func (d *Daemon) timekeeper(ctx context.Context) error {
	return every(ctx, judgeClockEvery, nil, func(context.Context) {
		d.judgeClock()
		d.judgeDisk()
	})
}

// watch looks at the devices now and then, except while a night looks after them.
func (d *Daemon) watch(ctx context.Context) error {
	return every(ctx, lookAtStoreEvery, d.relook, func(ctx context.Context) {
		if !d.ledger.State().Night.Open() {
			d.look(ctx)
		}
	})
}

// look observes every device and remembers what was seen.
func (d *Daemon) look(ctx context.Context) site.Inventory {
	inventory := collector.Look(ctx, d.devices, d.pinnedStore().Devices, d.Log)
	if ctx.Err() == nil {
		d.mu.Lock()
		d.inventory = inventory
		d.mu.Unlock()
	}
	return inventory
}

// seen is the newest look at each device, from here or from the night.
func (d *Daemon) seen() site.Inventory {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := site.Inventory{}
	for id, o := range d.inventory {
		seen[id] = o
	}
	for id, o := range d.ledger.State().Observed {
		if o.At.After(seen[id].At) {
			seen[id] = o
		}
	}
	return seen
}

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
			d.Log.Warn("the catalog is as it was", "err", err)
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
	changed, err = d.catalog.Refresh(ctx, time.Now())
	if err != nil {
		d.noteRefusal(err)
	}
	if noted := d.noteCatalog(); noted != nil {
		return changed, errors.Join(err, noted)
	}
	return changed, errors.Join(err, d.fetch(ctx))
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

// noteCatalog writes the generation that the store goes by into the journal when it is a new one.
func (d *Daemon) noteCatalog() error {
	current := d.catalog.Last()
	if current.Version == 0 {
		return nil
	}
	note := run.CatalogNote{Version: current.Version, Issued: current.Issued, Patches: []string{}}
	for _, a := range current.Patches {
		note.Patches = append(note.Patches, a.Patch.ID)
		if a.Withdrawn != nil {
			if note.Withdrawn == nil {
				note.Withdrawn = map[string]string{}
			}
			note.Withdrawn[a.Patch.ID] = a.Withdrawn.Reason
		}
	}
	_, err := d.ledger.Commit(func(s run.State) []run.Event {
		if s.Catalog.Version == note.Version {
			return nil
		}
		return []run.Event{{Kind: run.CatalogUpdated, At: time.Now(), Catalog: &note}}
	})
	return err
}

// fetch brings every artifact that a device of this store may need into the depot, and
// lets go of those that no patch names any more.
func (d *Daemon) fetch(ctx context.Context) error { return d.fetchFrom(ctx, d.depot) }

// fetchFrom is fetch from where source fetches, into the same depot.
func (d *Daemon) fetchFrom(ctx context.Context, source *depot.Depot) error {
	var problems []error
	wanted := d.wanted()
	for _, a := range wanted {
		if !d.depot.Has(a) {
			if err := source.Fetch(ctx, a); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		if !d.ledger.State().Cached[a.SHA256] {
			problems = append(problems, d.ledger.Add(run.Event{Kind: run.ArtifactCached, At: time.Now(), Text: a.SHA256}))
		}
	}
	if _, err := d.depot.Keep(wanted); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// wanted lists the artifacts of every patch that is released to this store and made for one
// of its devices, and of the open night's plan.
func (d *Daemon) wanted() []site.Artifact {
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
	var wanted []site.Artifact
	have := map[string]bool{}
	for _, p := range patches {
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
		return site.Catalog{}, nil
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
	c, _ := d.current()
	f := policy.Facts{Store: d.pinnedStore(), Catalog: c, Cached: map[string]bool{}}
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

// pinned lets the checker ask devices by the host keys that are pinned for them.
type pinned struct{ d *Daemon }

// Check implements checker.Devices.
func (p pinned) Check(ctx context.Context, device site.Device, c site.Check) (site.CheckOutcome, string, error) {
	if known, ok := p.d.device(device.ID); ok {
		device = known
	}
	return p.d.devices.Check(ctx, device, c)
}

// tellStatus keeps the status line of the service manager current.
func (d *Daemon) tellStatus(ctx context.Context) error {
	for ctx.Err() == nil {
		changed := d.ledger.Changed()
		_ = d.notify.Status(view.StatusLine(d.View(ctx))) // without systemd there is nobody to tell
		timer := time.NewTimer(statusEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
	return nil
}
