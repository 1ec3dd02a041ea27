package hq

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/register"
)

const (
	trendEvery = time.Hour
	trendLook  = 5 * time.Minute // how often it is looked whether this program leads, and the hour is over
	trendLimit = time.Minute
)

// keepDays counts compliance every hour, and keeps the last count of each date, until ctx ends. Of
// several programs the one that leads does.
func (h *HQ) keepDays(ctx context.Context) error {
	var counted time.Time
	return every(ctx, trendLook, func(ctx context.Context) {
		if !h.fleet.Status().Leader || !counted.IsZero() && time.Since(counted) < trendEvery {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, trendLimit)
		defer cancel()
		if err := h.keepDay(ctx, time.Now()); err != nil && ctx.Err() == nil {
			h.Log.Error("compliance of today is counted again in five minutes", "err", err)
			return
		}
		counted = time.Now()
	})
}

// keepDay counts compliance of now and keeps it under its date, and forgets the dates that are too old.
func (h *HQ) keepDay(ctx context.Context, now time.Time) error {
	exceptions, err := h.db.Notes(ctx, register.NoteKind)
	if err != nil {
		return err
	}
	entries, err := register.Read(exceptions)
	if err != nil {
		h.Log.Debug("an exception of the register is passed over", "err", err)
	}
	o := h.comply()
	o.Exceptions, o.Now = append(o.Exceptions, register.Holding(entries, now)...), now
	var r comply.Report
	h.fleet.View(func(b *board.Board) { r = comply.Look(b, o).Report(comply.Filter{}) })
	if r.Stores == 0 {
		return nil
	}
	day := r.Day(len(register.Holding(entries, now)))
	body, err := json.Marshal(day)
	if err != nil {
		return err
	}
	note, err := h.db.Note(ctx, comply.DayKind, day.Date)
	if err != nil {
		return err
	}
	note.Body, note.By, note.At = body, "nightfill-hq", now
	if _, err := h.db.Keep(ctx, note); err != nil {
		return err
	}
	return h.forgetDays(ctx, now.AddDate(0, -keptMonths, 0).UTC().Format(time.DateOnly), now)
}

// forgetDays removes the days before a date.
func (h *HQ) forgetDays(ctx context.Context, first string, now time.Time) error {
	notes, err := h.db.Notes(ctx, comply.DayKind)
	if err != nil {
		return err
	}
	for _, n := range notes {
		if n.ID >= first {
			break // they come by their dates
		}
		n.Body, n.By, n.At = nil, "nightfill-hq", now
		if _, err := h.db.Keep(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
