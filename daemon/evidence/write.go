package evidence

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence/account"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
	"github.com/nightfill/nightfill/ui/dossier"
)

// MaxNights is how many days may lie between the first and the last night of a pack: the thirteen
// months that a store keeps, and some.
const MaxNights = 500

// Source is where a pack's content comes from: a store's journal and catalog, or what headquarters
// has stored of them. It is read several times, and must give the same each time.
type Source interface {
	// Records calls visit for each record of one stream from the number from on, in order, until there
	// are no more or visit returns an error, which it returns. From 0 it starts with the first one that is kept.
	// A record without an event is one of which only the hash is known, as when it was too large to be sent.
	Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error
	// Catalogs returns the roots from the provisioned one to the newest, and the generations that
	// are kept.
	Catalogs(ctx context.Context) (roots [][]byte, kept []archive.Entry, err error)
	// CatalogFile returns a file of a kept generation by its digest.
	CatalogFile(ctx context.Context, sum string) ([]byte, error)
}

// Partial is a Source that was told of the records and may lack some of them. Where their numbers jump, or the content
// of one is not there, it is asked why.
type Partial interface {
	// Lacks says why the records from first to last are not there; "" says that they should be: the chain is broken.
	Lacks(first, last uint64) string
}

// Indexed is a Source that finds where a range begins without reading all that lies before it.
type Indexed interface {
	// Begin says what lies before the first record that happened at a moment or after it.
	Begin(ctx context.Context, at time.Time) (Beginning, error)
}

// Beginning is where a range begins.
type Beginning struct {
	Kept    uint64    // the first record that the source has; 0 = it has none
	KeptAt  time.Time // when that was
	Newest  time.Time // when the last record was
	From    uint64    // the record to read from on; one that is not there reads nothing
	Catalog int64     // version of the catalog that was in force before it; 0 = not known
}

// Order says what is wanted.
type Order struct {
	Store    site.Store
	Zone     *time.Location // of the store
	Stream   string         // of the records
	From, To window.Date    // nights by local date, both included
	AsOf     time.Time      // nothing that is later is told
	By       string         // who asked
	Version  string         // of the program
}

// day is the first moment of a date in the store.
func (o Order) day(d window.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, o.Zone)
}

// check says what is wrong with an order.
func (o Order) check() error {
	switch {
	case o.From.IsZero() || o.To.IsZero():
		return errors.New("a range of nights has two dates")
	case o.To.Compare(o.From) < 0:
		return fmt.Errorf("the nights %s to %s run backwards", o.From, o.To)
	case o.From.AddDays(MaxNights).Compare(o.To) < 0:
		return fmt.Errorf("the nights %s to %s are more than %d: ask for less at once", o.From, o.To, MaxNights)
	}
	return nil
}

// Write writes a pack to w as it is made. An error before the first byte says that there is nothing to show, or that
// the order is wrong; after a later one, what was written is worthless. The manifest
// is returned as it is in the pack.
func Write(ctx context.Context, w io.Writer, src Source, o Order) (Manifest, error) {
	if err := o.check(); err != nil {
		return Manifest{}, err
	}
	s, err := find(ctx, src, o)
	if err != nil {
		return Manifest{}, err
	}
	p := &packer{ctx: ctx, src: src, o: o, span: s, zip: zip.NewWriter(w), m: manifest(o, s)}
	for _, step := range []func() error{p.journal, p.catalogs, p.store, p.account, p.explain, p.seal, p.zip.Close} {
		if err := errors.Join(ctx.Err(), step()); err != nil {
			return p.m, err
		}
	}
	return p.m, nil
}

func manifest(o Order, s span) Manifest {
	return Manifest{
		Schema: Schema, Org: o.Store.Org, Store: o.Store.ID, Name: o.Store.Name, Timezone: o.Zone.String(), Stream: o.Stream,
		Scope: Scope{o.From, o.To}, Records: Records{s.first, s.last, s.count, s.firstAt, s.lastAt},
		Chain: Chain{s.before, s.head}, Nights: []string{}, DataAsOf: o.AsOf.UTC(), GeneratedAt: o.AsOf.UTC(), GeneratedBy: o.By, ProgramVersion: o.Version,
	}
}

// packer writes one pack.
type packer struct {
	ctx         context.Context
	src         Source
	o           Order
	span        span
	zip         *zip.Writer
	m           Manifest
	generations map[int64]*catalog.Proven
	missing     []Missing // catalogs
}

