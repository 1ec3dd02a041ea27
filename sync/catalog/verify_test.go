package catalog

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/nightfill/nightfill/site"
)

var start = time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)

type targetsMeta = metadata.Metadata[metadata.TargetsType]

// forge makes catalogs that are right but for what a test changes before they are signed.
type forge struct {
	t        *testing.T
	keys     map[string][]string // role -> who signs it
	issued   any
	root     *metadata.Metadata[metadata.RootType]
	targets  *targetsMeta
	roles    map[string]*targetsMeta
	snapshot func(map[string]*metadata.MetaFiles)
	files    map[string][]byte
}

// signer is the key of a name, always the same.
func signer(name string) signature.Signer {
	seed := sha256.Sum256([]byte(name))
	s, err := signature.LoadSigner(ed25519.NewKeyFromSeed(seed[:]), crypto.Hash(0))
	if err != nil {
		panic(err)
	}
	return s
}

func public(name string) *metadata.Key {
	pub, err := signer(name).PublicKey()
	if err != nil {
		panic(err)
	}
	k, err := metadata.KeyFromPublicKey(pub)
	if err != nil {
		panic(err)
	}
	return k
}

func keyID(name string) string {
	id, err := public(name).ID()
	if err != nil {
		panic(err)
	}
	return id
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, keys: map[string][]string{}, issued: start.Format(time.RFC3339), roles: map[string]*targetsMeta{}, files: map[string][]byte{}}
	end := start.Add(24 * time.Hour)
	f.root = metadata.Root(end)
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		f.keys[role] = []string{role + "-1"}
		if err := f.root.Signed.AddKey(public(role+"-1"), role); err != nil {
			t.Fatal(err)
		}
	}
	f.targets = metadata.Targets(end)
	f.targets.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	for _, role := range []string{"fleet", "pos", "db"} {
		paths := site.OwnerPaths(role)
		if role == "fleet" {
			paths = site.FleetPaths
		}
		f.keys[role] = []string{role + "-1", role + "-2"}
		d := metadata.DelegatedRole{Name: role, Threshold: 2, Terminating: true, Paths: []string{paths}}
		for _, k := range append(f.keys[role], role+"-3") {
			f.targets.Signed.Delegations.Keys[keyID(k)] = public(k)
			d.KeyIDs = append(d.KeyIDs, keyID(k))
		}
		f.targets.Signed.Delegations.Roles = append(f.targets.Signed.Delegations.Roles, d)
		f.roles[role] = metadata.Targets(end)
	}
	f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Releases: map[string]site.Release{"p1": {Ring: site.RingLab}}, Withdrawn: map[string]site.Withdrawal{}})
	f.list("pos", "patches/pos/p1.json", site.Patch{ID: "p1", Owner: "pos", Artifacts: []site.Artifact{{Name: "a.deb", SHA256: strings.Repeat("a", 64), Size: 1}}})
	return f
}

// list puts a payload into a role.
func (f *forge) list(role, path string, payload any) {
	data, ok := payload.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(payload); err != nil {
			f.t.Fatal(err)
		}
	}
	t, err := metadata.TargetFile().FromBytes(path, data, "sha256")
	if err != nil {
		f.t.Fatal(err)
	}
	f.roles[role].Signed.Targets[path] = t
	f.files[payloadName(t.Hashes["sha256"].String())] = data
}

func (f *forge) delegation(name string) *metadata.DelegatedRole {
	for i := range f.targets.Signed.Delegations.Roles {
		if f.targets.Signed.Delegations.Roles[i].Name == name {
			return &f.targets.Signed.Delegations.Roles[i]
		}
	}
	f.t.Fatalf("no role %s", name)
	return nil
}

