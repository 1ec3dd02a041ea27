package daemon

import (
	"context"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

const (
	openingEvery = 5 * time.Second
	// openingsMissed is how far back openings are looked for that the box was not there to see.
	openingsMissed = 14 * 24 * time.Hour
)

// watchOpening writes down the store's word at each opening to customers.
func (d *Daemon) watchOpening(ctx context.Context) error {
	return d.onChange(ctx, openingEvery, func(ctx context.Context) {
		f := d.View(ctx)
		if f.State.Unsure != nil {
			return // what the clock says is no opening
		}
		now := run.Event{Verdict: f.Report.Verdict, Text: f.Report.Text, Since: f.State.TradesAt}
		if !now.Verdict.Trades() {
			now.Since = time.Time{}
		}
		for _, e := range openings(d.store.Calendar, f.State.Opened, d.started, f.Now, now) {
			if err := d.ledger.Add(e); err != nil {
				d.Log.Error("cannot write down how the store opened", "err", err)
				return
			}
		}
	})
}

// openings are those after the newest one that was written down: with the word of now, or without a
// word where the box did not run then. A box that never wrote one down begins with its start.
func openings(calendar window.Calendar, last, started, now time.Time, word run.Event) []run.Event {
	if last.IsZero() {
		last = started
	}
	if from := now.Add(-openingsMissed); last.Before(from) {
		last = from
	}
	var events []run.Event
	for {
		opens, ok := calendar.NextOpening(last)
		if !ok || opens.After(now) {
			return events
		}
		e := word
		if opens.Before(started) || now.Sub(opens) > openingLate {
			e = run.Event{Verdict: site.CannotTell, Text: "The box did not watch when the store opened."}
		}
		e.Kind, e.At, e.Opens = run.StoreOpened, now, opens
		e.Next, _ = calendar.NextOpening(opens)
		events, last = append(events, e), opens
	}
}

// openingLate is how long after an opening the word of the box is still its word at the opening.
const openingLate = 2 * time.Minute
