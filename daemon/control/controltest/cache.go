package controltest

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/site"
)

// Cache implements control.Teller: what the state has as cached is there since the night opened.
func (b *Box) Cache(ctx context.Context) (cache.Cache, error) {
	if err := b.failing(); err != nil {
		return cache.Cache{}, err
	}
	f := cache.Facts{Facts: b.View(ctx), Quota: 40 << 30, Free: 100 << 30, URL: "https://patches.example.com/catalog/", Failed: map[string]string{}}
	if f.Catalog.Version == 0 {
		return cache.Of(f), nil
	}
	f.Until = f.Catalog.Issued.AddDate(0, 0, 14)
	night := f.State.Night
	f.Plan, f.Report = night.Plan, night.Report
	if !night.Open() {
		scene, err := b.Forecast(ctx, time.Time{})
		if err != nil {
			return cache.Cache{}, err
		}
		f.Plan, f.Report = scene.Plan, scene.Report
	}
	for _, a := range f.Catalog.Patches {
		if a.Release.Ring == f.Store.Ring {
			f.Patches = append(f.Patches, a.Patch)
		}
		for _, artifact := range a.Patch.Artifacts {
			f.Failed[artifact.SHA256] = "cannot fetch " + artifact.Name + ": the server answers 503"
		}
	}
	f.Held = func(a site.Artifact) cache.Held {
		if !f.State.Cached[a.SHA256] {
			return cache.Held{Bytes: 1 << 20}
		}
		return cache.Held{Whole: true, Bytes: a.Size, Cached: night.Opened, Checked: night.Opened.Add(time.Minute)}
	}
	f.Used = 6 << 20
	return cache.Of(f), nil
}
