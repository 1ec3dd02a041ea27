package dossier_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/ui/dossier"
)

func TestFleetHTML(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	got, err := dossier.FleetHTML(dossier.Fleet{
		Org: "acme", From: "2026-11-21", To: "2026-11-22", AsOf: at, By: "a.khan", Version: "1.0.0", Rows: 72, Results: []dossier.Count{{Name: "installed_pending_reboot", N: 72}},
		Stores: []dossier.FleetStore{
			{Store: "0142", Name: "Springfield <East>", File: "stores/0142/1.zip", Nights: 2, First: 1, Last: 33, AsOf: at, Head: strings.Repeat("ab", 32)},
			{Store: "0143", File: "stores/0143/2.zip", Nights: 1, First: 7, Last: 9, Missing: 3},
		},
		Exceptions: []dossier.Exception{{Patch: "pos-4.2.1", Scope: "on devices till-9, in all stores", Owner: "pos-owner", Reason: `<script>alert("x")</script>`, Expires: "open, 2026-12-01T00:00:00Z"}},
		DeedsFirst: 4, DeedsLast: 9, Deeds: 6, DeedsHead: strings.Repeat("cd", 32), Missing: []dossier.Missing{{What: "0999: its journal", Why: "headquarters never heard this store"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "fleet.html")
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
	for _, wanted := range []string{"2 journals of stores with 3 nights, 72 patches on devices.", "installed pending reboot", `<a href="stores/0142/1.zip">0142</a>`, "abababababababab<", "Lines 4 to 9", "never heard"} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page does not say %q", wanted)
		}
	}
	for _, forbidden := range []string{"<script", "<link", "<img", "src=", "url(", "https://"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	empty, err := dossier.FleetHTML(dossier.Fleet{})
	if err != nil || !bytes.Contains(empty, []byte("Nothing is in the audit log of these days.")) {
		t.Errorf("%v\n%s", err, empty)
	}
}