func sign[T metadata.Roles](f *forge, role string, md *metadata.Metadata[T]) []byte {
	f.t.Helper()
	for _, name := range f.keys[role] {
		if _, err := md.Sign(signer(name)); err != nil {
			f.t.Fatal(err)
		}
	}
	data, err := md.ToBytes(false)
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

func listed(data []byte) *metadata.MetaFiles {
	m := metadata.MetaFile(1)
	sum := sha256.Sum256(data)
	m.Length, m.Hashes = int64(len(data)), metadata.Hashes{"sha256": sum[:]}
	return m
}

// build signs everything and returns the chain and the files of a generation.
func (f *forge) build() (chain, map[string][]byte) {
	f.t.Helper()
	files := maps.Clone(f.files)
	end := start.Add(24 * time.Hour)
	rootData := sign(f, "root", f.root)
	sn := metadata.Snapshot(end)
	files["targets.json"] = sign(f, "targets", f.targets)
	sn.Signed.Meta["targets.json"] = listed(files["targets.json"])
	for role, md := range f.roles {
		files[role+".json"] = sign(f, role, md)
		sn.Signed.Meta[role+".json"] = listed(files[role+".json"])
	}
	if f.snapshot != nil {
		f.snapshot(sn.Signed.Meta)
	}
	files["snapshot.json"] = sign(f, "snapshot", sn)
	ts := metadata.Timestamp(end)
	ts.Signed.Meta["snapshot.json"] = listed(files["snapshot.json"])
	if f.issued != nil {
		ts.Signed.UnrecognizedFields = map[string]any{site.IssuedField: f.issued}
	}
	files["timestamp.json"] = sign(f, "timestamp", ts)
	tm, err := trustedmetadata.New(rootData)
	if err != nil {
		f.t.Fatal(err)
	}
	return chain{grow: tm, files: [][]byte{rootData}, roots: []*metadata.Metadata[metadata.RootType]{tm.Root}}, files
}

func verifyFiles(c chain, files map[string][]byte) (*generation, error) {
	return verifySet(c, func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return data, nil
		}
		return nil, fmt.Errorf("%s is missing", name)
	})
}

func TestVerifySet(t *testing.T) {
	g, err := verifyFiles(newForge(t).build())
	if err != nil {
		t.Fatal(err)
	}
	if len(g.catalog.Patches) != 1 || g.catalog.Patches[0].Release.Ring != site.RingLab || !g.catalog.Issued.Equal(start) || len(g.expires) != 4 {
		t.Errorf("generation is %+v", g)
	}
}

// TestExceptions reads who is left without a patch, with the patch that it is about.
func TestExceptions(t *testing.T) {
	f := newForge(t)
	e := site.Exception{Patch: "p1", Devices: []string{"till-1"}, Owner: "pos", Reason: "prints twice", Expires: start}
	other := e
	other.Patch = "p9"
	f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Exceptions: []site.Exception{other, e}})
	g, err := verifyFiles(f.build())
	if err != nil {
		t.Fatal(err)
	}
	if got := g.catalog.Patches[0].Exceptions; len(got) != 1 || got[0].Scope() != "on devices till-1" || !got[0].Expires.Equal(start) {
		t.Errorf("exceptions are %+v", got)
	}
	data, err := json.Marshal(site.Rules{Schema: 1})
	if err != nil || strings.Contains(string(data), "exceptions") || strings.Contains(string(data), "lifted") {
		t.Errorf("rules without exceptions and lifts are %s, %v: a store of an older version refuses that", data, err)
	}
}

