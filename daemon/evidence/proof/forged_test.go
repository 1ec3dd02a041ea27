package proof_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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

// entry is a file of a pack that is taken apart.
type entry struct {
	name string
	data []byte
}

func unpack(t *testing.T, data []byte) []entry {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var list []entry
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entry{f.Name, content})
	}
	return list
}

func repack(t *testing.T, list []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range list {
		w, err := z.Create(e.name)
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reseal makes the manifest and the digests agree with the files again, as a forger would.
func reseal(t *testing.T, list []entry, change func(*evidence.Manifest)) []entry {
	t.Helper()
	var m evidence.Manifest
	out := []entry{}
	for _, e := range list {
		switch e.name {
		case evidence.ManifestFile:
			if err := json.Unmarshal(e.data, &m); err != nil {
				t.Fatal(err)
			}
		case evidence.SumsFile:
		default:
			out = append(out, e)
		}
	}
	m.Files = nil
	for _, e := range out {
		m.Files = append(m.Files, evidence.FileInfo{Name: e.name, Size: int64(len(e.data)), SHA256: archive.Digest(e.data)})
	}
	slices.SortFunc(m.Files, func(a, b evidence.FileInfo) int { return strings.Compare(a.Name, b.Name) })
	if change != nil {
		change(&m)
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	return append(out, entry{evidence.ManifestFile, data}, entry{evidence.SumsFile, evidence.Sums(m.Files, data)})
}

func edit(list []entry, name string, change func([]byte) []byte) []entry {
	out := slices.Clone(list)
	for i := range out {
		if out[i].name == name {
			out[i].data = change(bytes.Clone(out[i].data))
		}
	}
	return out
}

// lines are the lines of a text, each with its end.
func lines(data []byte) [][]byte {
	list := bytes.SplitAfter(data, []byte("\n"))
	return list[:len(list)-1]
}

// testFlippedBit changes one bit in each file of a pack: each is named.
func testFlippedBit(t *testing.T, p *evidencetest.Past) {
	list := unpack(t, pack(t, p, p.Order()))
	every := 1
	if testing.Short() {
		every = 4 // the whole of it is in .ci/run
		t.Logf("every fourth of %d files", len(list))
	}
	for i := 0; i < len(list); i += every {
		e := list[i]
		for _, at := range []int{0, len(e.data) / 2, len(e.data) - 1}[i%3 : i%3+1] {
			v := verify(repack(t, edit(list, e.name, func(data []byte) []byte {
				data[at] ^= 1
				return data
			})), proof.Options{Root: p.Root})
			text := ""
			for _, c := range v.Checks {
				if c.Outcome == proof.Bad {
					text += c.Text + "\n"
				}
			}
			if v.Good || !strings.Contains(text, e.name) {
				t.Errorf("%s, byte %d: %v %s", e.name, at, v.Good, text)
			}
		}
	}
}

// testTruncated cuts a pack off at every length.
func testTruncated(t *testing.T, p *evidencetest.Past) {
	data := pack(t, p, p.Order())
	for n := 0; n < len(data); n += 1 + len(data)/20 {
		v := verify(data[:n], proof.Options{Root: p.Root})
		if outcome, text := said(v, "zip"); v.Good || outcome != proof.Bad || !strings.HasPrefix(text, "this is no whole zip file: ") {
			t.Fatalf("%d of %d bytes: %v %s", n, len(data), v.Good, text)
		}
		if outcome, text := said(v, "journal"); outcome != proof.NotChecked || text != "not checked, because of: manifest" {
			t.Errorf("%s %s", outcome, text)
		}
	}
}

// rechain writes the records from a line on anew, so that the chain is whole again.
func rechain(t *testing.T, list [][]byte, from int) [][]byte {
	t.Helper()
	prev, seq := "", uint64(0)
	for i, line := range list {
		var r journal.Raw
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if i >= from {
			r.Seq, r.Prev = seq+1, prev
			r.Hash = journal.Hash(r.Seq, r.Prev, r.Event)
			list[i] = evidence.Line(r)
		}
		prev, seq = r.Hash, r.Seq
	}
	return list
}

// testForged does to a pack what a forger would, and makes digests and manifest agree again.
func testForged(t *testing.T, p *evidencetest.Past) {
	original := unpack(t, pack(t, p, p.Order()))
	last := p.Journal.Last()
	journalled := func(change func([][]byte) [][]byte) func([]entry) []entry {
		return func(list []entry) []entry {
			return edit(list, evidence.JournalFile, func(data []byte) []byte { return bytes.Join(change(lines(data)), nil) })
		}
	}
	without := func(name string) func([]entry) []entry {
		return func(list []entry) []entry {
			return slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return strings.HasPrefix(e.name, name) })
		}
	}
	text := func(name, old, with string) func([]entry) []entry {
		return func(list []entry) []entry {
			return edit(list, name, func(data []byte) []byte {
				if !bytes.Contains(data, []byte(old)) {
					t.Fatalf("%s has no %q", name, old)
				}
				return bytes.ReplaceAll(data, []byte(old), []byte(with))
			})
		}
	}
	tests := []struct {
		name   string
		change func([]entry) []entry
		seal   func(*evidence.Manifest)
		check  string
		want   string
	}{
		{"a record is dropped", journalled(func(l [][]byte) [][]byte { return slices.Delete(l, 6, 7) }), nil, "journal",
			"record 7 is missing or out of place: record 8 comes after record 6"},
		{"two records are swapped", journalled(func(l [][]byte) [][]byte { l[6], l[7] = l[7], l[6]; return l }), nil, "journal",
			"record 7 is missing or out of place: record 8 comes after record 6"},
		{"the first record is dropped", journalled(func(l [][]byte) [][]byte { return l[1:] }), nil, "journal",
			"the journal begins with record 2; the manifest says 1"},
		{"the last record is dropped", journalled(func(l [][]byte) [][]byte { return l[:len(l)-1] }), nil, "journal",
			fmt.Sprintf("the journal ends with record %d; the manifest says %d", last-1, last)},
		{"a record is changed", journalled(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`"outcome":"ok"`), []byte(`"outcome":"no"`), 1)
			return l
		}), nil, "journal", "record 7 was changed: it says that its hash is "},
		{"a record is changed and the chain made anew", journalled(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte("till-1"), []byte("till-2"), 1)
			return rechain(t, l, 6)
		}), nil, "journal", "the hash of the last record is "},
		{"a record is changed with its own hash", journalled(func(l [][]byte) [][]byte {
			after := slices.Clone(l[7])
			l = rechain(t, append(l[:6:6], append([][]byte{bytes.Replace(l[6], []byte("till-1"), []byte("till-2"), 1)}, l[7:]...)...), 6)
			l[7] = after
			return l
		}), nil, "journal", "record 8 does not follow record 7: it names "},
		{"a record is forged after the end", journalled(func(l [][]byte) [][]byte {
			return rechain(t, append(l, slices.Clone(l[2])), len(l))
		}), nil, "journal", fmt.Sprintf("the journal goes on with record %d; the manifest says that it ends with %d", last+1, last)},
		{"something is smuggled into a line", journalled(func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte(`{"seq"`), []byte(`{"more":1,"seq"`), 1)
			return l
		}), nil, "journal", "line 4 of journal.jsonl holds more than a record"},
		{"the journal is rubbish", func(l []entry) []entry {
			return edit(l, evidence.JournalFile, func([]byte) []byte { return []byte("hello\n") })
		}, nil, "journal", "line 1 of journal.jsonl is no record: "},
		{"a line of the table says that all went well", text("devices-patches.csv", "done", "gone"), nil, "pages",
			"devices-patches.csv does not follow from the journal: made anew it is another"},
		{"a night report is prettier", text("nights/2026-11-21.html", "rolled back", "done"), nil, "pages",
			"nights/2026-11-21.html does not follow from the journal: made anew it is another"},
		{"the explanation is another", text("VERIFY.txt", "evidence verify", "evidence believe"), nil, "pages",
			"VERIFY.txt does not follow from the journal: made anew it is another"},
		{"a page is left out", without("nights/2026-11-21.html"), nil, "pages", "nights/2026-11-21.html follows from the journal and is missing"},
		{"a page is added", func(l []entry) []entry { return append(slices.Clone(l), entry{"praise.html", []byte("good")}) }, nil, "pages",
			"praise.html does not follow from the journal: no pack has such a file"},
		{"a night is hushed up", func(l []entry) []entry { return l }, func(m *evidence.Manifest) { m.Scope.To = m.Scope.To.AddDays(1) }, "manifest",
			"the manifest neither tells of the night of 2026-11-23 nor names it as missing"},
		{"the data is older than it", func(l []entry) []entry { return l }, func(m *evidence.Manifest) { m.DataAsOf = m.Records.FirstAt; m.GeneratedAt = m.DataAsOf }, "manifest",
			"the times of the manifest do not agree: nothing in a pack is later than its data_as_of"},
		{"the first record is of another time", func(l []entry) []entry { return l }, func(m *evidence.Manifest) { m.Records.FirstAt = m.Records.FirstAt.Add(-time.Hour) }, "journal",
			"the first and the last record are of other times than the manifest says"},
		{"a night is denied", func(l []entry) []entry { return l }, func(m *evidence.Manifest) {
			m.Nights = m.Nights[:1]
			m.Missing = []evidence.Missing{{What: "the night of 2026-11-22", Why: "lost"}}
		}, "pages",
			"the journal tells the nights 2026-11-21 2026-11-22, the manifest 2026-11-21"},
		{"the store is another", text(evidence.StoreFile, `"id": "0142"`, `"id": "0143"`), nil, "pages", "store.json speaks of store 0143 of acme, the manifest of store 0142 of acme"},
		{"nothing but the seal is new", slices.Clone[[]entry], nil, "", ""},
		{"all catalogs are left out", without("catalog/files"), nil, "catalogs", "the catalog of version "},
		{"the catalogs are denied", without("catalog/"), nil, "root", "the pack has no signed catalog, and no root"},
		{"a signed file is another", func(l []entry) []entry {
			return slices.Collect(func(yield func(entry) bool) {
				for _, e := range l {
					if bytes.Contains(e.data, []byte(`"id":"pos-4.2.1"`)) && strings.HasPrefix(e.name, "catalog/files/") {
						e.data = bytes.Replace(e.data, []byte("POS 4.2.1"), []byte("POS 6.6.6"), 1)
					}
					if !yield(e) {
						return
					}
				}
			})
		}, nil, "catalogs", "the catalog of version "},
		{"a file of no catalog is added", func(l []entry) []entry {
			return append(slices.Clone(l), entry{evidence.CatalogFile(archive.Digest([]byte("x"))), []byte("x")})
		}, nil, "catalogs", evidence.CatalogFile(archive.Digest([]byte("x"))) + " belongs to no catalog of catalog/generations.json"},
		{"a catalog is said to be accepted late", text(evidence.GenerationsFile, `"accepted": "2026-11-22T03:00:00Z"`, `"accepted": "2026-12-22T03:00:00Z"`), nil, "catalogs", "the catalog of version "},
		{"a catalog is said to be accepted after it was in force", text(evidence.GenerationsFile, `"accepted": "2026-11-22T03:00:00Z"`, `"accepted": "2026-11-22T04:00:00Z"`), nil, "catalogs",
			"the catalog of version 20261121180000 came into force with record 1 at 2026-11-22T03:00:01Z, and is said to be accepted only at 2026-11-22T04:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := verify(repack(t, reseal(t, test.change(original), test.seal)), proof.Options{Root: p.Root})
			if test.check == "" {
				if !v.Good {
					t.Errorf("a pack that was only sealed again is not good: %+v", v.Checks)
				}
				return
			}
			if outcome, got := said(v, "files"); test.check != "manifest" && outcome != proof.Good {
				t.Fatalf("the forger did not do his work: %s", got)
			}
			if _, got := said(v, test.check); v.Good || !strings.HasPrefix(got, test.want) {
				t.Errorf("%v %s: got %q\nwant %q", v.Good, test.check, got, test.want)
			}
		})
	}
}
