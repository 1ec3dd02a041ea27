package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

const (
	keepRecords = 400 * 24 * time.Hour // thirteen months: an auditor's year, and a month to ask
	retainEvery = 24 * time.Hour
	copyEvery   = time.Hour
	copies      = 3    // checked copies of the journal that are kept
	hqCursor    = "hq" // the uplink's: headquarters has stored every record up to it
)

// errEnough ends a walk over the journal early.
var errEnough = errors.New("enough")

// checkpoint is the fold of the records that were trimmed.
func checkpoint(j *journal.Journal) (run.State, error) {
	seq, data, err := j.Checkpoint()
	if err != nil || seq == 0 {
		return run.State{}, err
	}
	var s run.State
	if err := json.Unmarshal(data, &s); err != nil {
		return run.State{}, fmt.Errorf("cannot read the checkpoint of the journal: %v; see: nightfill journal verify", err)
	}
	return s, nil
}

// retain forgets records, catalogs and recordings after thirteen months, once a day.
func (d *Daemon) retain(ctx context.Context) error {
	return every(ctx, retainEvery, nil, func(ctx context.Context) {
		before := time.Now().Add(-keepRecords)
		if err := d.trim(before); err != nil {
			d.Log.Error("cannot trim the journal", "err", err)
		}
		if err := d.forgetCatalogs(before); err != nil {
			d.Log.Error("cannot forget old catalogs", "err", err)
		}
		if err := d.forgetRecordings(ctx, before); err != nil && ctx.Err() == nil {
			d.Log.Error("cannot forget old recordings", "err", err)
		}
	})
}

// copyJournal keeps checked copies of the journal beside it. They are for a person who has to
// know what was written when the journal itself is damaged: nothing reads them by itself, since an
// older journal must never be gone on with.
func (d *Daemon) copyJournal(ctx context.Context) error {
	dir := filepath.Join(d.Config.State, "copies")
	return every(ctx, copyEvery, nil, func(ctx context.Context) {
		err := os.MkdirAll(dir, 0o750)
		if err == nil && d.ledger.State().Full == nil {
			_, err = d.journal.Snapshot(ctx, dir, copies)
		}
		if err != nil && ctx.Err() == nil {
			d.Log.Warn("cannot keep a copy of the journal", "err", err)
		}
	})
}

// trim forgets the records from before a moment, and keeps their fold. What headquarters
// never stored is forgotten too: a store without headquarters keeps its records as long as
// any other, and no longer.
func (d *Daemon) trim(before time.Time) error {
	if d.ledger.State().Unsure != nil {
		return nil // a wrong clock must not forget anything
	}
	state, err := checkpoint(d.journal)
	if err != nil {
		return err
	}
	begin := state.Seq
	err = d.journal.Each(begin+1, func(r run.Record) error {
		if !r.Event.At.Before(before) {
			return errEnough
		}
		state = run.Fold(state, r)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) || state.Seq == begin {
		return ignore(err, errEnough)
	}
	stored, err := d.journal.Cursor(hqCursor)
	if err != nil {
		return err
	}
	if stored < state.Seq {
		d.Log.Warn("records that headquarters never stored are forgotten", "from", stored+1, "to", state.Seq)
		if err := d.journal.SetCursor(hqCursor, state.Seq); err != nil {
			return err
		}
	}
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return d.journal.Trim(state.Seq, data)
}

// forgetCatalogs removes the generations of the catalog that were replaced before a moment, as the
// journal forgets what was done under them.
func (d *Daemon) forgetCatalogs(before time.Time) error {
	if d.catalog == nil || d.ledger.State().Unsure != nil {
		return nil
	}
	return d.catalog.Kept().Forget(before)
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
