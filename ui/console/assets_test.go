package console_test

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/ui/console/live"
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
	r := newRig(t, live.Usual())
	plain := r.do("GET", "/console/app/app.css", nil, "Accept-Encoding", "identity")
	small := r.do("GET", "/console/app/app.css", nil, "Accept-Encoding", "gzip")
	if plain.StatusCode != http.StatusOK || plain.Header.Get("Content-Type") != "text/css; charset=utf-8" || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("plain: %s %v", plain.Status, plain.Header)
	}
	if small.Header.Get("Content-Encoding") != "gzip" || small.ContentLength >= plain.ContentLength {
		t.Errorf("small: %v, %d of %d bytes", small.Header, small.ContentLength, plain.ContentLength)
	}
}

var (
	imported = regexp.MustCompile(`(?m)^import [^;]*?'(\./[a-z0-9./]+)'`)
	vendored = regexp.MustCompile(`/console/vendor/[a-z0-9.-]+`)
)

// What the page needs before a terminal is opened is small, and so is all of it with a terminal: the scripts that main.js
// imports, the styles, and what terminal.js loads when one is opened.
func TestSize(t *testing.T) {
	r := newRig(t, live.Usual())
	size := func(path string) int64 {
		got := r.do("GET", path, nil, "Accept-Encoding", "gzip")
		if got.StatusCode != http.StatusOK || got.ContentLength < 1 {
			t.Errorf("%s: %s, %d bytes", path, got.Status, got.ContentLength)
		}
		return got.ContentLength
	}
	total, seen := size("/console/app/app.css"), map[string]bool{"./main.js": true}
	for wait := []string{"./main.js"}; len(wait) > 0; wait = wait[1:] {
		text, err := os.ReadFile("app/" + wait[0])
		if err != nil {
			t.Fatal(err)
		}
		total += size("/console/app/" + strings.TrimPrefix(wait[0], "./"))
		for _, m := range imported.FindAllStringSubmatch(string(text), -1) {
			if !seen[m[1]] {
				seen[m[1]] = true
				wait = append(wait, m[1])
			}
		}
	}
	if len(seen) < 9 || total > 60<<10 {
		t.Errorf("before a terminal is opened %d scripts have %d bytes, squeezed", len(seen), total)
	}
	text, err := os.ReadFile("app/terminal.js")
	if err != nil {
		t.Fatal(err)
	}
	later := vendored.FindAllString(string(text), -1)
	for _, path := range later {
		total += size(path)
	}
	if len(later) < 3 || total > 250<<10 {
		t.Errorf("with a terminal (%v) there are %d bytes, squeezed", later, total)
	}
	t.Logf("%d bytes with a terminal", total)
}
