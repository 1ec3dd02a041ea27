package nightfill_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// TestRules shows each rule a file that breaks it and one that keeps it. In the files of
// testdata/arch.txtar, a line that breaks a rule ends in "// WANT " and a part of the message;
// a line that breaks none does not.
func TestRules(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/arch.txtar")
	if err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{}
	var want []string // file:line: part of the message
	for _, f := range archive.Files {
		src := strings.ReplaceAll(string(f.Data), "MANY LINES\n", strings.Repeat("\n", maxFuncLines))
		for i, line := range strings.Split(src, "\n") {
			if _, part, ok := strings.Cut(line, "// WANT "); ok {
				want = append(want, f.Name+":"+strconv.Itoa(i+1)+": "+part)
			}
		}
		root[f.Name] = &fstest.MapFile{Data: []byte(src)}
	}
	root["ui/long/long.go"] = &fstest.MapFile{Data: []byte("// Package long is.\npackage long\n" + strings.Repeat("\n", maxFileLines))}
	root["ui/bare/bare.go"] = &fstest.MapFile{Data: []byte("// Package bare is.\npackage bare\n\nconst Two = 2\n\ntype Page struct{}\n")}
	want = append(want, "ui/long/long.go:2: file of 802 lines: at most 800", "ui/bare/bare.go:4: Two has no comment", "ui/bare/bare.go:6: Page has no comment")
	tree, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	got := tree.breaches()
	for _, w := range want {
		place, part, _ := strings.Cut(w, ": ")
		found := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, place+": ") && strings.Contains(g, part) })
		if found < 0 {
			t.Errorf("not found: %s", w)
			continue
		}
		got = slices.Delete(got, found, found+1)
	}
	for _, g := range got {
		t.Errorf("not expected: %s", g)
	}
}
