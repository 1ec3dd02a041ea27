package hq

import (
	"context"
	"errors"
	"io"

	hqaudit "github.com/nightfill/nightfill/daemon/hq/audit"
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

// packs are made from the database and what headquarters read of the catalog.
func (h *HQ) packs() packs {
	return packs{hqaudit.New(h.db, hqaudit.OfFile(h.Config, h.catalog, h.Version))}
}
