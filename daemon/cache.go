package daemon

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/depot"
)

// Cache implements control.Teller.
func (d *Daemon) Cache(ctx context.Context) (cache.Cache, error) {
	f := cache.Facts{Facts: d.View(ctx), Held: d.held}
	if d.catalog != nil {
		f.Facts.Catalog = d.catalog.Last() // of which is told also when it approves nothing
		f.Until, f.Role = d.catalog.Until()
		f.Patches, f.URL, f.Quota = d.wantedPatches(), d.Config.Catalog.URL, d.Config.Catalog.Cache
	}
	if night := f.State.Night; night.Open() {
		f.Plan, f.Report = night.Plan, night.Report
	} else if scene, err := d.foresee(ctx); err == nil {
		f.Plan, f.Report = scene.Plan, scene.Report
	}
	use, err := d.depot.Use()
	if err != nil {
		f.Problem = err.Error()
	}
	f.Used, f.Free = use.Bytes, use.Free
	d.mu.Lock()
	f.Failed = maps.Clone(d.unfetched)
	d.mu.Unlock()
	return cache.Of(f), nil
}

func (d *Daemon) held(a site.Artifact) cache.Held {
	h := d.depot.Look(a)
	return cache.Held{Whole: h.Whole, Bytes: h.Bytes, Cached: h.Arrived.UTC().Truncate(time.Second), Checked: h.Verified.UTC().Truncate(time.Second)}
}

// foresee plans this or the next window from what was seen last. No device is asked.
func (d *Daemon) foresee(ctx context.Context) (forecast.Scene, error) {
	span, at, err := d.nextSpan()
	if err != nil {
		return forecast.Scene{}, err
	}
	return d.planned(ctx, d.seen(), span, at), nil
}

// nextSpan is this or the next window, and when a night in it begins.
func (d *Daemon) nextSpan() (window.Span, time.Time, error) {
	now := time.Now()
	span, begins, _, ok := run.Coming(d.ledger.State(), d.store.Calendar, now)
	if !ok {
		return span, now, fmt.Errorf("no maintenance window opens within a year of %s", now.Format(time.RFC3339))
	}
	return span, begins, nil
}

// pinned names the artifacts of the open night's plan, or of the plan that the next night would have if all bytes were
// here. sure is false while it cannot be known: no device was looked at yet, or no window opens.
func (d *Daemon) pinned(ctx context.Context) (digests map[string]bool, sure bool) {
	var patches []site.Patch
	if night := d.ledger.State().Night; night.Open() {
		patches = night.Plan.Patches
	} else {
		span, at, err := d.nextSpan()
		inventory := d.seen()
		if err != nil || len(inventory) == 0 {
			return nil, false
		}
		facts := d.facts(ctx)
		for _, a := range facts.Catalog.Patches {
			for _, artifact := range policy.Needed(a.Patch) {
				facts.Cached[artifact.SHA256] = true
			}
		}
		patches = d.plannedFrom(facts, inventory, span, at).Plan.Patches
	}
	digests = map[string]bool{}
	for _, p := range patches {
		for _, a := range policy.Needed(p) {
			digests[a.SHA256] = true
		}
	}
	return digests, true
}

// fit leaves out of what is wanted what has no room within catalog.cache, and says of each why. While it is not known
// what the night needs, everything that is there counts as needed.
func (d *Daemon) fit(ctx context.Context, wanted []site.Artifact) ([]site.Artifact, []depot.Unfit, error) {
	digests, sure := d.pinned(ctx)
	fit, unfit, err := d.depot.Fit(wanted, func(a site.Artifact) bool { return digests[a.SHA256] || !sure && d.depot.Has(a) }, d.Config.Catalog.Cache)
	for _, u := range unfit {
		if d.noteFetch(u.Artifact, u.Reason) {
			d.Log.Warn("an artifact has no room in the store", "artifact", u.Artifact.Name, "err", u.Reason)
		}
	}
	return fit, unfit, err
}

// noteFetch remembers why an artifact could not be fetched; nil = it is there. It reports whether that is news.
func (d *Daemon) noteFetch(a site.Artifact, err error) (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		_, news = d.unfetched[a.SHA256]
		delete(d.unfetched, a.SHA256)
		return news
	}
	news = d.unfetched[a.SHA256] != err.Error()
	d.unfetched[a.SHA256] = err.Error()
	return news
}
