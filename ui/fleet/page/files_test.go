package page

import (
	"strings"
	"testing"
)

// The scripts of the pages are small.
func TestScriptsAreSmall(t *testing.T) {
	size := 0
	files, err := staticFiles.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && strings.HasSuffix(f.Name(), ".js") {
			size += int(info.Size())
		}
	}
	if size == 0 || size > 20<<10 {
		t.Errorf("the scripts have %d bytes", size)
	}
}
