package console_test

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/console"
)

var address = regexp.MustCompile(`(?i)(?:https?:|wss?:)?//[a-z0-9][a-z0-9.-]*\.[a-z]{2,}`)

// No file of ours asks another host for anything. What is vendored may name addresses in comments; the policy
// of the page keeps it from asking there, and the tests in Chromium see that nobody does.
func TestNoOtherHost(t *testing.T) {
	files := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "vendor" {
			return fs.SkipDir
		}
		if d.IsDir() || strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		body, err := os.ReadFile(name)
		for _, found := range address.FindAllString(strings.ReplaceAll(string(body), "http://www.w3.org/2000/svg", ""), -1) {
			t.Errorf("%s names %s", name, found)
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files, %v", files, err)
	}
}

// A file comes with its kind, squeezed for who can read that.
func TestAssets(t *testing.T) {
	r := newRig(t, console.Usual())
	plain := r.do("GET", "/console/app/app.css", nil, "Accept-Encoding", "identity")
	small := r.do("GET", "/console/app/app.css", nil, "Accept-Encoding", "gzip")
	if plain.StatusCode != http.StatusOK || plain.Header.Get("Content-Type") != "text/css; charset=utf-8" || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("plain: %s %v", plain.Status, plain.Header)
	}
	if small.Header.Get("Content-Encoding") != "gzip" || small.ContentLength >= plain.ContentLength {
		t.Errorf("small: %v, %d of %d bytes", small.Header, small.ContentLength, plain.ContentLength)
	}
}

// What the page needs before a terminal is opened is small.
func TestSize(t *testing.T) {
	r := newRig(t, console.Usual())
	total := int64(0)
	files, err := os.ReadDir("app")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() {
			total += r.do("GET", "/console/app/"+f.Name(), nil, "Accept-Encoding", "gzip").ContentLength
		}
	}
	if total > 60<<10 {
		t.Errorf("the app has %d bytes, squeezed", total)
	}
}
