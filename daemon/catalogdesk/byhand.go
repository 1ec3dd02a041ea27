package catalogdesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/policy"
)

// Stop stops a patch, whatever its bytes, because a person says so, and says how, as Desk.Stop does. Every store is
// hinted to look when it was held; those that could not be told are told by Check. It is kept as what the breaker decides is:
// before anything is done about it, so that after a crash in between people find it in the list. An error without a how
// means that nothing was done; where that is not for the patch itself, it is in the list too. It writes no line of the
// audit log: whoever calls does.
func (w Watch) Stop(ctx context.Context, patch, reason, by string, now time.Time) (how string, err error) {
	if w.Desk == nil {
		return "", errors.New("headquarters has no working folder of the catalog: hold it with `nightfill catalog hold`")
	}
	done, version, err := w.byHand(ctx, patch, now)
	if err != nil {
		return "", err
	}
	before := done
	done.Patch, done.At, done.Told, done.How, done.Text = patch, now, time.Time{}, "", fmt.Sprintf("%s, by %s: %s", patch, by, reason)
	kept, err := w.keep(ctx, done, version, now)
	if err != nil {
		return "", err
	}
	done.How, err = w.Desk.Stop(ctx, patch, "", reason, now)
	// What was done is done, also where the one who asked went away meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), toldLimit)
	defer cancel()
	if done.How == "" && before.How != "" {
		_, kerr := w.keep(ctx, before, kept.Version, now)
		return "", errors.Join(err, kerr)
	}
	kept, kerr := w.keep(ctx, done, kept.Version, now)
	if done.How == breaker.Held && kerr == nil {
		_ = w.tell(ctx, &done, kept.Version, w.stores(), now) // those that are not told now are told by Check
	}
	return done.How, errors.Join(err, kerr)
}

// byHand is the decision about a patch as it stands, and the version of its note: that of the breaker about the same
// generation, or a new one.
func (w Watch) byHand(ctx context.Context, patch string, now time.Time) (breaker.Decision, int64, error) {
	d := breaker.Decision{Proposal: breaker.Proposal{Patch: patch, At: now}}
	known, lifted := w.find(patch)
	switch {
	case known == nil:
		return d, 0, fmt.Errorf("there is no patch %s", patch)
	case known.Withdrawn != nil:
		return d, 0, fmt.Errorf("%s was withdrawn on %s already (%s)", patch, known.Withdrawn.At.Format(time.DateOnly), known.Withdrawn.Reason)
	case known.Held != nil:
		return d, 0, fmt.Errorf("%s is held already, since %s (%s)", patch, known.Held.At.Format(time.RFC3339), known.Held.Reason)
	}
	d.Digest = policy.Digest(known.Patch)
	d.Key = breaker.Key(patch, d.Digest, lifted)
	notes, err := w.Register.Notes(ctx, breaker.NoteKind)
	if err != nil {
		return d, 0, err
	}
	for _, n := range notes {
		if n.ID != d.Key {
			continue
		}
		if n.Body != nil {
			err = json.Unmarshal(n.Body, &d)
		}
		return d, n.Version, err
	}
	return d, 0, nil
}

// find is a patch as the catalog has it, else as stores told of it, and when it was last let go.
func (w Watch) find(patch string) (*site.Approved, time.Time) {
	if w.Approved != nil {
		if c, lifted, err := w.Approved(); err == nil {
			if i := slices.IndexFunc(c.Patches, func(a site.Approved) bool { return a.Patch.ID == patch }); i >= 0 {
				return &c.Patches[i], lifted[patch]
			}
		}
	}
	var known *site.Approved
	w.Source.View(func(b *board.Board) {
		if p, ok := b.Patches[patch]; ok {
			known = &site.Approved{Patch: p}
		}
	})
	return known, time.Time{}
}

// stores are the ids of all that headquarters knows.
func (w Watch) stores() []string {
	var all []string
	w.Source.View(func(b *board.Board) {
		for _, s := range b.Sorted() {
			all = append(all, s.ID)
		}
	})
	return all
}
