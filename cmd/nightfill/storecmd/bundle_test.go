package storecmd_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestBundleNamesItself takes a bundle without saying which file to write.
func TestBundleNamesItself(t *testing.T) {
	socket := serve(t, box(t, "morning"))
	t.Chdir(t.TempDir())
	got := nightfill(socket, "", "bundle --json")
	files, err := os.ReadDir(".")
	if err != nil || len(files) != 1 || !regexp.MustCompile(`^nightfill-0142-\d{8}-\d{6}\.zip$`).MatchString(files[0].Name()) {
		t.Fatalf("written are %v, %v\n%s", files, err, got)
	}
	if want := `"file": "` + files[0].Name() + `"`; !strings.Contains(got, want) {
		t.Errorf("the answer does not name %s:\n%s", want, got)
	}
}
