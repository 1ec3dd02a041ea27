package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// NightAt shows a night with its evidence; the zero date is the newest night. Nil means that the
// journal has no such night.
func (d *Daemon) NightAt(ctx context.Context, date window.Date) (*view.Night, error) {
	state := d.ledger.State()
	date, records, err := d.nightRecords(ctx, state, date)
	switch {
	case err != nil:
		return nil, err
	case state.Night != nil && state.Night.Plan.Night == date:
		return view.WithEvidence(d.store, state, records, time.Now()), nil
	}
	return view.WithEvidence(d.store, run.Fold(run.State{}, records...), records, time.Now()), nil
}

// Replay asks the rules of this program about a night again, in the states and at the times that
// the journal tells; the zero date is the newest night. Nil means that the journal has no such night.
func (d *Daemon) Replay(ctx context.Context, date window.Date) (*played.Replay, error) {
	date, records, err := d.nightRecords(ctx, d.ledger.State(), date)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	before, err := d.stateBefore(ctx, records[0].Seq)
	if err != nil {
		return nil, fmt.Errorf("cannot replay the night of %s: %w", date, err)
	}
	return played.ReplayOf(date, before, records), nil
}

// nightRecords returns the records from the opening of a night to that of the next one, or to the
// newest; none when the journal has no such night. The date is the newest night's when it was zero.
func (d *Daemon) nightRecords(ctx context.Context, state run.State, date window.Date) (window.Date, []run.Record, error) {
	if date.IsZero() && state.Night != nil {
		date = state.Night.Plan.Night
	}
	opening, err := d.opening(ctx, date)
	var records []run.Record
	if err == nil && opening > 0 {
		err = d.walk(ctx, opening, 0, func(r run.Record) error {
			if r.Event.Kind == run.NightOpened && r.Seq != opening {
				return errEnough
			}
			records = append(records, r)
			return nil
		})
	}
	if err != nil {
		return date, nil, fmt.Errorf("cannot read the night of %s from the journal: %w", date, err)
	}
	return date, records, nil
}

// wayBack is how many records are looked at at once on the way back to a night.
const wayBack = 256

// opening returns the number of the record that opened a night, looking from the newest record
// back, since it is mostly the last nights that are asked for; 0 = the journal has no such night.
func (d *Daemon) opening(ctx context.Context, date window.Date) (uint64, error) {
	first := d.journal.First()
	for end := d.journal.Last() + 1; end > first; {
		from := first
		if end > from+wayBack {
			from = end - wayBack
		}
		found, earlier := uint64(0), false
		err := d.walk(ctx, from, end, func(r run.Record) error {
			if r.Event.Kind == run.NightOpened {
				earlier = earlier || r.Event.Night.Compare(date) < 0
				if r.Event.Night == date {
					found = r.Seq
				}
			}
			return nil
		})
		if err != nil || found > 0 || earlier {
			return found, err
		}
		end = from
	}
	return 0, nil
}

// walk visits the records from one number on and before another; 0 = to the newest. It ends
// without an error where visit says errEnough.
func (d *Daemon) walk(ctx context.Context, from, end uint64, visit func(run.Record) error) error {
	err := d.journal.Each(from, func(r run.Record) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case end > 0 && r.Seq >= end:
			return errEnough
		}
		return visit(r)
	})
	return ignore(err, errEnough)
}

// foldAtOnce is how many records are folded together: each fold copies the state it starts from.
const foldAtOnce = 512

// stateBefore folds the journal up to, and without, a record.
func (d *Daemon) stateBefore(ctx context.Context, seq uint64) (run.State, error) {
	state, err := checkpoint(d.journal)
	if err != nil {
		return run.State{}, err
	}
	var pending []run.Record
	err = d.walk(ctx, state.Seq+1, seq, func(r run.Record) error {
		if pending = append(pending, r); len(pending) == foldAtOnce {
			state, pending = run.Fold(state, pending...), pending[:0]
		}
		return nil
	})
	return run.Fold(state, pending...), err
}
