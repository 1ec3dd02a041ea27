package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

// A box is the same one after every start, and no two boxes are; a damaged file makes it a new one.
func TestIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	first, err := identity(path)
	again, errAgain := identity(path)
	other, errOther := identity(filepath.Join(t.TempDir(), "box"))
	if err != nil || errAgain != nil || errOther != nil || first != again || first == other || !identityForm.MatchString(first) {
		t.Fatalf("%q %q %q: %v %v %v", first, again, other, err, errAgain, errOther)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mended, err := identity(path); err != nil || mended == first || mended == "half" {
		t.Errorf("after damage: %q, %v", mended, err)
	}
	if _, err := identity(t.TempDir()); err == nil {
		t.Error("a folder in its place is no error")
	}
}
