// Package catalogdesk is headquarters' hand in the working folder of the signed catalog: it drafts what
// people then sign (exceptions of the register, withdrawals), reads what is approved, and, where the
// operator gave it the online key of holds, stops a patch, or whole stores, at once.
//
// It never signs for people: without the key of holds, nothing that it does reaches a store. What it
// writes is written by sync/publish, whole or not at all; a folder that another command works on is an
// error, and what was to be done is done again at the next call.
package catalogdesk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// Options of a Desk.
type Options struct {
	Dir      string           // the working folder; it must be a catalog
	Out      string           // the folder that the web server serves; "" = nothing is given out
	Keys     string           // the folder with the online keys of holds, snapshot and timestamp; "" = none
	Password keyfile.Password // of those keys; nil = they are not encrypted
}

// Desk works in one folder. It keeps nothing in memory.
type Desk struct{ o Options }

// New returns a desk. It looks at nothing yet.
func New(o Options) *Desk {
	if o.Password == nil {
		o.Password = keyfile.FixedPassword("")
	}
	return &Desk{o}
}

// Refused is the What of a Change that could not be made; its Text says why.
const Refused = "refused"

// Change is one thing that Prepare did, or could not do, for an entry of the register.
type Change struct {
	Entry string `json:"entry"` // its id
	What  string `json:"what"`  // set, ended, or Refused
	Text  string `json:"text"`
}

// Prepare writes what the register says into the working folder: the exceptions that hold and are not
// there, and the end of those that were closed. People sign it; until then, stores know nothing of it.
// An entry that cannot be written, as of a patch that was withdrawn, is refused and named, the others
// are written. To prepare again changes nothing.
func (d *Desk) Prepare(entries []register.Entry, now time.Time) ([]Change, error) {
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return nil, err
	}
	status, err := repo.Status()
	if err != nil {
		return nil, err
	}
	wanted := holding(entries, now)
	changes := []Change{}
	for _, e := range entries {
		if e.Status(now) != register.StatusClosed || !slices.ContainsFunc(status.Exceptions, func(s site.Exception) bool { return sameScope(s, e.Exception) && s.Owner == e.Owner }) ||
			slices.ContainsFunc(wanted, func(w register.Entry) bool { return sameScope(w.Exception, e.Exception) }) {
			continue
		}
		c := Change{Entry: e.ID, What: "ended", Text: "ended the exception of " + e.Patch + " " + e.Scope()}
		changes = append(changes, c.unless(repo.EndExactly(e.Exception)))
	}
	for _, e := range wanted {
		if slices.ContainsFunc(status.Exceptions, func(s site.Exception) bool { return same(s, e.Exception) }) {
			continue
		}
		c := Change{Entry: e.ID, What: "set", Text: fmt.Sprintf("excepted %s %s until %s by %s", e.Patch, e.Scope(), e.Expires.Format(time.RFC3339), e.Owner)}
		changes = append(changes, c.unless(repo.Except(e.Exception, now)))
	}
	return changes, nil
}

// unless turns a change that did not succeed into its refusal.
func (c Change) unless(err error) Change {
	if err != nil {
		c.What, c.Text = Refused, err.Error()
	}
	return c
}

// holding are the entries that hold; of several with the same scope the one that ends last.
func holding(entries []register.Entry, now time.Time) []register.Entry {
	var all []register.Entry
	for _, e := range entries {
		if !e.Holds(now) {
			continue
		}
		i := slices.IndexFunc(all, func(o register.Entry) bool { return sameScope(o.Exception, e.Exception) })
		switch {
		case i < 0:
			all = append(all, e)
		case e.Expires.After(all[i].Expires):
			all[i] = e
		}
	}
	return all
}

func sameScope(a, b site.Exception) bool {
	return a.Patch == b.Patch && slices.Equal(a.Devices, b.Devices) && slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Stores, b.Stores)
}

func same(a, b site.Exception) bool {
	return sameScope(a, b) && a.Owner == b.Owner && a.Reason == b.Reason && a.Risk == b.Risk && a.Controls == b.Controls && a.Expires.Equal(b.Expires)
}

