package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
)

var update = flag.Bool("update", false, "write what the rows of testdata/bad.txtar say now")

// sections are what a row of testdata/bad.txtar does not write itself.
var sections = []struct{ key, text string }{
	{"version", "version: 1\n"},
	{"store", "store: {id: \"0142\", org: acme, timezone: America/Chicago}\n"},
	{"opening", "opening: {mon-sun: \"06:30\"}\n"},
	{"window", "window: {start: \"23:00\", end: \"05:00\"}\n"},
}

// whole completes a row: its own text comes first, so that its line numbers hold. A
// comment "# without KEY" leaves a section out, "# alone" leaves all of them out.
func whole(row string) string {
	for _, s := range sections {
		own := regexp.MustCompile(`(?m)^(` + s.key + `:|# without ` + s.key + `$|# alone$)`)
		if !own.MatchString(row) {
			row += s.text
		}
	}
	return row
}

// said returns everything that the reader says about a file, a line each.
func said(text string) string {
	c, err := config.Parse("store.yaml", []byte(text))
	var b strings.Builder
	var problems strict.Problems
	if err != nil && !errors.As(err, &problems) {
		fmt.Fprintf(&b, "not a list of problems: %v\n", err)
	}
	for _, p := range problems {
		fmt.Fprintln(&b, p)
	}
	for _, p := range c.Warnings {
		fmt.Fprintln(&b, "warning:", p)
	}
	return b.String()
}

func TestBadFiles(t *testing.T) {
	const name = "testdata/bad.txtar"
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i := 0; i+1 < len(archive.Files); i += 2 {
		row, want := archive.Files[i], &archive.Files[i+1]
		if want.Name != row.Name+" says" {
			t.Fatalf("%s: %q follows %q", name, want.Name, row.Name)
		}
		rows++
		got := said(whole(string(row.Data)))
		switch {
		case *update:
			want.Data = []byte(got)
		case got == "":
			t.Errorf("%s: nothing is wrong with it", row.Name)
		case got != string(want.Data):
			t.Errorf("%s:\n got %s\nwant %s", row.Name, got, want.Data)
		}
	}
	if *update {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if rows < 40 {
		t.Errorf("%d rows, want 40 or more", rows)
	}
}
