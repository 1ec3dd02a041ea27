package catalog

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// kept puts a built generation into an archive and returns the entry of it.
func kept(t *testing.T, files map[string][]byte, accepted time.Time) (archive.Archive, archive.Entry) {
	t.Helper()
	a := archive.At(t.TempDir())
	if err := a.Keep(archive.Entry{Version: 1, Issued: start, Accepted: accepted, Root: 1}, files); err != nil {
		t.Fatal(err)
	}
	list, err := a.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	return a, list[0]
}

func TestProve(t *testing.T) {
	f := newForge(t)
	f.list("pos", "patches/pos/p1.json", site.Patch{ID: "p1", Owner: "pos", Stores: []string{"0142"}})
	c, files := f.build()
	roots, err := ReadRoots(c.files, c.files[0])
	if err != nil {
		t.Fatal(err)
	}
	a, e := kept(t, files, start.Add(time.Hour))
	p, err := roots.Prove(e, a.File)
	if err != nil {
		t.Fatal(err)
	}
	s := p.Signed["pos"]
	if s.Threshold != 2 || len(s.Keys) != 2 || !strings.Contains(strings.Join(s.Keys, " "), keyID("pos-2")) || strings.Contains(strings.Join(s.Keys, " "), keyID("pos-3")) {
		t.Errorf("signed by %+v", s)
	}
	if p.Manifests["p1"] == "" || p.Catalog.Digest != e.Files["timestamp.json"] || roots.Fingerprint(1) != archive.Digest(c.files[0]) || roots.Version(roots.Fingerprint(1)) != 1 {
		t.Errorf("%+v", p)
	}
	for _, test := range []struct {
		patch, store string
		at           time.Time
		want         string
	}{
		{"p1", "0142", start.Add(2 * time.Hour), ""},
		{"p1", "0143", start.Add(2 * time.Hour), "p1 was not approved for store 0143 in the catalog of version 1"},
		{"p2", "0142", start.Add(2 * time.Hour), "p2 is not signed in the catalog of version 1"},
		{"p1", "0142", start.Add(25 * time.Hour), "the signature of pos on p1 had ended at 2026-11-23T03:30:00Z"},
	} {
		got := ""
		if err := p.Judge(test.patch, test.store, test.at); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestProveRefuses judges a generation as a store would have at the time when it is said to be accepted.
func TestProveRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *forge, e *archive.Entry)
		want   string
	}{
		{"after its signatures ended", func(_ *forge, e *archive.Entry) { e.Accepted = start.Add(48 * time.Hour) }, "expired"},
		{"under a root that is not there", func(_ *forge, e *archive.Entry) { e.Root = 2 }, "it was accepted under root 2, which is not there"},
		{"another version", func(_ *forge, e *archive.Entry) { e.Version = 9 }, "it is version 1 of 2026-11-22T02:30:00Z"},
		{"a file of it is another", func(_ *forge, e *archive.Entry) { e.Files["pos.json"] = e.Files["db.json"] }, "hash verification failed"},
		{"a file of it is missing", func(_ *forge, e *archive.Entry) { delete(e.Files, "fleet.json") }, "fleet.json is not in it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newForge(t)
			c, files := f.build()
			roots, err := ReadRoots(c.files, nil)
			if err != nil {
				t.Fatal(err)
			}
			a, e := kept(t, files, start)
			test.change(f, &e)
			if _, err := roots.Prove(e, a.File); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// rootOf signs a root of a version with the keys of a role of root, as who rotates keys does.
func rootOf(t *testing.T, version int64, keys, signers []string) []byte {
	t.Helper()
	root := metadata.Root(start.Add(24 * time.Hour))
	root.Signed.Version = version
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		for _, k := range keys {
			if err := root.Signed.AddKey(public(k), role); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range signers {
		if _, err := root.Sign(signer(s)); err != nil {
			t.Fatal(err)
		}
	}
	data, err := root.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadRoots(t *testing.T) {
	first := rootOf(t, 1, []string{"a", "b"}, []string{"a", "b"})
	second := rootOf(t, 2, []string{"b", "c"}, []string{"a", "b", "c"})
	third := rootOf(t, 3, []string{"d"}, []string{"b", "d"})
	// Anybody can write an older root that names a key of the second one beside his own.
	forged := rootOf(t, 1, []string{"b", "mallory"}, []string{"mallory"})
	other := rootOf(t, 2, []string{"mallory"}, []string{"mallory"})
	tests := []struct {
		name  string
		files [][]byte
		given []byte
		want  string
	}{
		{"forwards from the first", [][]byte{first, second, third}, first, ""},
		{"back from the second, of which a key signed the first", [][]byte{first, second, third}, second, ""},
		{"back over a root whose keys were all replaced", [][]byte{first, second, third}, third, "root 2 is not signed by enough keys of root 3: give root 2 or an older one, such as the one that the store was set up with"},
		{"the one before the chain", [][]byte{second, third}, first, ""},
		{"the one after the chain", [][]byte{first}, second, ""},
		{"none given", [][]byte{first, second}, nil, ""},
		{"a forged older one", [][]byte{forged, second}, second, "root 1 is not signed by enough keys of root 2: give root 1 or an older one, such as the one that the store was set up with"},
		{"another one", [][]byte{first, other}, second, "the root of version 2 is another one than the given root: all of this was signed under other keys"},
		{"another chain", [][]byte{first, other}, first, "the root after version 1 is not signed by it: "},
		{"too far away", [][]byte{first}, third, "the given root has version 3 and the chain has [1]: give the root of one of these"},
		{"none", nil, nil, "there is no root"},
		{"no root at all", [][]byte{first}, []byte("{}"), "the given root is not usable: "},
		{"rubbish", [][]byte{[]byte(`{"signed":{"_type":"root","roles":{"root":null}}}`)}, nil, "the first root is not usable: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadRoots(test.files, test.given)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestKept keeps every generation that a store goes by, and the one that an older program left.
func TestKept(t *testing.T) {
	c, files := newForge(t).build()
	dir := t.TempDir()
	cat := &Catalog{o: Options{Dir: dir}, chain: c}
	g, err := verifyFiles(c, files)
	if err != nil {
		t.Fatal(err)
	}
	for _, accepted := range []time.Time{start.Add(time.Minute), start.Add(time.Hour)} { // the second time changes nothing
		if err := cat.keep(g, c, accepted); err != nil {
			t.Fatal(err)
		}
	}
	list, err := cat.Kept().List()
	if err != nil || len(list) != 1 || !list[0].Accepted.Equal(start.Add(time.Minute)) || list[0].Root != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	if data, err := cat.Kept().File(list[0].Files["targets.json"]); err != nil || !bytes.Equal(data, files["targets.json"]) {
		t.Errorf("%v", err)
	}
	if len(cat.Roots()) != 1 {
		t.Errorf("%d roots", len(cat.Roots()))
	}
}
