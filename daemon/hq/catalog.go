package hq

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/sync/catalog"
)

const (
	// catalogEvery is how often the catalog is asked for: a generation that stores took and headquarters never
	// read could not be shown to an auditor.
	catalogEvery = time.Minute
	catalogLimit = 5 * time.Minute
	watchEvery   = time.Minute
	watchLimit   = time.Minute
	forEver      = 100 * 365 * 24 * time.Hour
)

// OpenCatalog opens what headquarters last read of the catalog; nil where the file names none.
func OpenCatalog(c hqfile.Headquarters, log *slog.Logger) (*catalog.Catalog, error) {
	k := c.Catalog
	if k == nil {
		return nil, nil
	}
	return catalog.New(catalog.Options{Dir: filepath.Join(c.State, "catalog"), URL: k.URL, Root: k.Root, MaxOffline: forEver, Log: log})
}

// desk is headquarters' hand in the working folder of the catalog; nil where it has none.
func (h *HQ) desk() *catalogdesk.Desk {
	if c := h.Config.Catalog; c != nil && c.Work != "" {
		return catalogdesk.New(catalogdesk.Options{Dir: c.Work, Out: c.Out, Keys: c.Keys})
	}
	return nil
}

// Approved is what headquarters approved, as it was last read and verified.
func (h *HQ) Approved() site.Catalog {
	if h.catalog == nil {
		return site.Catalog{}
	}
	return h.catalog.Last()
}

// keepCatalog reads the catalog now and then until ctx ends.
func (h *HQ) keepCatalog(ctx context.Context) error {
	if h.catalog == nil {
		<-ctx.Done()
		return nil
	}
	return every(ctx, catalogEvery, h.readCatalog)
}

// readCatalog reads the catalog as a store does, where the file names one.
func (h *HQ) readCatalog(ctx context.Context) {
	if h.catalog == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, catalogLimit)
	defer cancel()
	changed, err := h.catalog.Refresh(ctx, time.Now())
	switch {
	case err != nil && ctx.Err() == nil:
		h.Log.Warn("the catalog is as it was last read", "err", err)
	case changed:
		h.Log.Info("the catalog has a new generation", "version", h.catalog.Last().Version)
	}
}

// watch is the breaker of the fleet.
func (h *HQ) watch() catalogdesk.Watch {
	return catalogdesk.Watch{Source: h.fleet, Register: h.db, Hinter: h.fleet, Desk: h.desk(), Policy: h.Config.Breaker, Approved: h.lifted}
}

// watchPatches stops patches that break too many stores, and looks after what was decided about patches, until ctx
// ends. Of several programs the one that leads does it. An empty policy stops nothing.
func (h *HQ) watchPatches(ctx context.Context) error {
	watch := h.watch()
	return every(ctx, watchEvery, func(ctx context.Context) {
		if !h.fleet.Status().Leader {
			return
		}
		limited, cancel := context.WithTimeout(ctx, watchLimit)
		defer cancel()
		made, err := watch.Check(limited, time.Now())
		for _, p := range made {
			h.Log.Warn("a patch breaks too many stores", "patch", p.Patch, "how", p.How, "text", p.Text)
		}
		if err != nil && ctx.Err() == nil {
			h.Log.Error("cannot look for patches that break too many stores", "err", err)
		}
		if slices.ContainsFunc(made, func(d breaker.Decision) bool { return d.How == breaker.Held }) {
			h.readCatalog(ctx) // the pages are to show it held
		}
	})
}

// lifted is the catalog with what people let go that was held.
func (h *HQ) lifted() (site.Catalog, map[string]time.Time, error) {
	if d := h.desk(); d != nil && h.Config.Catalog.Out != "" {
		ctx, cancel := context.WithTimeout(context.Background(), watchLimit)
		defer cancel()
		return d.Approved(ctx, time.Now())
	}
	return h.Approved(), nil, nil
}

// every does something now, and then again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		do(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
