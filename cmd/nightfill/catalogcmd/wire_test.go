package catalogcmd

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/publish"
)

func TestStoreSeesWhatWasPublished(t *testing.T) {
	tmp := t.TempDir()
	now := time.Date(2026, 11, 22, 2, 30, 1, 0, time.UTC)
	dir, keys, out := filepath.Join(tmp, "hq"), filepath.Join(tmp, "keys"), filepath.Join(tmp, "out")
	free := publish.FixedPassword("")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(publish.Init(publish.InitOptions{Dir: dir, KeyDir: keys, Password: free, Now: now}))
	hq, err := publish.Open(dir)
	check(err)
	check(os.WriteFile(filepath.Join(tmp, "pos_4.2.1_all.deb"), []byte("deb"), 0o644))
	check(os.WriteFile(filepath.Join(tmp, "patch.yaml"), []byte("id: pos-4.2.1\ntitle: POS\ninstall: {kind: deb}\nartifacts: [pos_4.2.1_all.deb]\n"), 0o644))
	_, err = hq.Add(filepath.Join(tmp, "patch.yaml"))
	check(err)
	_, err = hq.Sign(filepath.Join(keys, "owner-1"), free, now, nil)
	check(err)
	check(hq.Release("pos-4.2.1", site.RingFleet, nil))
	verify := func(ctx context.Context, files fs.FS, root []byte, now time.Time) error {
		_, err := catalog.Verify(ctx, "", files, root, now)
		return err
	}
	_, err = hq.Publish(t.Context(), publish.Options{Out: out, Password: free, Now: now, Verify: verify})
	check(err)
	c, err := catalog.New(catalog.Options{Dir: filepath.Join(tmp, "state"), URL: "file://" + out, Root: filepath.Join(out, "root.json")})
	check(err)
	changed, err := c.Refresh(t.Context(), now)
	check(err)
	got, err := c.Current(now)
	check(err)
	if !changed || len(got.Patches) != 1 || got.Patches[0].Release == nil {
		t.Fatalf("changed %v, catalog %+v", changed, got)
	}
	changed, err = c.Refresh(t.Context(), now)
	check(err)
	if changed {
		t.Error("a second refresh changed something")
	}
}
