package catalogdesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
)

// Source gives the board to read.
type Source interface {
	View(read func(*board.Board))
}

// Register keeps notes and the audit log of headquarters.
type Register interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	Keep(ctx context.Context, n board.Note) (board.Note, error)
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
}

// Hinter asks a store to look.
type Hinter interface {
	Hint(ctx context.Context, store, verb string) error
}

// Watch stops patches that break too many stores.
type Watch struct {
	Source   Source
	Register Register
	Hinter   Hinter
	Desk     *Desk // nil: proposals are kept, and nothing is done
	Policy   breaker.Policy
	// Approved is the catalog of headquarters with what was lifted; nil, or an error: the patches
	// that the stores told of.
	Approved func() (site.Catalog, map[string]time.Time, error)
}

// tellWithin is for how long stores are asked to look at a hold of which they could not all be told at once.
const tellWithin = 24 * time.Hour

// Check proposes what should be stopped now, each patch once in a generation, stops it as far as the
// desk can, hints every store to look when it was held, and writes it down. A proposal is kept before
// anything is done about it: after a crash in between, people find it in the list and nothing is
// proposed a second time. Stores that could not be told, because there was no broker, are told at a later call.
// A decision whose draft people dropped from the working folder is settled.
func (w Watch) Check(ctx context.Context, now time.Time) ([]breaker.Decision, error) {
	notes, err := w.Register.Notes(ctx, breaker.NoteKind)
	if err != nil {
		return nil, err
	}
	o := breaker.Options{Known: map[string]bool{}, Policy: w.Policy, Now: now}
	for _, n := range notes {
		o.Known[n.ID] = true
	}
	var problems []error
	if w.Approved != nil {
		c, lifted, err := w.Approved()
		if err != nil {
			problems = append(problems, fmt.Errorf("patches are judged by what the stores told of them: %w", err))
		} else {
			o.Catalog, o.Lifted = c.Patches, lifted
		}
	}
	var made []breaker.Proposal
	var stores []string
	w.Source.View(func(b *board.Board) {
		made = breaker.Propose(b, o)
		for _, s := range b.Sorted() {
			stores = append(stores, s.ID)
		}
	})
	problems = append(problems, w.tellOn(ctx, notes, stores, now), w.dropped(ctx, notes, now))
	var out []breaker.Decision
	for _, p := range made {
		done, err := w.act(ctx, p, stores, now)
		out, problems = append(out, done), append(problems, err)
	}
	return out, errors.Join(problems...)
}

// act does what can be done about one proposal.
func (w Watch) act(ctx context.Context, p breaker.Proposal, stores []string, now time.Time) (breaker.Decision, error) {
	done := breaker.Decision{Proposal: p, Text: p.String()}
	kept, err := w.keep(ctx, done, 0, now)
	if err != nil {
		return done, err
	}
	if w.Desk != nil {
		how, serr := w.Desk.Stop(ctx, p.Patch, p.Digest, p.String(), now)
		done.How, err = how, serr
	}
	version, err := w.told(ctx, done, kept.Version, err, now)
	if done.How == breaker.Held {
		err = errors.Join(err, w.tell(ctx, &done, version, stores, now))
	}
	return done, err
}

// tellOn tells the stores of holds of which not all of them were told before.
func (w Watch) tellOn(ctx context.Context, notes []board.Note, stores []string, now time.Time) error {
	var problems []error
	for _, n := range notes {
		var d breaker.Decision
		if n.Body == nil || json.Unmarshal(n.Body, &d) != nil || d.How != breaker.Held || !d.Told.IsZero() || now.Sub(d.At) > tellWithin {
			continue
		}
		problems = append(problems, w.tell(ctx, &d, n.Version, stores, now))
	}
	return errors.Join(problems...)
}

// tell asks every store to look, and writes down that it did.
func (w Watch) tell(ctx context.Context, d *breaker.Decision, version int64, stores []string, now time.Time) error {
	if err := w.hint(ctx, d.Patch, stores); err != nil {
		return err
	}
	d.Told = now
	_, err := w.keep(ctx, *d, version, now)
	return err
}

// toldLimit is how long it may take to write down what was done, which is done also where the time to do it is over.
const toldLimit = 10 * time.Second

// told writes down what was done, and why not all of it. It returns the version of what is kept now.
func (w Watch) told(ctx context.Context, done breaker.Decision, version int64, why error, now time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), toldLimit)
	defer cancel()
	kept, kerr := w.keep(ctx, done, version, now)
	why = errors.Join(why, kerr)
	outcome := "ok"
	if why != nil {
		outcome = "failed"
	}
	_, rerr := w.Register.Record(ctx, board.Deed{At: now, Actor: "breaker", Origin: "program", Verb: "patch.stop", Subject: done.Patch, Outcome: outcome, Text: words(done, why)})
	return kept.Version, errors.Join(why, rerr)
}

// hint asks every store to look. A store that is never asked learns it at its next look by itself.
func (w Watch) hint(ctx context.Context, patch string, stores []string) error {
	told, why := 0, error(nil)
	for _, s := range stores {
		err := w.Hinter.Hint(ctx, s, "refresh")
		switch {
		case err == nil:
			told++
		case why == nil:
			why = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if why != nil {
		return fmt.Errorf("%s is held, but only %d of %d stores could be told to look: %w", patch, told, len(stores), why)
	}
	return nil
}

// words says in the audit log what was done.
func words(p breaker.Decision, err error) string {
	did := map[string]string{breaker.Held: "held at once", breaker.Drafted: "a withdrawal is drafted", "": "nothing was done"}[p.How]
	text := did + ": " + p.Text
	if err != nil {
		text += "; " + err.Error()
	}
	return text
}

func (w Watch) keep(ctx context.Context, p breaker.Decision, version int64, now time.Time) (board.Note, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return board.Note{}, err
	}
	return w.Register.Keep(ctx, board.Note{Kind: breaker.NoteKind, ID: p.Key, Version: version, Body: body, By: "breaker", At: now})
}
