package catalogdesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/sync/publish"
)

// Withdrawn are the patches whose withdrawal is in the working folder, drafted or signed.
func (d *Desk) Withdrawn() (map[string]bool, error) {
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return nil, err
	}
	status, err := repo.Status()
	all := map[string]bool{}
	for patch := range status.Withdrawn {
		all[patch] = true
	}
	return all, err
}

// dropped settles the decisions whose draft people threw away, and writes each down once: a withdrawal that was
// signed stays in the working folder.
func (w Watch) dropped(ctx context.Context, notes []board.Note, now time.Time) error {
	if w.Desk == nil {
		return nil
	}
	var there map[string]bool
	var problems []error
	for _, n := range notes {
		var d breaker.Decision
		if n.Body == nil || json.Unmarshal(n.Body, &d) != nil || d.How != breaker.Drafted {
			continue
		}
		if there == nil {
			var err error
			if there, err = w.Desk.Withdrawn(); err != nil {
				return fmt.Errorf("whether drafted withdrawals still wait for people is not known: %w", err)
			}
		}
		if !there[d.Patch] {
			problems = append(problems, w.drop(ctx, d, n.Version, now))
		}
	}
	return errors.Join(problems...)
}

// drop settles one of them. Of several programs the one that keeps it writes it down.
func (w Watch) drop(ctx context.Context, d breaker.Decision, version int64, now time.Time) error {
	d.How = breaker.Dropped
	if _, err := w.keep(ctx, d, version, now); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), toldLimit)
	defer cancel()
	_, err := w.Register.Record(ctx, board.Deed{
		At: now, Actor: "breaker", Origin: "program", Verb: "patch.drop", Subject: d.Patch, Outcome: "ok",
		Text: "the draft of its withdrawal is gone from the working folder, nobody has to sign it: " + d.Text,
	})
	return err
}
