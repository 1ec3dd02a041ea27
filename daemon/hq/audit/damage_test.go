package audit_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/daemon/evidence/proof"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// entry is a file of a pack that is taken apart.
type entry struct {
	name   string
	method uint16
	data   []byte
}

func takeApart(t *testing.T, data []byte) []entry {
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
		list = append(list, entry{f.Name, f.Method, content})
	}
	return list
}

func putTogether(t *testing.T, list []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range list {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
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

// edit changes one file.
func edit(list []entry, name string, change func([]byte) []byte) []entry {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, func(e entry) bool { return e.name == name })
	list[i].data = change(slices.Clone(list[i].data))
	return list
}

// reseal makes the digests those of what is there, as a forger would, and the manifest what change makes of it.
func reseal(t *testing.T, list []entry, change func(*fleetpack.Manifest)) []entry {
	t.Helper()
	var m fleetpack.Manifest
	var sealed []byte
	list = edit(list, evidence.ManifestFile, func(data []byte) []byte {
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(&m)
		}
		m.Files = nil
		for _, e := range list {
			if e.name != evidence.ManifestFile && e.name != evidence.SumsFile {
				m.Files = append(m.Files, evidence.FileInfo{Name: e.name, Size: int64(len(e.data)), SHA256: archive.Digest(e.data)})
			}
		}
		sealed, _ = json.Marshal(m)
		return sealed
	})
	return edit(list, evidence.SumsFile, func([]byte) []byte { return evidence.Sums(m.Files, sealed) })
}

func replace(old, by string) func([]byte) []byte {
	return func(data []byte) []byte { return bytes.Replace(data, []byte(old), []byte(by), 1) }
}

