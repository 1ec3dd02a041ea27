package hq

import (
	"context"
	"os"
	"time"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/site/board"
)

const storesEvery = 15 * time.Second

func expected(list []config.ExpectedStore) []board.Expected {
	all := make([]board.Expected, 0, len(list))
	for _, s := range list {
		all = append(all, board.Expected{ID: s.ID, Name: s.Name, Region: s.Region})
	}
	return all
}

// keepStores takes over a new list of stores until ctx ends. One that cannot be read changes nothing.
func (h *HQ) keepStores(ctx context.Context) error {
	path := h.Config.StoresFile
	if path == "" {
		<-ctx.Done()
		return nil
	}
	var read time.Time
	if info, err := os.Stat(path); err == nil {
		read = info.ModTime()
	}
	return every(ctx, storesEvery, func(context.Context) {
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(read) {
			return
		}
		read = info.ModTime()
		h.readStores(path)
	})
}

func (h *HQ) readStores(path string) {
	list, err := config.ReadStores(path)
	if err != nil {
		h.Log.Error("the list of stores is as it was", "err", err)
		return
	}
	h.fleet.Expect(expected(list))
	h.Log.Info("the list of stores was read anew", "stores", len(list))
}
