package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view/cache"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// What the store has of the night is told as it is: missing with why, then cached; and after a new catalog anew.
func TestCache(t *testing.T) {
	l := newLab(t, 2)
	l.script("menu", "echo menu")
	l.publish()
	d, err := New(t.Context(), Options{Config: l.storeFile(), Version: "test", Log: quiet()})
	l.must(err)
	defer d.journal.Close()
	c, err := d.Cache(t.Context())
	l.must(err)
	if c.Catalog.Version != 0 || c.Catalog.Reason == nil || len(c.Artifacts) != 0 || c.Quota != 40<<30 {
		t.Errorf("before: %+v", c)
	}
	var found []string
	l.must(filepath.WalkDir(filepath.Join(l.dir, "catalog", "targets"), func(path string, e fs.DirEntry, err error) error {
		if text, _ := os.ReadFile(path); string(text) == "#!/bin/sh\necho menu\n" {
			found = append(found, path)
		}
		return err
	}))
	if len(found) != 1 {
		t.Fatalf("the artifact is %v", found)
	}
	l.must(os.Rename(found[0], l.dir+"/away"))
	if _, _, err := d.Refresh(t.Context()); err == nil {
		t.Error("the artifacts are gone, and were fetched")
	}
	c, err = d.Cache(t.Context())
	l.must(err)
	if len(c.Artifacts) != 1 || c.Catalog.Version == 0 || !c.Catalog.Until.After(c.Now) {
		t.Fatalf("without bytes: %+v", c)
	}
	if a := c.Artifacts[0]; a.State != cache.Missing || a.Reason == nil || !strings.HasPrefix(a.Reason.Text, "cannot fetch menu.sh: ") || a.Patches[0] != "menu" || c.Used != 0 {
		t.Errorf("without bytes: %+v", a)
	}
	l.must(os.Rename(l.dir+"/away", found[0]))
	if _, _, err := d.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	c, err = d.Cache(t.Context())
	l.must(err)
	if a := c.Artifacts[0]; a.State != cache.Cached || a.Reason != nil || a.CachedAt.IsZero() || a.Verified.Before(a.CachedAt) || c.Used != a.Size || c.Needed != a.Size || c.Free < 1 || a.Pinned {
		t.Errorf("with bytes: %+v", c)
	}
}

// catalog.cache is the room that there is: what does not fit is not fetched, and it is said why; what the open night
// needs pushes out what nothing needs tonight, and is itself never let go of.
func TestCacheQuota(t *testing.T) {
	l := newLab(t, 1)
	l.script("large", "echo "+strings.Repeat("large ", 20))
	l.script("small", "echo small")
	l.publish()
	cfg := l.storeFile()
	cfg.Catalog.Cache = 140
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	defer func() { l.must(d.journal.Close()) }()
	supply := func(want string) {
		t.Helper()
		if _, _, err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, err := d.Cache(t.Context())
		l.must(err)
		var got []string
		for _, a := range c.Artifacts {
			text := a.Name + " " + a.State
			if a.Reason != nil {
				text += ": " + a.Reason.Text
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if strings.Join(got, "\n") != want || c.Used > c.Quota || c.Quota != 140 {
			t.Errorf("%d of %d bytes are used by\n%s\nwant\n%s", c.Used, c.Quota, strings.Join(got, "\n"), want)
		}
	}
	supply("large.sh cached\nsmall.sh missing: small.sh does not fit: it has 21 bytes, and 4 are left of the 140 of catalog.cache; write a larger size into the store file")
	if _, sure := d.pinned(t.Context()); sure {
		t.Error("nobody looked at a device, and the needs of the night are known")
	}
	d.look(t.Context())
	if digests, sure := d.pinned(t.Context()); !sure || len(digests) != 2 {
		t.Errorf("the next night needs %v, %v", digests, sure)
	}
	patches := d.catalog.Last().Patches
	small := patches[slices.IndexFunc(patches, func(a site.Approved) bool { return a.Patch.ID == "small" })].Patch
	now := time.Now()
	l.must(d.ledger.Add(run.Event{Kind: run.NightOpened, At: now, Plan: &plan.Plan{
		Night: window.DateOf(now), Opens: now, Cutoff: now.Add(time.Hour), Closes: now.Add(2 * time.Hour), Patches: []site.Patch{small},
	}}))
	for range 2 { // and it stays so
		supply("large.sh missing: large.sh does not fit: it has 136 bytes, and 119 are left of the 140 of catalog.cache; write a larger size into the store file\nsmall.sh cached")
	}
	d.Config.Catalog.Cache = 10
	if _, _, err := d.Refresh(t.Context()); err != nil || !d.depot.Has(small.Artifacts[0]) {
		t.Errorf("what the night needs was let go of: %v", err)
	}
}
