package dossier_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/ui/dossier"
)

var update = flag.Bool("update", false, "rewrite the expected page")

func full() dossier.Dossier {
	zone := time.FixedZone("CST", -6*3600)
	const hostile = `=cmd|' /C calc'!A1 <script>alert("x")</script>`
	return dossier.Dossier{
		Org: "acme", Store: "0142", Name: "Springfield East", From: "2026-11-21", To: "2026-11-22", Zone: zone, AsOf: time.Date(2026, 11, 23, 12, 0, 0, 0, zone),
		By: "a.khan", Version: "1.0.0", Stream: "01KAMB2Q9XN1GHTF1LLSTREAM0", First: 3, Last: 99, Before: strings.Repeat("a", 64), Head: strings.Repeat("b", 64),
		Nights: []dossier.Night{{Night: "2026-11-21", Sentence: "till-2 needs a person.", File: "nights/2026-11-21.html"}},
		Lines: []dossier.Line{
			{Device: "till-1", Patch: "pos-4.2.1", Title: "POS 4.2.1", Severity: "critical", State: "done", Before: "4.2.0", After: "4.2.1", Change: "CHG-1042", Proof: "asked: service pos", Verified: time.Date(2026, 11, 22, 5, 6, 0, 0, time.UTC), Seq: 9, Good: true},
			{Device: "till-2", Patch: "pos-4.2.1", State: "rolled_back", Code: "verify_failed", Proof: hostile, Seq: 22, Bad: true},
		},
		Approvals:  []dossier.Approval{{Patch: "pos-4.2.1", Change: "CHG-1042", Reason: "card data leaks", By: "pos: ab (1 of 2 needed)", Lacks: "backout"}},
		Exceptions: []dossier.Exception{{Patch: "pos-4.2.1", Scope: "on devices till-9", Owner: "pos-owner", Reason: "prints twice", Expires: "2026-12-01"}},
		Actions:    3, Recordings: 1, Missing: []dossier.Missing{{What: "the night of 2026-11-22", Why: "no record says that it was opened"}},
	}
}

func TestHTML(t *testing.T) {
	got, err := dossier.HTML(full())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "report.html")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs\ngot\n%s", file, got)
	}
	page := string(got)
	for _, forbidden := range []string{"<script", "<link", "<img", "src=", "@import", "url(", "javascript:", "https://"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, wanted := range []string{"1 of 2 patches on devices were proven, 1 needs a person.", "not enough", "not filled in: backout", "2026-11-21 23:06", "rolled back"} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page does not say %q", wanted)
		}
	}
}

func TestEmpty(t *testing.T) {
	page, err := dossier.HTML(dossier.Dossier{})
	if err != nil || !bytes.Contains(page, []byte("No night was opened.")) || !bytes.Contains(page, []byte("none: it is the first of the journal")) {
		t.Errorf("%v\n%s", err, page)
	}
}

func TestCSV(t *testing.T) {
	got := dossier.CSV([]string{"a", "b"}, [][]string{{"=1+1", "x,y"}, {"", "-2"}})
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil || rows[1][0] != "'=1+1" || rows[1][1] != "x,y" || rows[2][1] != "'-2" || rows[2][0] != "" {
		t.Errorf("%v %v", rows, err)
	}
}
