package daemon

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
)

// Cache implements control.Viewer.
func (d *Daemon) Cache(ctx context.Context) (view.Cache, error) {
	f := view.CacheFacts{Facts: d.View(ctx), Held: d.held}
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
	return view.CacheOf(f), nil
}

func (d *Daemon) held(a site.Artifact) view.Held {
	h := d.depot.Look(a)
	return view.Held{Whole: h.Whole, Bytes: h.Bytes, Cached: h.Arrived.UTC().Truncate(time.Second), Checked: h.Verified.UTC().Truncate(time.Second)}
}

// foresee plans this or the next window from what was seen last. No device is asked.
func (d *Daemon) foresee(ctx context.Context) (forecast.Scene, error) {
	now := time.Now()
	span, inside := d.store.Calendar.Contains(now)
	if last := d.ledger.State().Night; last != nil && !last.Open() && span.Night.Compare(last.Plan.Night) <= 0 {
		inside = false // tonight's is over: a window opens once
	}
	if !inside {
		var ok bool
		if span, ok = d.store.Calendar.Next(now); !ok {
			return forecast.Scene{}, fmt.Errorf("no maintenance window opens within a year of %s", now.Format(time.RFC3339))
		}
		now = span.Open
	}
	return d.planned(ctx, d.seen(), span, now), nil
}

// noteFetch remembers why an artifact could not be fetched; nil = it is there.
func (d *Daemon) noteFetch(a site.Artifact, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.unfetched, a.SHA256)
		return
	}
	d.unfetched[a.SHA256] = err.Error()
}