// file begins a file of the pack. It is counted when done is called.
func (p *packer) file(name string) (w io.Writer, done func(), err error) {
	// The same bytes for the same content: no zip carries when it was made.
	raw, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return nil, nil, err
	}
	sum, n := sha256.New(), &counter{}
	return io.MultiWriter(raw, sum, n), func() {
		p.m.Files = append(p.m.Files, FileInfo{Name: name, Size: n.n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	}, nil
}

type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

func (p *packer) add(name string, data []byte) error {
	w, done, err := p.file(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	done()
	return nil
}

// records calls visit for the records of the pack.
func (p *packer) records(visit func(journal.Raw) error) error {
	err := p.src.Records(p.ctx, p.span.first, func(r journal.Raw) error {
		if r.Seq > p.span.last {
			return errEnough
		}
		return visit(r)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (p *packer) journal() error {
	w, done, err := p.file(JournalFile)
	if err != nil {
		return err
	}
	if err := p.records(func(r journal.Raw) error {
		_, err := w.Write(Line(r))
		return err
	}); err != nil {
		return err
	}
	done()
	return nil
}

// Line writes a record as a line of the journal of a pack. The event is at its end, byte for byte as it was hashed; null
// where only the hash is known.
func Line(r journal.Raw) []byte {
	if len(r.Event) == 0 {
		r.Event = []byte("null")
	}
	head := fmt.Sprintf(`{"seq":%d,"prev":"%s","hash":"%s","event":`, r.Seq, r.Prev, r.Hash)
	return slices.Concat([]byte(head), r.Event, []byte("}\n"))
}

// catalogs writes the roots and the generations that were in force, and says which of them are not there.
func (p *packer) catalogs() error {
	p.generations = map[int64]*catalog.Proven{}
	if len(p.span.versions) == 0 {
		return nil
	}
	files, kept, err := p.src.Catalogs(p.ctx)
	if err != nil {
		p.missing = append(p.missing, Missing{"some entries of the kept catalogs", err.Error()})
	}
	roots, err := catalog.ReadRoots(files, nil)
	if err != nil {
		p.missing = append(p.missing, Missing{AllCatalogs, "the roots of this box are not good: " + err.Error()})
		return nil
	}
	contents, list := map[string][]byte{}, []archive.Entry{}
	for _, version := range slices.Sorted(slices.Values(p.span.versions)) {
		e, why := p.generation(roots, kept, version, contents)
		if why != "" {
			p.missing = append(p.missing, Missing{CatalogName(version), why})
			continue
		}
		list = append(list, e)
	}
	for i, data := range files {
		if err := p.add(RootFile(roots.First()+int64(i)), data); err != nil {
			return err
		}
	}
	for _, sum := range slices.Sorted(maps.Keys(contents)) {
		if err := p.add(CatalogFile(sum), contents[sum]); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return p.add(GenerationsFile, append(data, '\n'))
}

// generation finds and verifies one generation and adds its files to contents, or says why it is missing.
func (p *packer) generation(roots catalog.Roots, kept []archive.Entry, version int64, contents map[string][]byte) (archive.Entry, string) {
	i := slices.IndexFunc(kept, func(e archive.Entry) bool { return e.Version == version })
	if i < 0 {
		return archive.Entry{}, "it was not kept: a version of the program from before evidence packs took it, or it was lost"
	}
	own := map[string][]byte{}
	proven, err := roots.Prove(kept[i], func(sum string) ([]byte, error) {
		data, err := p.src.CatalogFile(p.ctx, sum)
		own[sum] = data
		return data, err
	})
	if err != nil {
		return archive.Entry{}, "what is kept of it does not verify: " + err.Error()
	}
	for sum, data := range own {
		contents[sum] = data
	}
	p.generations[version] = proven
	return kept[i], ""
}

// Store is the store of a pack as its pages need it.
type Store struct {
	site.Store
	Timezone string `json:"timezone"`
}

func (p *packer) store() error {
	data, err := json.MarshalIndent(Store{account.Plain(p.o.Store), p.o.Zone.String()}, "", "  ")
	if err != nil {
		return err
	}
	return p.add(StoreFile, append(data, '\n'))
}

// account writes everything that follows from the records.
func (p *packer) account() error {
	nights, err := p.openings()
	if err != nil {
		return err
	}
	p.m.Nights = nights
	p.m.Missing = append(p.span.missing(p.src, p.o, nights), p.missing...)
	a := account.New(p.m.Case(account.Plain(p.o.Store), p.o.Zone, p.generations), p.add)
	if err := p.records(func(r journal.Raw) error {
		if len(r.Event) == 0 {
			return nil
		}
		rec, err := r.Record()
		if err != nil {
			return err
		}
		return a.Take(rec)
	}); err != nil {
		return err
	}
	return a.End()
}

// Case is what the account of a pack is made from, besides its records.
func (m Manifest) Case(store site.Store, zone *time.Location, generations map[int64]*catalog.Proven) account.Case {
	front := dossier.Dossier{
		By: m.GeneratedBy, Version: m.ProgramVersion, Stream: m.Stream, First: m.Records.First, Last: m.Records.Last, Before: m.Chain.Before, Head: m.Chain.Last,
	}
	for _, x := range m.Missing {
		front.Missing = append(front.Missing, dossier.Missing(x))
	}
	return account.Case{Store: store, Zone: zone, From: m.Scope.From, To: m.Scope.To, AsOf: m.DataAsOf, Generations: generations, Front: front}
}

// explain writes how to verify the pack.
func (p *packer) explain() error { return p.add(ExplainFile, []byte(Explain(p.m))) }

// seal writes the manifest and the list of digests, which everything else is in.
func (p *packer) seal() error {
	slices.SortFunc(p.m.Files, func(a, b FileInfo) int { return strings.Compare(a.Name, b.Name) })
	data, err := json.MarshalIndent(p.m, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	listed := slices.Clone(p.m.Files)
	if err := p.add(ManifestFile, data); err != nil {
		return err
	}
	sums := Sums(listed, data)
	err = p.add(SumsFile, sums)
	p.m.Files = listed
	return err
}

// Sums is the list of digests in the form of sha256sum: every file of the manifest, and the manifest.
func Sums(files []FileInfo, manifest []byte) []byte {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.Name)
	}
	fmt.Fprintf(&b, "%s  %s\n", archive.Digest(manifest), ManifestFile)
	return []byte(b.String())
}
