package daemon

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A box is the same one after every start, and no two boxes are; a damaged file makes it a new one.
func TestIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	made := time.Unix(1_800_000_000, 0)
	first, since, err := identity(path, made.Add(time.Millisecond))
	again, sinceAgain, errAgain := identity(path, made.Add(time.Hour))
	other, _, errOther := identity(filepath.Join(t.TempDir(), "box"), made)
	if err != nil || errAgain != nil || errOther != nil || first != again || first == other || !identityForm.MatchString(first) {
		t.Fatalf("%q %q %q: %v %v %v", first, again, other, err, errAgain, errOther)
	}
	if !since.Equal(made) || !sinceAgain.Equal(made) {
		t.Errorf("set up %s, and after another start %s; want %s", since, sinceAgain, made)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mended, since, err := identity(path, made.Add(time.Hour)); err != nil || mended == first || mended == "half" || !since.Equal(made.Add(time.Hour)) {
		t.Errorf("after damage: %q, %s, %v", mended, since, err)
	}
	if _, _, err := identity(t.TempDir(), made); err == nil {
		t.Error("a folder in its place is no error")
	}
}

// The file of an earlier version has no time in it: its own is when the box was set up.
func TestIdentityOfAnEarlierVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	made := time.Unix(1_700_000_000, 0)
	if err := os.WriteFile(path, []byte("0011223344556677"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, made, made); err != nil {
		t.Fatal(err)
	}
	if box, since, err := identity(path, made.Add(time.Hour)); err != nil || box != "0011223344556677" || !since.Equal(made) {
		t.Errorf("%q, %s, %v; want the box of the file, set up %s", box, since, err, made)
	}
}
