package static

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	tree := Tree(t.TempDir())
	sum := sha256.Sum256([]byte("signed"))
	want := hex.EncodeToString(sum[:])
	changed := tree.Path("changed")
	changedSum := sha256.Sum256([]byte("other"))
	for _, err := range []error{
		tree.PutTarget("pos/p1.json", "aa", []byte("one")), tree.PutTarget("pos/p1.json", "aa", []byte("one")), // again is fine
		Write(tree.Path("metadata/1.root.json"), []byte("root")), Write(changed, []byte("other")),
		tree.Belongs([]byte("root")), Tree(t.TempDir()).Belongs([]byte("root")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{tree.PutTarget("pos/p1.json", "aa", []byte("two")), "DIR/targets/pos/aa.p1.json is there already with other content; a published file never changes: move the directory away and publish into a new one"},
		{tree.Belongs([]byte("other")), "DIR holds another catalog: publish into a directory of its own"},
		{Copy(tree.Path("copy"), changed, want, 6), "DIR/changed has sha256 " + hex.EncodeToString(changedSum[:]) + ", expected " + want + ": it was changed after it was added; add the patch again under a new id"},
	} {
		if tt.err == nil || strings.ReplaceAll(tt.err.Error(), string(tree), "DIR") != tt.want {
			t.Errorf("error is %v, want %s", tt.err, tt.want)
		}
	}
	left, err := filepath.Glob(tree.Path("*"))
	if err != nil || len(left) != 3 { // changed, metadata, targets
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// TestStage lets only Upcoming see a staged timestamp until it is committed.
func TestStage(t *testing.T) {
	tree := Tree(t.TempDir())
	see := func(files fs.FS, want string) {
		t.Helper()
		if data, err := fs.ReadFile(files, timestamp); string(data) != want || (err != nil) != (want == "") {
			t.Errorf("timestamp is %q, %v; want %q", data, err, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := os.DirFS(string(tree))
	do(tree.Stage([]byte("1")))
	see(now, "")
	see(tree.Upcoming(), "1")
	do(tree.Commit())
	see(now, "1")
	do(tree.Stage([]byte("2")))
	do(tree.Unstage())
	see(now, "1")
}