// TestRefusesWhatIsSigned changes one thing before it is signed, or who signs.
func TestRefusesWhatIsSigned(t *testing.T) {
	tests := []struct {
		name   string
		change func(*forge)
		want   string
	}{
		{"below threshold", func(f *forge) { f.keys["pos"] = []string{"pos-1"} }, "Verifying pos failed, not enough signatures, got 1, want 2"},
		{"the same key twice", func(f *forge) { f.keys["pos"] = []string{"pos-1", "pos-1"} }, "multiple signatures"},
		{"two ids of one key", func(f *forge) {
			twin := public("pos-1")
			twin.Scheme += "x"
			id, err := twin.ID()
			if err != nil {
				f.t.Fatal(err)
			}
			f.targets.Signed.Delegations.Keys[id] = twin
			f.delegation("pos").KeyIDs = []string{keyID("pos-1"), id}
			f.keys["pos"] = []string{"pos-1"}
			s, err := f.roles["pos"].Sign(signer("pos-1"))
			if err != nil {
				f.t.Fatal(err)
			}
			s.KeyID = id
			f.roles["pos"].Signatures[0].KeyID = id
		}, "not enough signatures, got 1, want 2"},
		{"nobody signs", func(f *forge) { f.keys["pos"] = nil }, "not enough signatures, got 0, want 2"},
		{"another owner signs", func(f *forge) { f.keys["pos"] = []string{"db-1", "db-2"} }, "Verifying pos failed"},
		{"an owner signs the fleet", func(f *forge) { f.keys["fleet"] = []string{"pos-1", "pos-2"} }, "Verifying fleet failed"},
		{"fleet signs targets", func(f *forge) { f.keys["targets"] = []string{"fleet-1"} }, "Verifying targets failed"},
		{"timestamp signs snapshot", func(f *forge) { f.keys["snapshot"] = []string{"timestamp-1"} }, "Verifying snapshot failed"},
		{"snapshot signs timestamp", func(f *forge) { f.keys["timestamp"] = []string{"snapshot-1"} }, "Verifying timestamp failed"},
		{"threshold 0", func(f *forge) { f.delegation("pos").Threshold = 0 }, "insufficient threshold (0)"},
		{"an owner signs another's patch", func(f *forge) { f.list("db", "patches/pos/p2.json", site.Patch{ID: "p2", Owner: "pos"}) }, `role db lists "patches/pos/p2.json", which it may not`},
		{"an owner signs the rules", func(f *forge) { f.list("db", site.RulesTarget, site.Rules{}) }, `role db lists "fleet/rules.json", which it may not`},
		{"dots in a path", func(f *forge) { f.list("pos", "patches/pos/../db/p2.json", site.Patch{}) }, "which it may not"},
		{"deeper path", func(f *forge) { f.list("pos", "patches/pos/x/p2.json", site.Patch{}) }, "which it may not"},
		{"odd id", func(f *forge) { f.list("pos", "patches/pos/P2.json", site.Patch{ID: "P2", Owner: "pos"}) }, "which it may not"},
		{"renamed manifest", func(f *forge) { f.list("pos", "patches/pos/p2.json", site.Patch{ID: "p1", Owner: "pos"}) }, `patches/pos/p2.json is about patch "p1" of owner "pos"`},
		{"manifest of another owner", func(f *forge) { f.list("pos", "patches/pos/p2.json", site.Patch{ID: "p2", Owner: "db"}) }, `is about patch "p2" of owner "db"`},
		{"two owners, one id", func(f *forge) { f.list("db", "patches/db/p1.json", site.Patch{ID: "p1", Owner: "db"}) }, "patch p1 is listed by two owners"},
		{"newer manifest", func(f *forge) {
			f.list("pos", "patches/pos/p2.json", []byte(`{"id":"p2","owner":"pos","forbid":true}`))
		}, `unknown field "forbid"; update Nightfill on this box`},
		{"more after the manifest", func(f *forge) { f.list("pos", "patches/pos/p2.json", []byte(`{"id":"p2","owner":"pos"}{}`)) }, "has more after its end"},
		{"artifact with a path", func(f *forge) {
			f.list("pos", "patches/pos/p2.json", site.Patch{ID: "p2", Owner: "pos", Artifacts: []site.Artifact{{Name: "../../etc/passwd", SHA256: strings.Repeat("a", 64), Size: 1}}})
		}, `names an artifact "../../etc/passwd" that is not usable`},
		{"artifact without digest", func(f *forge) {
			f.list("pos", "patches/pos/p2.json", site.Patch{ID: "p2", Owner: "pos", Rollback: site.Rollback{Artifacts: []site.Artifact{{Name: "a", SHA256: "..", Size: 1}}}})
		}, "is not usable"},
		{"newer rules", func(f *forge) { f.list("fleet", site.RulesTarget, site.Rules{Schema: 2}) }, "fleet/rules.json has form 2, this version knows 1"},
		{"unknown rule", func(f *forge) { f.list("fleet", site.RulesTarget, []byte(`{"schema":1,"freeze":true}`)) }, `unknown field "freeze"`},
		{"unknown ring", func(f *forge) {
			f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Releases: map[string]site.Release{"p1": {Ring: "all"}}})
		}, `releases p1 to ring "all"`},
		{"exception without an end", func(f *forge) {
			f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Exceptions: []site.Exception{{Patch: "p1", Owner: "pos", Reason: "broken"}}})
		}, `fleet/rules.json excepts "p1" without a patch, an owner, a reason or an end`},
		{"exception without an owner", func(f *forge) {
			f.list("fleet", site.RulesTarget, site.Rules{Schema: 1, Exceptions: []site.Exception{{Patch: "p1", Reason: "broken", Expires: start}}})
		}, `fleet/rules.json excepts "p1" without`},
		{"no rules", func(f *forge) { delete(f.roles["fleet"].Signed.Targets, site.RulesTarget) }, "the catalog has no fleet/rules.json"},
		{"other fleet target", func(f *forge) { f.list("fleet", "fleet/stop.json", site.Rules{}) }, "update Nightfill on this box"},
		{"delegated twice", func(f *forge) {
			d := f.targets.Signed.Delegations
			d.Roles = append(d.Roles, *f.delegation("pos"))
		}, "targets delegates twice to pos"},
		{"reserved name", func(f *forge) { f.delegation("db").Name = "snapshot" }, `"snapshot", which is not possible`},
		{"odd name", func(f *forge) { f.delegation("db").Name = "../db" }, `"../db", which is not possible`},
		{"too much allowed", func(f *forge) { f.delegation("db").Paths = []string{"patches/*/*"} }, `targets lets db sign ["patches/*/*"], expected patches/db/* only`},
		{"not terminating", func(f *forge) { f.delegation("db").Terminating = false }, "targets lets db sign"},
		{"targets lists a patch", func(f *forge) {
			f.targets.Signed.Targets["patches/pos/p9.json"] = f.roles["pos"].Signed.Targets["patches/pos/p1.json"]
		}, "must only delegate"},
		{"an owner delegates", func(f *forge) {
			f.roles["pos"].Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}, Roles: []metadata.DelegatedRole{}}
		}, "role pos delegates to other roles"},
		{"role not in the snapshot", func(f *forge) { f.snapshot = func(m map[string]*metadata.MetaFiles) { delete(m, "pos.json") } }, "snapshot does not contain information for pos"},
		{"other version in the snapshot", func(f *forge) { f.snapshot = func(m map[string]*metadata.MetaFiles) { m["pos.json"].Version = 2 } }, "expected pos version 2, got 1"},
		{"not issued", func(f *forge) { f.issued = nil }, "does not say when it was issued"},
		{"issued at a number", func(f *forge) { f.issued = 12 }, "does not say when it was issued"},
		{"issued at no time", func(f *forge) { f.issued = "yesterday" }, `issued at "yesterday", which is not a time`},
		{"issued after its end", func(f *forge) { f.issued = "2030-01-01T00:00:00Z" }, "after it ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newForge(t)
			tt.change(f)
			if g, err := verifyFiles(f.build()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("verifySet = %+v, %v, want %q", g, err, tt.want)
			}
		})
	}
}

