package hq

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site/board/breaker"
)

// hintsAtOnce is how many stores are hinted at the same time: each hint waits until the broker has it.
const hintsAtOnce = 32

// hinter asks many stores to look.
type hinter struct {
	catalogdesk.Hinter
}

// Look implements the pages' Hinter. It stops at the first store that cannot be asked.
func (h hinter) Look(ctx context.Context, stores []string) (asked int, err error) {
	var n atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(hintsAtOnce)
	for _, store := range stores {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := h.Hint(ctx, store, "refresh")
			if err == nil {
				n.Add(1)
			}
			return err
		})
	}
	err = group.Wait()
	return int(n.Load()), err
}

// stopper stops patches, and reads the catalog again so that the pages show it.
type stopper struct {
	catalogdesk.Watch
	h *HQ
}

// Stop implements the pages' Stopper.
func (k stopper) Stop(ctx context.Context, patch, reason, by string, now time.Time) (how string, err error) {
	how, err = k.Watch.Stop(ctx, patch, reason, by, now)
	if how == breaker.Held {
		k.h.readCatalog(ctx)
	}
	return how, err
}

// holds stops stores with the online key, and hints them to look.
type holds struct {
	*catalogdesk.Desk
	h *HQ
}

// HoldStores implements the pages' Holds. What is given out holds, whoever hears of it now.
func (k holds) HoldStores(ctx context.Context, stores []string, reason, by string, now time.Time) error {
	if err := k.Desk.HoldStores(ctx, stores, reason, by, now); err != nil {
		return err
	}
	if n, err := (hinter{k.h.fleet}).Look(ctx, stores); err != nil {
		k.h.Log.Warn("not every store that is held could be told to look", "asked", n, "stores", len(stores), "err", err)
	}
	return nil
}
