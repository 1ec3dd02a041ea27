package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog"
)

// Database is what headquarters stored.
type Database interface {
	Events
	Histories(ctx context.Context, ids ...string) ([]feed.Known, error)
	HeldFacts(ctx context.Context, store string, kinds ...board.Kind) ([]feed.Held, error)
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	Deeds(ctx context.Context, after int64, limit int) ([]board.Deed, error)
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
}

// Options are what packs are made from.
type Options struct {
	Org      string
	Expected func() []board.Expected // the stores that should be heard, as it is now; nil: there is no list
	Catalog  Catalog                 // nil: headquarters reads none
	Policy   comply.Policy           // by which compliance is judged
	Version  string                  // of the program
	Now      func() time.Time        // nil = time.Now
}

// Order says what is wanted.
type Order struct {
	From, To window.Date // nights by the local dates of the stores, both included
	Stores   []string    // their ids; none = all
	AsOf     time.Time   // nothing that is later is told
	By       string      // who asked
	Origin   string      // the address it was asked from, or "program"
}

// OrderError is the error of an order that nothing can be made of.
type OrderError struct{ text string }

// Error says what is wrong with the order.
func (e *OrderError) Error() string { return e.text }

// Done is a pack that left headquarters.
type Done struct {
	Manifest fleetpack.Manifest
	Bytes    int64
	SHA256   string
}

// Auditor makes evidence packs. It may be used by several goroutines.
type Auditor struct {
	Options
	db Database
}

// OfFile returns the Options that a headquarters file means. Catalog is nil where it names none.
func OfFile(c hqfile.Headquarters, k *catalog.Catalog, version string) Options {
	var list []board.Expected
	for _, s := range c.Stores {
		list = append(list, board.Expected{ID: s.ID, Name: s.Name, Region: s.Region})
	}
	o := Options{Org: c.Org, Policy: c.Compliance, Version: version, Expected: func() []board.Expected { return list }}
	if k != nil {
		o.Catalog = k
	}
	return o
}

// New returns an Auditor of a database.
func New(db Database, o Options) *Auditor {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Expected == nil {
		o.Expected = func() []board.Expected { return nil }
	}
	return &Auditor{o, db}
}

// recordLimit is for the line in the audit log, which is written even when the one who asked is gone.
const recordLimit = 10 * time.Second

// Write writes a pack to w as it is made, and then into the audit log that it left headquarters, whole or not. An
// error before the first byte says what is wrong with the order; after a later one, what was written is worthless.
func (a *Auditor) Write(ctx context.Context, w io.Writer, o Order) (Done, error) {
	if err := o.check(a.Now()); err != nil {
		return Done{}, err
	}
	p := &pack{Auditor: a, order: o, catalogs: openCatalogs(a.Catalog), expected: a.Expected()}
	p.approved = p.catalogs.approved(o.AsOf)
	p.catalogs.forStores()
	out := &measured{w: w, sum: sha256.New()}
	m, err := fleetpack.Write(ctx, out, p, fleetpack.Order{Org: a.Org, From: o.From, To: o.To, AsOf: o.AsOf, By: o.By, Version: a.Version})
	done := Done{m, out.n, hex.EncodeToString(out.sum.Sum(nil))}
	if out.n == 0 {
		return done, err
	}
	d := board.Deed{
		At: a.Now(), Actor: o.By, Origin: o.Origin, Verb: "evidence", Subject: o.subject(), Outcome: "ok",
		Text: fmt.Sprintf("nights %s to %s, as of %s, %d journals, %d rows", o.From, o.To, o.AsOf.UTC().Format(time.RFC3339Nano), len(m.Stores), m.Compliance.Rows),
	}
	if err != nil {
		d.Outcome, d.Text = "failed", d.Text+": broken off: "+err.Error()
	} else {
		d.Text += ", sha256 " + done.SHA256
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	_, recordErr := a.db.Record(ctx, d)
	return done, errors.Join(err, recordErr)
}

// subject is which stores were asked for, as the audit log has it.
func (o Order) subject() string {
	switch {
	case len(o.Stores) == 0:
		return "all stores"
	case len(o.Stores) <= 5:
		return strings.Join(o.Stores, " ")
	}
	return fmt.Sprintf("%d stores", len(o.Stores))
}

func (o Order) check(now time.Time) error {
	switch {
	case o.AsOf.After(now):
		return refuse("what headquarters will know at %s nobody can tell yet: ask as of now or of the past", o.AsOf.UTC().Format(time.RFC3339))
	case o.From.IsZero() || o.To.IsZero():
		return refuse("a range of nights has two dates")
	case o.To.Compare(o.From) < 0:
		return refuse("the nights %s to %s run backwards", o.From, o.To)
	case o.From.AddDays(evidence.MaxNights).Compare(o.To) < 0:
		return refuse("the nights %s to %s are more than %d: ask for less at once", o.From, o.To, evidence.MaxNights)
	}
	return nil
}

func refuse(format string, args ...any) error { return &OrderError{fmt.Sprintf(format, args...)} }

// measured counts what is written, and digests it.
type measured struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

// Write implements io.Writer.
func (m *measured) Write(b []byte) (int, error) {
	n, err := m.w.Write(b)
	m.sum.Write(b[:n])
	m.n += int64(n)
	return n, err
}
