package hq

import (
	"context"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

const (
	statusEvery = 10 * time.Second
	beatEvery   = 10 * time.Second // at the latest
)

// beat is the sign of life for the watchdog and /healthz: the board can be read.
func (h *HQ) beat(ctx context.Context) error {
	heart := h.notify.Heart("board")
	pause := beatEvery
	if h.notify.Watched() {
		pause = min(pause, h.notify.Interval()/2)
	}
	return every(ctx, pause, func(context.Context) {
		h.fleet.View(func(*board.Board) {})
		heart.Beat()
	})
}

// tellStatus tells systemd what headquarters is doing until ctx ends.
func (h *HQ) tellStatus(ctx context.Context) error {
	return every(ctx, statusEvery, func(context.Context) {
		stores := 0
		h.fleet.View(func(b *board.Board) { stores = len(b.Stores) })
		s := h.fleet.Status()
		line := fmt.Sprintf("%d stores, %.0f events a second, %d gaps", stores, s.Rate, s.Gaps)
		if !s.Connected {
			line += "; no broker: " + s.Error
		}
		_ = h.notify.Status(line)
	})
}

const (
	compactEvery = 24 * time.Hour
	compactLimit = 2 * time.Hour
	keptMonths   = 13 // of the signed catalogs that were read, as of events
	boardMonths  = 3  // on the board, of what nobody is asked for any more
)

// compact packs what is old and removes what is too old, now and once a day until ctx ends.
func (h *HQ) compact(ctx context.Context) error {
	return every(ctx, compactEvery, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, compactLimit)
		defer cancel()
		h.fleet.ForgetBefore(time.Now().AddDate(0, -boardMonths, 0))
		if err := h.db.Compact(ctx, time.Now()); err != nil && ctx.Err() == nil {
			h.Log.Error("old events are packed tomorrow", "err", err)
		}
		if h.catalog != nil {
			if err := h.catalog.Kept().Forget(time.Now().AddDate(0, -keptMonths, 0)); err != nil {
				h.Log.Error("old catalogs are removed tomorrow", "err", err)
			}
		}
	})
}
