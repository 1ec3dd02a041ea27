package publish

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

func TestThinPath(t *testing.T) {
	tmp := t.TempDir()
	now := time.Date(2026, 11, 22, 2, 30, 1, 0, time.UTC)
	dir, keys := filepath.Join(tmp, "hq"), filepath.Join(tmp, "keys")
	if err := Init(InitOptions{Dir: dir, KeyDir: keys, Password: FixedPassword(""), Now: now}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(tmp, "pos_4.2.1_all.deb"), []byte("deb"), 0o644)
	os.WriteFile(filepath.Join(tmp, "patch.yaml"), []byte("id: pos-4.2.1\ntitle: POS\ninstall: {kind: deb}\nartifacts: [pos_4.2.1_all.deb]\n"), 0o644)
	if _, err := r.Add(filepath.Join(tmp, "patch.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sign(filepath.Join(keys, "owner-1"), FixedPassword(""), now, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Release("pos-4.2.1", site.RingFleet, nil); err != nil {
		t.Fatal(err)
	}
	out, err := r.Publish(context.Background(), Options{Out: filepath.Join(tmp, "out"), Password: FixedPassword(""), Now: now})
	if err != nil || len(out.Patches) != 1 || len(out.Waiting) != 0 {
		t.Fatalf("published %+v, %v", out, err)
	}
}
