package proof

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// StoreVerdict is the outcome of the checks of one store's pack inside of another.
type StoreVerdict struct {
	Store  string  `json:"store"`
	Stream string  `json:"stream"`
	File   string  `json:"file"`
	Good   bool    `json:"good"`
	Text   string  `json:"text"` // in one line, or one for each thing that is not good
	Checks []Check `json:"checks"`
	root   Trust
}

// fleetVerifier checks a pack of many stores.
type fleetVerifier struct {
	*verifier
	from       io.ReaderAt
	m          fleetpack.Manifest
	exceptions []fleetpack.Exception
	named      map[place]map[uint64]string // hashes that the table of compliance names, by record
}

// place is one history of a store.
type place struct {
	store string
	no    string
}

// fleet checks a pack of many stores, of which the zip was opened.
func (v *verifier) fleet(r io.ReaderAt) {
	f := &fleetVerifier{verifier: v, from: r, named: map[place]map[uint64]string{}}
	v.check("manifest", f.readManifest, []string{"zip"})
	v.check("files", v.files, []string{"manifest"})
	v.check("deeds", f.deeds, []string{"manifest"})
	v.check("pages", f.pages, []string{"manifest"})
	v.check("compliance", f.compliance, []string{"manifest"})
	v.check("stores", f.stores, []string{"manifest"})
	if len(v.o.Anchors) > 0 {
		v.check(Anchored, f.anchored, []string{"manifest"})
	}
	f.trust()
}

func (f *fleetVerifier) readManifest() (string, error) {
	data, err := f.read(evidence.ManifestFile)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(data, &f.m); err != nil {
		return "", fmt.Errorf("%s is not readable: %v", evidence.ManifestFile, err)
	}
	f.verdict.Fleet = &f.m
	f.verifier.m.Files = f.m.Files // for the check of the files
	if !f.m.GeneratedAt.Equal(f.m.DataAsOf) {
		return "", errors.New("the times of the manifest do not agree: nothing in a pack is later than its data_as_of")
	}
	text := fmt.Sprintf("%s of %s, nights %s to %s, data as of %s", count(len(f.m.Stores), "journal of a store", "journals of stores"), f.m.Org, f.m.Scope.From, f.m.Scope.To, f.m.DataAsOf.Format("2006-01-02 15:04:05Z07:00"))
	if n := len(f.m.Missing); n > 0 {
		text += fmt.Sprintf("; it names %d as missing", n)
	}
	return text, nil
}