// Stop stops a patch and says how: with the key of holds at once, else by a draft of a withdrawal. When the hold
// cannot be given out, the withdrawal is drafted and the error says why besides.
func (d *Desk) Stop(ctx context.Context, patch, digest, reason string, now time.Time) (how string, err error) {
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return "", err
	}
	if d.CanHold() {
		ring, kerr := keyfile.Open(d.o.Keys, d.o.Password)
		if err = kerr; err == nil {
			_, err = repo.Hold(ctx, publish.HoldOptions{Patch: patch, Digest: digest, Reason: reason, Out: d.o.Out, Keys: ring, Verify: verify, Now: now})
		}
		if err == nil {
			return breaker.Held, nil
		}
		err = fmt.Errorf("cannot hold %s at once: %w", patch, err)
	}
	status, serr := repo.Status()
	if serr != nil {
		return "", errors.Join(err, serr)
	}
	if _, already := status.Withdrawn[patch]; already {
		return breaker.Drafted, err
	}
	if werr := repo.Withdraw(patch, reason, now); werr != nil {
		return "", errors.Join(err, werr)
	}
	return breaker.Drafted, err
}

// HoldStores stops stores whole, all in one publication: nothing is begun in them from their next look
// on, until people of the role fleet lift that. It needs the online key of holds, without which it
// changes nothing and the error says what to do instead. That a store exists is not asked: the catalog
// knows no stores; an id that cannot be one is refused, and then none is held. By is who asks; it may
// be empty. Stores learn of it when they look next: whoever calls may hint them to.
func (d *Desk) HoldStores(ctx context.Context, stores []string, reason, by string, now time.Time) error {
	if !d.CanHold() {
		return fmt.Errorf("headquarters has no key of holds: hold them with `nightfill catalog hold %s OUT --stores %s --reason TEXT`, or give headquarters catalog.out and catalog.keys with the keys of holds, snapshot and timestamp (`nightfill catalog role add-holds %s` makes the role)",
			d.o.Dir, strings.Join(stores, ","), d.o.Dir)
	}
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return err
	}
	ring, err := keyfile.Open(d.o.Keys, d.o.Password)
	if err != nil {
		return err
	}
	_, err = repo.Hold(ctx, publish.HoldOptions{Stores: stores, Reason: reason, By: by, Out: d.o.Out, Keys: ring, Verify: verify, Now: now})
	return err
}

// CanHold reports whether the operator gave the desk what a hold needs.
func (d *Desk) CanHold() bool {
	if d.o.Out == "" || d.o.Keys == "" {
		return false
	}
	held, err := filepath.Glob(filepath.Join(d.o.Keys, site.HoldsRole+"-*"))
	return err == nil && len(held) > 0
}

func verify(ctx context.Context, files fs.FS, root []byte, now time.Time) error {
	_, err := catalog.Verify(ctx, "", files, root, now)
	return err
}

// Times reads when headquarters acquired, approved and published each patch, as the working folder
// remembers it.
func (d *Desk) Times() (map[string]comply.Times, error) {
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return nil, err
	}
	known, err := repo.Times()
	times := map[string]comply.Times{}
	for id, t := range known {
		times[id] = comply.Times(t)
	}
	return times, err
}

// Approved reads what stores see now, verified as a store would, and when people last let a patch go
// that was held.
func (d *Desk) Approved(ctx context.Context, now time.Time) (c site.Catalog, lifted map[string]time.Time, err error) {
	repo, err := publish.Open(d.o.Dir)
	if err != nil {
		return site.Catalog{}, nil, err
	}
	status, err := repo.Status()
	if err != nil {
		return site.Catalog{}, nil, err
	}
	root, err := os.ReadFile(filepath.Join(d.o.Out, "root.json"))
	if err != nil {
		return site.Catalog{}, nil, fmt.Errorf("cannot read what is published: %w", err)
	}
	c, err = catalog.Verify(ctx, "", os.DirFS(d.o.Out), root, now)
	return c, status.Lifted, err
}
