package fleetpack

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/site/window"
)

// Content is where a pack's content comes from.
type Content interface {
	// Histories returns what is to be shown, store by store, and what is already known to be missing.
	Histories(ctx context.Context) ([]History, []Missing, error)
	// Compliance writes the table of compliance: its first line names the columns, and one of them is result.
	Compliance(ctx context.Context, w io.Writer) (Compliance, error)
	// Exceptions returns the register as it was at the as-of.
	Exceptions(ctx context.Context) ([]Exception, error)
	// Deeds calls visit for the lines of the audit log of the range, in order and without a gap.
	Deeds(ctx context.Context, visit func(board.Deed) error) error
}

// History is one history of a store, and what is asked of it. Several are read at a time.
type History struct {
	No     int64
	Source evidence.Source
	Order  evidence.Order
	Newest time.Time // when the newest record was that headquarters had; zero = not known
}

// Exception is an entry of the register.
type Exception struct {
	register.Entry
	Status register.Status `json:"status"`
	// Changed says that the entry was changed after the as-of: what it says is what it says now, and its history
	// goes to the as-of.
	Changed bool `json:"changed_later,omitempty"`
}

// Order says what is wanted.
type Order struct {
	Org      string
	From, To window.Date // nights by the local dates of the stores, both included
	AsOf     time.Time   // nothing that is later is told
	By       string      // who asked
	Version  string      // of the program
}

// Write writes a pack to w as it is made; of the packs of stores, so many as there are processors are in memory
// at a time. After an error, what was written is worthless. The manifest is returned as it is in the pack.
func Write(ctx context.Context, w io.Writer, c Content, o Order) (Manifest, error) {
	histories, missing, err := c.Histories(ctx)
	if err != nil {
		return Manifest{}, err
	}
	p := &packer{ctx: ctx, content: c, zip: zip.NewWriter(w), m: Manifest{
		Schema: Schema, Org: o.Org, Scope: evidence.Scope{From: o.From, To: o.To}, DataAsOf: o.AsOf.UTC(), GeneratedAt: o.AsOf.UTC(),
		GeneratedBy: o.By, ProgramVersion: o.Version, Stores: []Store{}, Missing: append([]Missing{}, missing...),
	}}
	steps := []func() error{
		func() error { return p.stores(histories) }, p.compliance, p.exceptions, p.deeds, p.front, p.seal, p.zip.Close,
	}
	for _, step := range steps {
		if err := errors.Join(ctx.Err(), step()); err != nil {
			return p.m, err
		}
	}
	return p.m, nil
}

// packer writes one pack.
type packer struct {
	ctx     context.Context
	content Content
	zip     *zip.Writer
	m       Manifest
	shown   []Exception
}