// TestEveryByteCounts flips each file of a good generation in many places: nothing verifies.
func TestEveryByteCounts(t *testing.T) {
	c, files := newForge(t).build()
	for name, data := range files {
		for _, at := range []int{0, len(data) / 3, len(data) / 2, len(data) - 1} {
			bad := maps.Clone(files)
			bad[name] = append([]byte(nil), data...)
			bad[name][at] ^= 2
			g, err := verifyFiles(c, bad)
			if err == nil && (len(g.catalog.Patches) != 1 || name != "timestamp.json") {
				t.Errorf("%s with byte %d changed verifies", name, at)
			}
		}
		for _, cut := range [][]byte{nil, data[:len(data)/2], []byte("null"), []byte(`{"signed":{"_type":"targets","targets":{"a":null}}}`)} {
			bad := maps.Clone(files)
			bad[name] = cut
			if _, err := verifyFiles(c, bad); err == nil {
				t.Errorf("%s replaced by %q verifies", name, cut)
			}
		}
	}
}

// FuzzTimestamp feeds anything as the first file that a store parses.
func FuzzTimestamp(f *testing.F) {
	f.Add([]byte(`{"signed":{"_type":"timestamp","meta":{"snapshot.json":null}}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, files := newForge(t).build()
		if string(data) == string(files["timestamp.json"]) {
			return
		}
		files["timestamp.json"] = data
		if g, err := verifyFiles(c, files); err == nil && g.catalog.Version != 1 {
			t.Errorf("a forged timestamp was believed: %+v", g.catalog)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "patches", "ftp://x/", "://"} {
		want := fmt.Sprintf("%q is not the address of a catalog: write https://HOST/PATH/ or file:///PATH/", bad)
		if _, err := newServer(bad, nil, time.Second); err == nil || err.Error() != want {
			t.Errorf("newServer(%q) = %v", bad, err)
		}
	}
}

func TestProvisionedRoot(t *testing.T) {
	dir := t.TempDir()
	_, err := New(Options{Dir: dir, URL: "https://x/", Root: dir + "/root.json"})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot read the provisioned root: ") {
		t.Errorf("no root: %v", err)
	}
	for _, bad := range []string{"", "null", "{}", `{"signatures":[],"signed":{"_type":"root","keys":{"a":null},"roles":{"root":null}}}`} {
		if err := writeFile(dir+"/root.json", []byte(bad)); err != nil {
			t.Fatal(err)
		}
		_, err = New(Options{Dir: dir, URL: "https://x/", Root: dir + "/root.json"})
		if err == nil || !strings.HasSuffix(err.Error(), "; provision the store again") {
			t.Errorf("root %q: %v", bad, err)
		}
	}
}
