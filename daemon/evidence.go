package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// Evidence writes an evidence pack to w, and then into the journal that it left the box, whole or not.
func (d *Daemon) Evidence(ctx context.Context, w io.Writer, ask control.EvidenceAsked) (run.EvidenceNote, error) {
	if err := d.journal.Flush(); err != nil { // what is shown must never be lost
		return run.EvidenceNote{}, err
	}
	out := &measured{w: w, sum: sha256.New()}
	m, err := evidence.Write(ctx, out, past{d}, evidence.Order{
		Store: d.store, Zone: d.store.Calendar.Zone, Stream: d.journal.Stream(), From: ask.From, To: ask.To, AsOf: ask.AsOf, By: ask.Actor, Version: d.Version,
	})
	note := run.EvidenceNote{From: ask.From, To: ask.To, AsOf: ask.AsOf, First: m.Records.First, Last: m.Records.Last, Bytes: out.n}
	if out.n == 0 {
		return note, err
	}
	e := run.Event{
		Kind: run.EvidenceExported, At: time.Now(), Actor: ask.Actor, Evidence: &note,
		Text: fmt.Sprintf("nights %s to %s, records %d to %d", note.From, note.To, note.First, note.Last),
	}
	if err != nil {
		e.Outcome, e.Text = run.Bad, e.Text+": broken off: "+err.Error()
	} else {
		note.SHA256 = hex.EncodeToString(out.sum.Sum(nil))
		e.Outcome, e.Text = run.OK, e.Text+", SHA-256 "+note.SHA256
	}
	return note, errors.Join(err, d.ledger.Add(e))
}

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

// past is what the box has kept of its past.
type past struct{ d *Daemon }

// Records implements evidence.Source.
func (p past) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	return p.d.journal.EachRaw(from, func(r journal.Raw) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(r)
	})
}

// Catalogs implements evidence.Source.
func (p past) Catalogs(context.Context) (roots [][]byte, kept []archive.Entry, err error) {
	if p.d.catalog == nil {
		return nil, nil, errors.New("the store file names no catalog any more")
	}
	kept, err = p.d.catalog.Kept().List()
	return p.d.catalog.Roots(), kept, err
}

// CatalogFile implements evidence.Source.
func (p past) CatalogFile(_ context.Context, sum string) ([]byte, error) {
	return p.d.catalog.Kept().File(sum)
}
