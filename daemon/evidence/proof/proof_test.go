package proof_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// TestProof makes one store with a past for all of the tests: none of them changes it.
func TestProof(t *testing.T) {
	p, err := evidencetest.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, test := range map[string]func(*testing.T, *evidencetest.Past){
		"Good":              testGood,
		"WithoutRoot":       testWithoutRoot,
		"Anchors":           testAnchors,
		"FlippedBit":        testFlippedBit,
		"Truncated":         testTruncated,
		"Forged":            testForged,
		"AddedAndRemoved":   testAddedAndRemoved,
		"OtherRoot":         testOtherRoot,
		"LyingBox":          testLyingBox,
		"HashAlone":         testHashAlone,
		"Gap":               testGap,
		"OtherVersion":      testOtherVersion,
		"NothingOfCatalogs": testNothingOfCatalogs,
	} {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

func pack(t *testing.T, src evidence.Source, o evidence.Order) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.Write(context.Background(), &b, src, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verify(data []byte, o proof.Options) proof.Verdict {
	if o.Version == "" {
		o.Version = "dev"
	}
	return proof.Verify(bytes.NewReader(data), int64(len(data)), o)
}

// said is what a verdict says of a check.
func said(v proof.Verdict, check string) (proof.Outcome, string) {
	for _, c := range v.Checks {
		if c.Check == check {
			return c.Outcome, c.Text
		}
	}
	return "", ""
}

func testGood(t *testing.T, p *evidencetest.Past) {
	v := verify(pack(t, p, p.Order()), proof.Options{Root: p.Root})
	if !v.Good {
		t.Errorf("%+v", v.Checks)
	}
	for check, want := range map[string]string{
		"catalogs":  "2 catalogs, each signed as a store demands it at the time when it was accepted; the journal names the digest of 2",
		"approvals": "3 installations of 1 patch, each approved by enough keys in the catalog that was in force",
		"root":      "1 root, each signed by the one before it",
	} {
		if _, text := said(v, check); text != want {
			t.Errorf("%s: got %q, want %q", check, text, want)
		}
	}
	if !v.Root.Given || v.Root.Version != 1 || v.Root.Fingerprint != archive.Digest(p.Root) {
		t.Errorf("%+v", v.Root)
	}
}

func testWithoutRoot(t *testing.T, p *evidencetest.Past) {
	v := verify(pack(t, p, p.Order()), proof.Options{})
	if !v.Good || v.Root.Given || !strings.HasPrefix(v.Root.Text, "No root was given: trust rests on the pack itself") || !strings.Contains(v.Root.Text, archive.Digest(p.Root)) {
		t.Errorf("%+v %+v", v.Root, v.Checks)
	}
}

func testAnchors(t *testing.T, p *evidencetest.Past) {
	data := pack(t, p, p.Order())
	raw, err := p.Journal.RawSince(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	good := proof.Anchor{Stream: p.Journal.Stream(), Seq: 5, Hash: raw[0].Hash}
	other := good
	other.Hash = strings.Repeat("0", 64)
	far := good
	far.Seq = 5000
	foreign := good
	foreign.Stream = "01KAMB2Q9XN1GHTF1LLSTREAM0"
	for _, test := range []struct {
		anchor proof.Anchor
		want   string
	}{
		{good, "1 of 1 hashes from elsewhere are those of this journal"},
		{other, "record 5 is not the one that is known elsewhere: its hash is " + good.Hash + ", and " + other.Hash + " was kept: this journal was written anew"},
		{far, "the anchor is of record 5000, and the pack has the records 1 to "},
		{foreign, "the anchor is of the journal 01KAMB2Q9XN1GHTF1LLSTREAM0, and this is " + good.Stream},
	} {
		v := verify(data, proof.Options{Root: p.Root, Anchors: []proof.Anchor{test.anchor}})
		if _, text := said(v, "anchor"); !strings.HasPrefix(text, test.want) || v.Good != (test.anchor == good) || v.Anchored != v.Good {
			t.Errorf("got %q, %v", text, v.Good)
		}
	}
	for text, want := range map[string]string{
		"x": `"x" is no anchor: write it as STREAM/SEQ/HASH`, "S/0/" + good.Hash: `"S/0/` + good.Hash + `" is no anchor: write it as STREAM/SEQ/HASH`,
	} {
		if _, err := proof.ParseAnchor(text); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// testAddedAndRemoved changes what is in the zip and leaves the manifest as it is.
func testAddedAndRemoved(t *testing.T, p *evidencetest.Past) {
	list := unpack(t, pack(t, p, p.Order()))
	tests := []struct {
		name  string
		list  []entry
		check string
		want  string
	}{
		{"added", append(slices.Clone(list), entry{"extra.txt", []byte("x")}), "files", "extra.txt is not in the manifest: somebody added it"},
		{"removed", slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.name == "approvals.csv" }), "files", "approvals.csv is missing"},
		{"twice", append(slices.Clone(list), entry{"approvals.csv", []byte("x")}), "zip", "approvals.csv is in the zip twice: which of them counts nobody can say"},
		{"no manifest", slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.name == evidence.ManifestFile }), "manifest", "manifest.json is missing"},
		{"another form", edit(list, evidence.ManifestFile, func(b []byte) []byte { return bytes.Replace(b, []byte("evidence/1"), []byte("evidence/9"), 1) }), "manifest",
			`the manifest has the form "evidence/9", and this nightfill knows evidence/1: use the one that made it (dev)`},
	}
	for _, test := range tests {
		v := verify(repack(t, test.list), proof.Options{Root: p.Root})
		if outcome, got := said(v, test.check); v.Good || outcome != proof.Bad || got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func testOtherRoot(t *testing.T, p *evidencetest.Past) {
	data := pack(t, p, p.Order())
	v := verify(data, proof.Options{Root: p.Other})
	if outcome, got := said(v, "root"); v.Good || outcome != proof.Bad || got != "the root of version 1 is another one than the given root: all of this was signed under other keys" {
		t.Errorf("%s %s", outcome, got)
	}
	if outcome, got := said(v, "approvals"); outcome != proof.NotChecked {
		t.Errorf("%s %s", outcome, got)
	}
	if v.Root.Text != "No root of the catalog could be used." {
		t.Error(v.Root.Text)
	}
}

// forger is a source whose records a test changes before the chain is made: a box that lies from the beginning.
type forger struct {
	*evidencetest.Past
	change func(seq uint64, event []byte) []byte
	drop   bool // it has no catalogs
}

func (f forger) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	prev := ""
	return f.Past.Records(ctx, 0, func(r journal.Raw) error {
		r.Event = f.change(r.Seq, bytes.Clone(r.Event))
		r.Prev = prev
		r.Hash = journal.Hash(r.Seq, prev, r.Event)
		prev = r.Hash
		if r.Seq < from {
			return nil
		}
		return visit(r)
	})
}

func (f forger) Catalogs(ctx context.Context) (roots [][]byte, kept []archive.Entry, err error) {
	roots, kept, err = f.Past.Catalogs(ctx)
	if f.drop {
		kept = nil
	}
	return roots, kept, err
}

// testLyingBox lets a box make a pack that is whole in itself and tells of what was never signed.
func testLyingBox(t *testing.T, p *evidencetest.Past) {
	swap := func(old, with string) func(uint64, []byte) []byte {
		return func(_ uint64, event []byte) []byte { return bytes.ReplaceAll(event, []byte(old), []byte(with)) }
	}
	const first, second = "20261121180000", "20261122180000"
	tests := []struct {
		name  string
		src   forger
		check string
		want  string
	}{
		{"another artifact than was signed", forger{Past: p, change: swap(archive.Digest([]byte("deb")), strings.Repeat("ab", 32))}, "approvals",
			"pos-4.2.1 on till-1 (record 6): what was begun is not what was signed in the catalog of version " + first},
		{"a patch that was never signed", forger{Past: p, change: swap(`pos-4.2.1`, `pos-6.6.6`)}, "approvals",
			"pos-6.6.6 on till-1 (record 6): pos-6.6.6 is not signed in the catalog of version " + first},
		{"a plan from a catalog of later", forger{Past: p, change: swap(`"catalog":`+first, `"catalog":`+second)}, "approvals",
			"pos-4.2.1 on till-1 (record 6): it was planned at 2026-11-22T05:00:00Z from the catalog of version " + second + ", which came later"},
		{"a plan from a catalog that was replaced", forger{Past: p, change: swap(`"catalog":`+second, `"catalog":`+first)}, "approvals",
			"pos-4.2.1 on till-2 (record 27): it was planned from the catalog of version " + first + ", and version " + second + " was in force"},
		{"an installation without a plan", forger{Past: p, change: swap(`{"patch":"pos-4.2.1",`, `{"patch":"other",`)}, "approvals",
			"pos-4.2.1 on till-1 (record 6): no plan in the journal names it"},
		{"no catalog is kept", forger{Past: p, change: swap("", ""), drop: true}, "approvals",
			"pos-4.2.1 on till-1 (record 6): the signed catalog of version " + first + ", from which it was planned, is not in the pack: its approval cannot be shown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := verify(pack(t, test.src, p.Order()), proof.Options{Root: p.Root})
			for _, c := range v.Checks {
				if c.Check != test.check && c.Outcome != proof.Good {
					t.Errorf("%s: %s", c.Check, c.Text)
				}
			}
			if _, got := said(v, test.check); v.Good || !strings.HasPrefix(got, test.want) {
				t.Errorf("%v: got %q\nwant %q", v.Good, got, test.want)
			}
		})
	}
	// An event that no box writes, on which the fold breaks.
	broken := edit(unpack(t, pack(t, p, p.Order())), evidence.JournalFile, func(data []byte) []byte {
		l := lines(data)
		l[5] = bytes.Replace(l[5], []byte(`"kind":"step.started"`), []byte(`"kind":"check.ended"`), 1)
		return bytes.Join(rechain(t, l, 0), nil)
	})
	v := verify(repack(t, reseal(t, broken, func(m *evidence.Manifest) {
		var last journal.Raw
		l := lines(broken[0].data)
		if err := json.Unmarshal(l[len(l)-1], &last); err != nil {
			t.Fatal(err)
		}
		m.Chain.Last = last.Hash
	})), proof.Options{Root: p.Root})
	if outcome, got := said(v, "pages"); outcome != proof.Bad || !strings.HasPrefix(got, "it holds what no nightfill writes: the check broke on it (") {
		t.Errorf("%s %s", outcome, got)
	}
	// What only an anchor finds: the whole journal written anew, with everything in it approved.
	data := pack(t, forger{Past: p, change: swap("till-2", "till-3")}, p.Order())
	if v := verify(data, proof.Options{Root: p.Root}); !v.Good {
		t.Errorf("%+v", v.Checks)
	}
	raw, err := p.Journal.RawSince(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	v = verify(data, proof.Options{Root: p.Root, Anchors: []proof.Anchor{{Stream: p.Journal.Stream(), Seq: 10, Hash: raw[0].Hash}}})
	if outcome, _ := said(v, "anchor"); v.Good || outcome != proof.Bad {
		t.Errorf("a journal that was written anew passes an anchor")
	}
}

// lean is a source that has only the hash of some records, as headquarters of those that were too large to be sent.
type lean struct {
	*evidencetest.Past
	without []uint64
}

func (l lean) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	return l.Past.Records(ctx, from, func(r journal.Raw) error {
		if slices.Contains(l.without, r.Seq) {
			r.Event = nil
		}
		return visit(r)
	})
}

// testHashAlone keeps the chain over records whose content is not known, and passes nothing off as approved.
func testHashAlone(t *testing.T, p *evidencetest.Past) {
	data := pack(t, lean{p, []uint64{1, 8, p.Journal.Last()}}, p.Order())
	v := verify(data, proof.Options{Root: p.Root})
	for check, want := range map[string]string{
		"journal":   "the chain is whole; of 2 of them only the hash is known",
		"approvals": "record 8: only its hash is known: what was begun there cannot be shown; make the pack in the store",
	} {
		if _, got := said(v, check); !strings.Contains(got, want) {
			t.Errorf("%s: got %q", check, got)
		}
	}
	for _, check := range []string{"journal", "catalogs", "pages"} {
		if outcome, got := said(v, check); outcome != proof.Good {
			t.Errorf("%s: %s", check, got)
		}
	}
	if v.Good || len(v.Manifest.Missing) != 2 || v.Manifest.Missing[0].What != "the content of record 8" {
		t.Errorf("%v %+v", v.Good, v.Manifest.Missing)
	}
	hushed := reseal(t, unpack(t, data), func(m *evidence.Manifest) { m.Missing = []evidence.Missing{} })
	if _, got := said(verify(repack(t, hushed), proof.Options{Root: p.Root}), "journal"); got != "record 8 has no content, and the manifest does not name it as missing" {
		t.Errorf("got %q", got)
	}
}

// testOtherVersion says with which program the pages have to be compared.
func testOtherVersion(t *testing.T, p *evidencetest.Past) {
	list := edit(unpack(t, pack(t, p, p.Order())), "report.html", func(b []byte) []byte { return append(b, '\n') })
	v := verify(repack(t, reseal(t, list, nil)), proof.Options{Root: p.Root, Version: "9.9.9"})
	if _, got := said(v, "pages"); !strings.HasSuffix(got, "\nthe pack was made by nightfill dev and this is 9.9.9: compare the pages with the nightfill that made them") {
		t.Errorf("got %q", got)
	}
}

// testNothingOfCatalogs verifies a pack of a time before there was a catalog.
func testNothingOfCatalogs(t *testing.T, p *evidencetest.Past) {
	o := p.Order()
	o.AsOf = time.Date(2026, 11, 22, 4, 59, 0, 0, time.UTC)
	quiet := forger{Past: p, change: func(_ uint64, e []byte) []byte {
		return bytes.Replace(e, []byte("catalog.updated"), []byte("daemon.stopped"), 1)
	}}
	v := verify(pack(t, quiet, o), proof.Options{Root: p.Root})
	if !v.Good {
		t.Errorf("%+v", v.Checks)
	}
	if _, got := said(v, "catalogs"); got != "none was in force" {
		t.Error(got)
	}
}

// holed is a source that was never told some records.
type holed struct {
	*evidencetest.Past
	first, last uint64
	why         string
}

func (h holed) Records(ctx context.Context, from uint64, visit func(journal.Raw) error) error {
	return h.Past.Records(ctx, from, func(r journal.Raw) error {
		if h.first <= r.Seq && r.Seq <= h.last {
			return nil
		}
		return visit(r)
	})
}

// Lacks implements evidence.Partial.
func (h holed) Lacks(uint64, uint64) string { return h.why }

// Begin implements evidence.Indexed.
func (h holed) Begin(context.Context, time.Time) (evidence.Beginning, error) {
	return evidence.Beginning{Kept: 1, From: 2, Catalog: 20261121180000}, nil
}

func testGap(t *testing.T, p *evidencetest.Past) {
	data := pack(t, holed{p, 8, 10, "headquarters never got them"}, p.Order())
	v := verify(data, proof.Options{Root: p.Root})
	for check, want := range map[string]string{
		"journal":   "the chain is whole, but for the records 8 to 10, which are not here: nothing ties what lies before them to what lies after",
		"approvals": "the records 8 to 10: what was begun there cannot be shown; make the pack in the store",
	} {
		if _, got := said(v, check); !strings.Contains(got, want) {
			t.Errorf("%s: got %q", check, got)
		}
	}
	m := v.Manifest
	if v.Good || m.Records.First != 2 || m.Records.Count != m.Records.Last-4 || !slices.Contains(m.Missing, evidence.Missing{What: "the records 8 to 10", Why: "headquarters never got them"}) {
		t.Errorf("%v %+v", v.Good, m)
	}
	hushed := reseal(t, unpack(t, data), func(m *evidence.Manifest) { m.Missing = []evidence.Missing{} })
	if _, got := said(verify(repack(t, hushed), proof.Options{Root: p.Root}), "journal"); got != "record 8 is missing or out of place: record 11 comes after record 7" {
		t.Errorf("got %q", got)
	}
	if _, err := evidence.Write(context.Background(), &bytes.Buffer{}, holed{p, 8, 10, ""}, p.Order()); err == nil || err.Error() != "cannot read the journal: the chain is broken at record 11: see nightfill journal verify" {
		t.Errorf("got %v", err)
	}
}
