package publish

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/keyfile"
)

var now = time.Date(2026, 11, 22, 2, 30, 1, 0, time.UTC)

// company makes a catalog with one patch, which its owner has signed.
func company(t *testing.T) (r *Repo, tmp string, ring *keyfile.Folder) {
	t.Helper()
	tmp = t.TempDir()
	dir, keys := filepath.Join(tmp, "hq"), filepath.Join(tmp, "keys")
	ring, err := keyfile.Open(keys, keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := Init(InitOptions{Dir: dir, KeyDir: keys, Keys: ring, Now: now}); err != nil {
		t.Fatal(err)
	}
	r, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	deb := filepath.Join(tmp, "pos_4.2.1_all.deb")
	if err := os.WriteFile(deb, []byte("deb"), 0o600); err != nil {
		t.Fatal(err)
	}
	artifact := site.Artifact{Name: "pos_4.2.1_all.deb", SHA256: digest([]byte("deb")), Size: 3}
	patch := site.Patch{ID: "pos-4.2.1", Title: "POS", Install: site.Install{Kind: site.InstallDeb}, Artifacts: []site.Artifact{artifact}, Owner: "owner"}
	if err := r.Add(patch, map[string]string{artifact.SHA256: deb}); err != nil {
		t.Fatal(err)
	}
	owner, err := keyfile.Read(filepath.Join(keys, "owner-1"), keyfile.FixedPassword(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sign(owner, now, nil); err != nil {
		t.Fatal(err)
	}
	return r, tmp, ring
}

func TestThinPath(t *testing.T) {
	r, tmp, ring := company(t)
	if err := r.Release("pos-4.2.1", site.RingFleet, nil); err != nil {
		t.Fatal(err)
	}
	out, err := r.Publish(context.Background(), Options{Out: filepath.Join(tmp, "out"), Keys: ring, Now: now})
	if err != nil || len(out.Patches) != 1 || len(out.Waiting) != 0 {
		t.Fatalf("published %+v, %v", out, err)
	}
}
