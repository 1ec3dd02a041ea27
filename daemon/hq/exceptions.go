package hq

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site/board"
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
	problems := []error{err, perr}
	for _, c := range changes {
		outcome := "ok"
		if c.What == "refused" {
			if refused[c.Entry] == c.Text {
				continue
			}
			refused[c.Entry], outcome = c.Text, "refused"
		}
		h.record(ctx, board.Deed{At: now, Actor: "nightfill-hq", Origin: "program", Verb: "exception.prepare", Subject: c.Entry, Outcome: outcome, Text: c.Text})
		if outcome == "ok" {
			delete(refused, c.Entry)
			problems = append(problems, h.prepared(ctx, notes, c, now))
		}
	}
	return errors.Join(problems...)
}

// prepared notes in the register that an entry waits to be signed.
func (h *HQ) prepared(ctx context.Context, notes []board.Note, c catalogdesk.Change, now time.Time) error {
	for _, n := range notes {
		if n.ID != c.Entry {
			continue
		}
		e, err := register.FromNote(n)
		if err != nil {
			return err
		}
		next, err := e.WasPrepared(c.Text, "nightfill-hq", now).Note(n.Version, "nightfill-hq", now)
		if err != nil {
			return err
		}
		_, err = h.db.Keep(ctx, next)
		return err
	}
	return nil
}