// lines calls visit for each line of a file.
func (f *fleetVerifier) lines(name string, visit func(line []byte) error) error {
	file := f.find(name)
	if file == nil {
		return fmt.Errorf("%s is missing", name)
	}
	r, err := file.Open()
	if err != nil {
		return fmt.Errorf("%s cannot be read: %v", name, err)
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		if err := visit(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s cannot be read to its end: %v", name, err)
	}
	return nil
}

// deeds computes the chain of the audit log anew.
func (f *fleetVerifier) deeds() (string, error) {
	var d fleetpack.Deeds
	err := f.lines(fleetpack.DeedsFile, func(line []byte) error {
		var x board.Deed
		if err := json.Unmarshal(line, &x); err != nil {
			return fmt.Errorf("a line of %s is no line of an audit log: %v", fleetpack.DeedsFile, err)
		}
		switch {
		case !bytes.Equal(fleetpack.Line(x), append(slices.Clone(line), '\n')):
			return fmt.Errorf("line %d of the audit log holds more than one", x.Seq)
		case d.Count > 0 && (x.Seq != d.Last+1 || x.Prev != d.Head):
			return fmt.Errorf("line %d of the audit log does not follow line %d: one was left out, moved or changed", x.Seq, d.Last)
		case x.Sum() != x.Hash:
			return fmt.Errorf("line %d of the audit log was changed: its content makes another hash", x.Seq)
		case x.At.After(f.m.DataAsOf):
			return fmt.Errorf("line %d of the audit log is later than the data_as_of of the manifest", x.Seq)
		case d.Count == 0:
			d.First, d.Before = x.Seq, x.Prev
		}
		d.Last, d.Head, d.Count = x.Seq, x.Hash, d.Count+1
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case d != f.m.Deeds:
		return "", fmt.Errorf("the audit log has the lines %d to %d; the manifest says %d to %d, and which hashes", d.First, d.Last, f.m.Deeds.First, f.m.Deeds.Last)
	case d.Count == 0:
		return "nothing is in the audit log of these days", nil
	}
	return fmt.Sprintf("%s of headquarters' audit log, %d to %d: the chain is whole", count(d.Count, "line", "lines"), d.First, d.Last), nil
}

// pages makes everything anew that follows from the manifest and the register.
func (f *fleetVerifier) pages() (string, error) {
	data, err := f.read(fleetpack.ExceptionsFile)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(data, &f.exceptions); err != nil {
		return "", fmt.Errorf("%s is not readable: %v", fleetpack.ExceptionsFile, err)
	}
	page, err := fleetpack.Report(f.m, f.exceptions)
	if err != nil {
		return "", err
	}
	made := map[string][]byte{
		fleetpack.ReportFile: page, fleetpack.ExceptionsCSVFile: fleetpack.ExceptionsCSV(f.exceptions), evidence.ExplainFile: []byte(fleetpack.Explain(f.m)),
	}
	for name, want := range made {
		have, readErr := f.read(name)
		if readErr != nil {
			err = errors.Join(err, readErr)
		} else if !bytes.Equal(have, want) {
			err = errors.Join(err, fmt.Errorf("%s does not follow from %s and %s: made anew it is another", name, evidence.ManifestFile, fleetpack.ExceptionsFile))
		}
	}
	if err != nil && f.o.Version != f.m.ProgramVersion {
		err = errors.Join(err, fmt.Errorf("the pack was made by nightfill-hq %s and this is %s: compare the pages with the nightfill of that version", f.m.ProgramVersion, f.o.Version))
	}
	return "the front page and the table of exceptions, made anew: the same", err
}

// stores checks the pack of each store. So many are checked at a time as there are processors.
func (f *fleetVerifier) stores() (string, error) {
	listed, good := map[string]bool{}, 0
	for some := range slices.Chunk(f.m.Stores, max(2, runtime.GOMAXPROCS(0))) {
		verdicts := make([]StoreVerdict, len(some))
		var all sync.WaitGroup
		for i, s := range some {
			all.Go(func() { verdicts[i] = f.guardedStore(s) })
		}
		all.Wait()
		for i, s := range some {
			if listed[s.File] {
				return "", fmt.Errorf("the manifest names %s twice", s.File)
			}
			listed[s.File] = true
			if verdicts[i].Good {
				good++
			}
		}
		f.verdict.Stores = append(f.verdict.Stores, verdicts...)
	}
	for _, z := range f.zip.File {
		if strings.HasPrefix(z.Name, fleetpack.StoreFolder) && !listed[z.Name] {
			return "", fmt.Errorf("%s is of no store of the manifest", z.Name)
		}
	}
	if bad := len(f.m.Stores) - good; bad > 0 {
		return "", fmt.Errorf("%d of %d are good evidence, %d are not", good, len(f.m.Stores), bad)
	}
	return fmt.Sprintf("%d of %d are good evidence", good, len(f.m.Stores)), nil
}

// guardedStore is store for what a stranger wrote.
func (f *fleetVerifier) guardedStore(s fleetpack.Store) StoreVerdict {
	out := StoreVerdict{Store: s.Store, Stream: s.Stream, File: s.File}
	_, err := guarded(func() (string, error) {
		out = f.store(s)
		return "", nil
	})
	if err != nil {
		out.Text = err.Error()
	}
	return out
}

// store checks the pack of one store.
func (f *fleetVerifier) store(s fleetpack.Store) StoreVerdict {
	out := StoreVerdict{Store: s.Store, Stream: s.Stream, File: s.File}
	inner, err := f.inner(s)
	if err != nil {
		out.Text = err.Error()
		return out
	}
	o := f.o
	o.Anchors = slices.DeleteFunc(slices.Clone(o.Anchors), func(a Anchor) bool { return a.Stream != s.Stream })
	o.named = f.named[place{s.Store, fmt.Sprint(s.No)}]
	v := Verify(inner, inner.Size(), o)
	out.Good, out.Checks, out.root = v.Good, v.Checks, v.Root
	var text []string
	for _, c := range v.Checks {
		if c.Outcome == Bad {
			text = append(text, c.Check+": "+c.Text)
		}
	}
	if m := v.Manifest; m != nil {
		same := m.Store == s.Store && m.Org == f.m.Org && m.Stream == s.Stream && sameRecords(m.Records, s.Records) && m.Chain == s.Chain && m.Scope == f.m.Scope &&
			m.DataAsOf.Equal(f.m.DataAsOf) && slices.Equal(m.Nights, s.Nights) && len(m.Missing) == s.Missing
		if !same {
			out.Good = false
			text = append(text, "it is not the pack that the manifest describes")
		}
		if len(text) == 0 {
			text = append(text, fmt.Sprintf("records %d to %d, %s; %s", m.Records.First, m.Records.Last, count(len(m.Nights), "night", "nights"), said(v, "approvals")))
		}
	} else if v.Fleet != nil {
		out.Good = false
		text = append(text, "it is a pack of many stores and not of one")
	}
	out.Text = strings.Join(text, "\n")
	return out
}

func sameRecords(a, b evidence.Records) bool {
	return a.First == b.First && a.Last == b.Last && a.Count == b.Count && a.FirstAt.Equal(b.FirstAt) && a.LastAt.Equal(b.LastAt)
}

func said(v Verdict, check string) string {
	for _, c := range v.Checks {
		if c.Check == check {
			return c.Text
		}
	}
	return ""
}

// inner is the pack of a store where it lies in the zip.
func (f *fleetVerifier) inner(s fleetpack.Store) (*io.SectionReader, error) {
	z := f.find(s.File)
	switch {
	case z == nil:
		return nil, fmt.Errorf("%s is missing: the manifest says that the pack has it", s.File)
	case s.File != fleetpack.StoreFile(s.Store, s.No):
		return nil, fmt.Errorf("%s is not where the pack of store %s lies", s.File, s.Store)
	case z.Method != zip.Store:
		return nil, fmt.Errorf("%s was packed anew: take it out and check it alone", s.File)
	}
	at, err := z.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %v", s.File, err)
	}
	return io.NewSectionReader(f.from, at, int64(z.UncompressedSize64)), nil
}

// anchored holds every anchor to a journal of the pack.
func (f *fleetVerifier) anchored() (string, error) {
	var wrong []error
	for _, a := range f.o.Anchors {
		i := slices.IndexFunc(f.m.Stores, func(s fleetpack.Store) bool { return s.Stream == a.Stream })
		if i < 0 {
			wrong = append(wrong, fmt.Errorf("the anchor is of the journal %s, and no store of the pack has it", a.Stream))
			continue
		}
		for _, c := range f.verdict.Stores[i].Checks {
			if c.Check == Anchored && c.Outcome != Good {
				wrong = append(wrong, fmt.Errorf("store %s: %s", f.m.Stores[i].Store, c.Text))
			}
		}
	}
	f.verdict.Anchored = len(wrong) == 0
	return fmt.Sprintf("%d of %d hashes from elsewhere are those of these journals", len(f.o.Anchors), len(f.o.Anchors)), errors.Join(wrong...)
}

// trust says on which root everything rests: without a given one, all stores must rest on the same.
func (f *fleetVerifier) trust() {
	t := &f.verdict.Root
	t.Given = f.o.Root != nil
	if t.Given {
		t.Fingerprint = archive.Digest(f.o.Root)
	}
	t.Text = "No root of the catalog could be used."
	for _, s := range f.verdict.Stores {
		switch {
		case s.root.Version == 0:
		case t.Version == 0:
			*t = s.root
		case t.Fingerprint != s.root.Fingerprint:
			f.add("root", Bad, fmt.Sprintf("store %s rests on another root than the stores before it: give the public root with --root", s.Store))
			return
		}
	}
}