// file begins a file of the pack, compressed or as it is. It is counted when done is called.
func (p *packer) file(name string, method uint16) (w io.Writer, done func(), err error) {
	raw, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, nil, err
	}
	sum, size := sha256.New(), &counter{}
	return io.MultiWriter(raw, sum, size), func() {
		p.m.Files = append(p.m.Files, evidence.FileInfo{Name: name, Size: size.n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	}, nil
}

type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

func (p *packer) add(name string, method uint16, data []byte) error {
	w, done, err := p.file(name, method)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	done()
	return nil
}

// made is the pack of one history.
type made struct {
	manifest evidence.Manifest
	data     bytes.Buffer
	err      error
}

// stores writes the packs of the stores. A few are made at a time, and written in their order.
func (p *packer) stores(list []History) error {
	missing := map[string][]Missing{}
	for some := range slices.Chunk(list, max(2, runtime.GOMAXPROCS(0))) {
		packs := make([]made, len(some))
		var all sync.WaitGroup
		for i, h := range some {
			all.Go(func() { packs[i].make(p.ctx, h) })
		}
		all.Wait()
		for i, h := range some {
			why, err := p.store(h, &packs[i])
			if err != nil {
				return err
			}
			if why != "" {
				missing[h.Order.Store.ID] = append(missing[h.Order.Store.ID], Missing{h.Order.Store.ID, "its journal " + h.Order.Stream, why})
			}
		}
	}
	p.m.Missing = append(p.m.Missing, p.relevant(missing)...)
	return nil
}

// relevant leaves out histories of which nothing was asked for, where another one of the store is shown.
func (p *packer) relevant(missing map[string][]Missing) []Missing {
	var all []Missing
	for store, list := range missing {
		shown := slices.ContainsFunc(p.m.Stores, func(s Store) bool { return s.Store == store })
		for _, m := range list {
			if !shown || !strings.HasPrefix(m.Why, nothing) {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, func(a, b Missing) int {
		if c := board.CompareIDs(a.Store, b.Store); c != 0 {
			return c
		}
		return strings.Compare(a.Store+a.What, b.Store+b.What)
	})
	return all
}

// make makes the pack of a history. What a store recorded must not break the pack of all the others.
func (m *made) make(ctx context.Context, h History) {
	defer func() {
		if r := recover(); r != nil {
			m.err = &evidence.BrokenError{Text: fmt.Sprintf("it cannot be told, because this program breaks on it (%v)", r)}
		}
	}()
	m.manifest, m.err = evidence.Write(ctx, &m.data, h.Source, h.Order)
}

// nothing begins the reason why a history is missing that has no record of the range.
const nothing = "nothing of these nights: "

// store writes the pack of a history, or says why it is missing.
func (p *packer) store(h History, pack *made) (why string, err error) {
	var none *evidence.NothingError
	var broken *evidence.BrokenError
	id := h.Order.Store.ID
	switch {
	case errors.As(pack.err, &none):
		return nothing + none.Error(), nil
	case errors.As(pack.err, &broken):
		return broken.Error(), nil
	case pack.err != nil:
		return "", fmt.Errorf("store %s: %w", id, pack.err)
	}
	m := pack.manifest
	p.m.Stores = append(p.m.Stores, Store{
		Store: id, Name: m.Name, Stream: m.Stream, No: h.No, File: StoreFile(id, h.No), Records: m.Records, Chain: m.Chain, Nights: m.Nights,
		Missing: len(m.Missing), DataAsOf: h.Newest.UTC(),
	})
	return "", p.add(StoreFile(id, h.No), zip.Store, pack.data.Bytes())
}

func (p *packer) compliance() error {
	w, done, err := p.file(ComplianceFile, zip.Deflate)
	if err != nil {
		return err
	}
	if p.m.Compliance, err = p.content.Compliance(p.ctx, w); err != nil {
		return err
	}
	done()
	return nil
}

func (p *packer) exceptions() error {
	list, err := p.content.Exceptions(p.ctx)
	if err != nil {
		return err
	}
	p.shown = append([]Exception{}, list...)
	data, err := json.MarshalIndent(p.shown, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(p.add(ExceptionsFile, zip.Deflate, append(data, '\n')), p.add(ExceptionsCSVFile, zip.Deflate, ExceptionsCSV(p.shown)))
}

func (p *packer) deeds() error {
	w, done, err := p.file(DeedsFile, zip.Deflate)
	if err != nil {
		return err
	}
	d := &p.m.Deeds
	err = p.content.Deeds(p.ctx, func(x board.Deed) error {
		if d.Count == 0 {
			d.First, d.Before = x.Seq, x.Prev
		}
		d.Last, d.Head = x.Seq, x.Hash
		d.Count++
		_, err := w.Write(Line(x))
		return err
	})
	if err != nil {
		return err
	}
	done()
	return nil
}

// Line writes a deed as a line of the audit log of a pack: as it was hashed, with its hash at the end.
func Line(d board.Deed) []byte {
	data, err := json.Marshal(d)
	if err != nil {
		panic("internal error: a deed cannot be written as JSON: " + err.Error())
	}
	return append(data, '\n')
}

// front writes the pages that follow from everything else.
func (p *packer) front() error {
	page, err := Report(p.m, p.shown)
	if err != nil {
		return err
	}
	return errors.Join(p.add(ReportFile, zip.Deflate, page), p.add(evidence.ExplainFile, zip.Deflate, []byte(Explain(p.m))))
}

// seal writes the manifest and the list of digests, which everything else is in.
func (p *packer) seal() error {
	slices.SortFunc(p.m.Files, func(a, b evidence.FileInfo) int { return strings.Compare(a.Name, b.Name) })
	data, err := json.MarshalIndent(p.m, "", " ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	listed := slices.Clone(p.m.Files)
	err = errors.Join(p.add(evidence.ManifestFile, zip.Deflate, data), p.add(evidence.SumsFile, zip.Deflate, evidence.Sums(listed, data)))
	p.m.Files = listed
	return err
}
