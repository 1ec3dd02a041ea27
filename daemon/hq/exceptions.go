package hq

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site/board/register"
)

// prepareExceptions writes what the register says into the working folder of the catalog, for people to
// sign, until ctx ends. Of several programs the one that leads does it.
func (h *HQ) prepareExceptions(ctx context.Context) error {
	desk := h.desk()
	if desk == nil {
		<-ctx.Done()
		return nil
	}
	refused := map[string]string{} // the last refusal of each entry, which is said once
	return every(ctx, watchEvery, func(ctx context.Context) {
		if !h.fleet.Status().Leader {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, watchLimit)
		defer cancel()
		if err := h.prepare(ctx, desk, refused, time.Now()); err != nil && ctx.Err() == nil {
			h.Log.Error("the exceptions are not in the working folder of the catalog", "err", err)
		}
	})
}

func (h *HQ) prepare(ctx context.Context, desk *catalogdesk.Desk, refused map[string]string, now time.Time) error {
	notes, err := h.db.Notes(ctx, register.NoteKind)
	if err != nil {
		return err
	}
	entries, err := register.Read(notes)
	if len(entries) == 0 {
		return err
	}
	changes, perr := desk.Prepare(entries, now)
	var news []catalogdesk.Change
	for _, c := range changes {
		switch {
		case c.What != catalogdesk.Refused:
			delete(refused, c.Entry)
		case refused[c.Entry] == c.Text:
			continue // it was said
		default:
			refused[c.Entry] = c.Text
		}
		news = append(news, c)
	}
	return errors.Join(err, perr, catalogdesk.Remember(ctx, h.db, notes, news, "nightfill-hq", now))
}
