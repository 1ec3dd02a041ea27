package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/daemon/view"
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
	if a := c.Artifacts[0]; a.State != view.Missing || a.Reason == nil || !strings.HasPrefix(a.Reason.Text, "cannot fetch menu.sh: ") || a.Patches[0] != "menu" || c.Used != 0 {
		t.Errorf("without bytes: %+v", a)
	}
	l.must(os.Rename(l.dir+"/away", found[0]))
	if _, _, err := d.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	c, err = d.Cache(t.Context())
	l.must(err)
	if a := c.Artifacts[0]; a.State != view.Cached || a.Reason != nil || a.CachedAt.IsZero() || a.Verified.Before(a.CachedAt) || c.Used != a.Size || c.Needed != a.Size || c.Free < 1 || a.Pinned {
		t.Errorf("with bytes: %+v", c)
	}
}