func TestDamage(t *testing.T) {
	h := hear(t)
	h.send(t, "0142", nil)
	h.send(t, "0143", nil)
	for _, actor := range []string{"a", "b", "c"} {
		h.deed(t, evidencetest.AsOf().AddDate(0, 0, -1), actor)
	}
	h.except(t)
	_, data := h.pack(t, order())
	list := takeApart(t, data)
	const inner = "stores/0143/1.zip"
	innerEdit := func(name string, change func([]byte) []byte) []entry {
		return reseal(t, edit(list, inner, func(pack []byte) []byte { return putTogether(t, edit(takeApart(t, pack), name, change)) }), nil)
	}
	tests := []struct {
		name        string
		list        []entry
		check, want string
		store       string // what is said of the second one
	}{
		{"bit", edit(list, inner, func(b []byte) []byte { b[len(b)/3] ^= 1; return b }), "files", "bad: " + inner + " was changed: its SHA-256 is ", ""},
		{"store dropped", slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.name == inner }), "stores", "bad: 1 of 2 are good evidence, 1 are not", inner + " is missing: the manifest says that the pack has it"},
		{"record changed", innerEdit("journal.jsonl", replace(`"outcome":"ok"`, `"outcome":"no"`)), "stores", "bad: 1 of 2 are good evidence, 1 are not", "files: journal.jsonl was changed"},
		{"another store", reseal(t, edit(list, inner, func([]byte) []byte { return list[0].data }), nil), "stores", "bad: 1 of 2", "it is not the pack that the manifest describes"},
		{"store added", reseal(t, append(slices.Clone(list), entry{"stores/0999/1.zip", zip.Store, list[0].data}), nil), "stores", "bad: stores/0999/1.zip is of no store of the manifest", ""},
		{"packed anew", reseal(t, func() []entry { l := slices.Clone(list); l[1].method = zip.Deflate; return l }(), nil), "stores", "bad: 1 of 2", inner + " was packed anew: take it out and check it alone"},
		{"not a pack", reseal(t, edit(list, inner, func([]byte) []byte { return []byte("x") }), nil), "stores", "bad: 1 of 2", "zip: this is no whole zip file"},
		{"a pack of many inside", reseal(t, edit(list, inner, func([]byte) []byte { return data }), nil), "stores", "bad: 1 of 2", "it is a pack of many stores and not of one"},
		{"deed changed", reseal(t, edit(list, "deeds.jsonl", replace(`"actor":"b"`, `"actor":"x"`)), nil), "deeds", "bad: line 2 of the audit log was changed: its content makes another hash", ""},
		{"deed dropped", reseal(t, edit(list, "deeds.jsonl", func(b []byte) []byte {
			lines := bytes.SplitAfter(b, []byte("\n"))
			return slices.Concat(lines[0], lines[2])
		}), nil), "deeds", "bad: line 3 of the audit log does not follow line 1: one was left out, moved or changed", ""},
		{"last deed dropped", reseal(t, edit(list, "deeds.jsonl", func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }), nil), "deeds", "bad: the audit log has the lines 1 to 2; the manifest says 1 to 3", ""},
		{"exception hidden", reseal(t, edit(list, "exceptions.json", func([]byte) []byte { return []byte("[]\n") }), nil), "pages", "bad: ", ""},
		{"result changed", reseal(t, edit(list, "compliance.csv", replace(",verified,installed,", ",verified,missing,")), nil), "compliance", "bad: compliance.csv has 4 rows and other results than the manifest says: 4 rows", ""},
		{"row twice", reseal(t, edit(list, "compliance.csv", replace("0143/till-2", "0143/till-1")), nil), "compliance", "bad: compliance.csv has pos-4.2.1 on 0143/till-1 twice", ""},
		{"proof forged", reseal(t, edit(list, "compliance.csv", func(b []byte) []byte {
			at := bytes.Index(b, []byte("\r\n0143"))
			hash := bytes.Index(b[at:], []byte(",installed,,")) + at + len(",installed,,")
			copy(b[hash:], strings.Repeat("0", 64))
			return b
		}), nil), "stores", "bad: 1 of 2", "journal: record 30 is not the one that the table of compliance names as its proof: its hash is "},
		{"later", reseal(t, list, func(m *fleetpack.Manifest) { m.GeneratedAt = m.GeneratedAt.AddDate(0, 0, 1) }), "manifest", "bad: the times of the manifest do not agree", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := h.verify(putTogether(t, test.list))
			if got := said(v, test.check); v.Good || !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: got %q", test.check, got)
			}
			if test.store != "" && !strings.HasPrefix(v.Stores[1].Text, test.store) {
				t.Errorf("store: got %q", v.Stores[1].Text)
			}
		})
	}
	t.Run("cut off", func(t *testing.T) {
		if v := h.verify(data[:len(data)/2]); v.Good || !strings.HasPrefix(said(v, "zip"), "bad: this is no whole zip file") {
			t.Errorf("%+v", v.Checks)
		}
	})
	t.Run("other root", func(t *testing.T) {
		v := proof.Verify(bytes.NewReader(data), int64(len(data)), proof.Options{Root: h.Other, Version: "dev"})
		if v.Good || !strings.HasPrefix(v.Stores[0].Text, "root: the root of version 1 is another one than the given root") {
			t.Errorf("%+v", v.Stores)
		}
	})
	t.Run("anchors", func(t *testing.T) { h.anchors(t, data) })
}

func (h *headquarters) anchors(t *testing.T, data []byte) {
	raw, err := h.Journal.RawSince(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	good := proof.Anchor{Stream: h.Journal.Stream(), Seq: 5, Hash: raw[0].Hash}
	other, foreign := good, good
	other.Hash, foreign.Stream = strings.Repeat("0", 64), "elsewhere"
	for _, test := range []struct {
		anchor proof.Anchor
		want   string
	}{
		{good, "good: 1 of 1 hashes from elsewhere are those of these journals"},
		{other, "bad: store 0142: record 5 is not the one that is known elsewhere"},
		{foreign, "bad: the anchor is of the journal elsewhere, and no store of the pack has it"},
	} {
		v := proof.Verify(bytes.NewReader(data), int64(len(data)), proof.Options{Root: h.Root, Version: "dev", Anchors: []proof.Anchor{test.anchor}})
		if got := said(v, "anchor"); !strings.HasPrefix(got, test.want) || v.Good != (test.anchor == good) || v.Anchored != v.Good {
			t.Errorf("got %q, %v", got, v.Good)
		}
	}
}
