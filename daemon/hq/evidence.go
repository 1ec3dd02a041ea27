package hq

import (
	"context"
	"errors"
	"io"

	hqaudit "github.com/nightfill/nightfill/daemon/hq/audit"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/fleet"
)

// packs makes evidence packs for the pages.
type packs struct{ auditor *hqaudit.Auditor }

// Pack implements fleet.Evidence.
func (p packs) Pack(ctx context.Context, w io.Writer, o fleet.EvidenceOrder) error {
	_, err := p.auditor.Write(ctx, w, hqaudit.Order{From: o.From, To: o.To, Stores: o.Stores, AsOf: o.AsOf, By: o.By, Origin: o.Origin})
	var wrong *hqaudit.OrderError
	if errors.As(err, &wrong) {
		return &fleet.BadOrder{Text: wrong.Error()}
	}
	return err
}

// packs are made from the database and what headquarters read of the catalog, for the stores that are expected then.
func (h *HQ) packs() packs {
	o := hqaudit.OfFile(h.Config, h.catalog, h.Version)
	o.Expected = h.expected
	return packs{hqaudit.New(h.db, o)}
}

// expected are the stores that headquarters should hear, as it read their list last.
func (h *HQ) expected() []board.Expected {
	var list []board.Expected
	h.fleet.View(func(b *board.Board) {
		for _, s := range b.Sorted() {
			if s.Expected != nil {
				list = append(list, *s.Expected)
			}
		}
	})
	return list
}
