package view

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// HeldBack says why the night of a date, which begins at a moment, would begin nothing in the whole store, as things are now.
func HeldBack(f Facts, night window.Date, begins time.Time) []run.Obstacle {
	return run.HeldBack(f.State, night, f.Now, begins, f.CatalogNo, f.Preparing)
}

// coming says why the night that is under way or comes next would begin nothing, and why the window before it, which
// is open or would open today, is not the one.
func coming(f Facts) (held []run.Obstacle, passed *site.Reason) {
	span, begins, passed, ok := run.Coming(f.State, f.Store.Calendar, f.Now)
	if !ok {
		begins = f.Now
	}
	return HeldBack(f, span.Night, begins), passed
}

// unwell are the obstacles that nobody wanted: what is held is held on purpose, and a box that was just started is
// soon ready.
func unwell(held []run.Obstacle) []run.Obstacle {
	var all []run.Obstacle
	for _, o := range held {
		if o.Code != site.CodeHeld && o.Code != site.CodeWaiting {
			all = append(all, o)
		}
	}
	return all
}

// heldNotes tells the people of the store why nothing is updated.
func heldNotes(f Facts) []ready.Note {
	var notes []ready.Note
	if h := f.State.Catalog.StoreHeld; h != nil {
		notes = append(notes, ready.Note{Kind: ready.HeldAbove, Since: h.At, Reason: h.Reason})
	}
	if f.State.Unsure != nil {
		notes = append(notes, ready.Note{Kind: ready.ClockUnsure})
	}
	if f.State.Full != nil {
		notes = append(notes, ready.Note{Kind: ready.BoxFull})
	}
	if no := f.CatalogNo; no != nil && (no.Code == site.CodeCatalogOld || no.Code == site.CodeCatalogExpired) {
		notes = append(notes, ready.Note{Kind: ready.CatalogOld, Since: f.State.Catalog.Issued})
	}
	return notes
}
