package catalogdesk

import (
	"context"
	"errors"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/register"
)

// Remember writes what Prepare did into the audit log, as done by somebody, and into the entries of the register
// of which these are the notes. One that cannot be written does not keep the others from it.
func Remember(ctx context.Context, r Register, notes []board.Note, changes []Change, by string, now time.Time) error {
	var problems []error
	for _, c := range changes {
		outcome := "ok"
		if c.What == Refused {
			outcome = "refused"
		}
		_, err := r.Record(ctx, board.Deed{At: now, Actor: by, Origin: "program", Verb: "exception.prepare", Subject: c.Entry, Outcome: outcome, Text: c.Text})
		problems = append(problems, err)
		if c.What != Refused {
			problems = append(problems, prepared(ctx, r, notes, c, by, now))
		}
	}
	return errors.Join(problems...)
}

// prepared notes in an entry of the register that it waits to be signed.
func prepared(ctx context.Context, r Register, notes []board.Note, c Change, by string, now time.Time) error {
	for _, n := range notes {
		if n.ID != c.Entry {
			continue
		}
		e, err := register.FromNote(n)
		if err != nil {
			return err
		}
		next, err := e.WasPrepared(c.Text, by, now).Note(n.Version, by, now)
		if err != nil {
			return err
		}
		_, err = r.Keep(ctx, next)
		return err
	}
	return nil
}
