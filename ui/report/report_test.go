package report_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/ui/report"
)

var update = flag.Bool("update", false, "rewrite the expected reports")

func night() report.Report {
	zone := time.FixedZone("CST", -6*3600)
	opens := time.Date(2026, 11, 21, 23, 0, 0, 0, zone)
	at := func(minutes int) time.Time { return opens.Add(time.Duration(minutes) * time.Minute) }
	const hostile = `=cmd|' /C calc'!A1 <script>alert("x")</script>`
	return report.Report{
		Store: "0142", Name: "Springfield East", Night: "2026-11-21", Zone: zone, Opens: opens, Opened: opens.Add(2 * time.Second), Closed: at(72),
		Cutoff: at(315), Closes: at(360), AsOf: at(72), Chart: []byte("<svg xmlns=\"http://www.w3.org/2000/svg\"><title>the picture</title></svg>\n"),
		Devices: []report.Device{
			{Device: "srv-1", Class: "linux-server", State: "done", Tone: report.Good, Total: 2, Done: 2, Since: at(20)},
			{Device: "till-1", Class: "linux-server", State: "rolled_back", Tone: report.Back, Total: 1, Code: "verify_failed", Reason: hostile, Since: at(31), Before: "POS-1 failed before the night"},
			{Device: "till-2", Class: "linux-server", State: "no_answer", Tone: report.Bad, Code: "no_answer", Reason: "till-2 does not answer", Since: at(0),
				Before: "did not answer before the night"},
			{Device: "till-3", Class: "linux-server", State: "held", Tone: report.Note, Code: "held", Reason: "held by a.khan", Since: at(0)},
			{Device: "pinpad-1", Class: "observe", State: "not_due", Code: "observe_only", Reason: "only observed, never changed", Since: at(0)},
		},
		Passes: 2,
		Checks: []report.Check{
			{Check: "POS-0", Device: "srv-1", Before: "pass", AtClose: "pass", Last: "pass", Tone: report.Good},
			{Check: "POS-1", Device: "till-1", Before: "fail", AtClose: "fail", Last: "fail", Tone: report.Back, Text: "It was already broken before tonight's work."},
			{Check: "POS-3", Device: "till-1", Before: "pass", AtClose: "not_applicable", Last: "fail", Tone: report.Bad, Text: "It broke during tonight's work on till-1 (pos-4.2.1)."},
			{Check: "=CARD", Before: "unknown", Last: "fail", Tone: report.Bad, Text: "It is not known whether it worked before tonight's work."},
		},
		Rows: []report.Row{
			{Device: "srv-1", Class: "linux-server", Patch: "gw-3.1", Title: "Gateway 3.1", State: "done", Tone: report.Good, Since: at(12), Before: "3.0", After: "3.1", Attempts: 1, Took: 9*time.Minute + 400*time.Millisecond, Verified: at(12)},
			{Device: "srv-1", Class: "linux-server", Patch: "motd", Title: "motd", State: "done", Tone: report.Good, Since: at(20), Attempts: 2, Took: 2500 * time.Millisecond, Verified: at(20)},
			{Device: "till-1", Class: "linux-server", Patch: "pos-4.2.1", Title: "+POS 4.2.1", State: "rolled_back", Tone: report.Back, Code: "verify_failed", Reason: hostile, Since: at(31), Before: "4.2.0", After: "4.2.0", Attempts: 1, Took: 11 * time.Minute},
			{Device: "till-2", Class: "linux-server", State: "no_answer", Tone: report.Bad, Code: "no_answer", Reason: "till-2 does not answer", Since: at(0)},
			{Device: "till-3", Class: "linux-server", State: "held", Tone: report.Note, Code: "held", Reason: "held by a.khan", Since: at(0)},
			{Device: "pinpad-1", Class: "observe", Patch: "gw-3.1", State: "not_due", Code: "observe_only", Reason: "only observed, never changed", Since: at(0)},
		},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
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
}

func TestCSV(t *testing.T) {
	r := night()
	got := report.CSV(r)
	golden(t, "night.csv", got)
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rows[0], report.Columns()) || len(rows) != 1+len(r.Rows)+1 {
		t.Errorf("%d lines under %q", len(rows), rows[0])
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet computes %s: %q", rows[0][i], cell)
			}
		}
	}
}

func TestHTML(t *testing.T) {
	got, err := report.HTML(night())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "night.html", got)
	page := string(got)
	for _, forbidden := range []string{"<script", "<link", "<img", "src=", "@import", "url(", "javascript:", "https://"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, d := range night().Devices {
		if !strings.Contains(page, `<td class="id">`+d.Device+`</td>`) {
			t.Errorf("%s is not on the page", d.Device)
		}
	}
	sentence, picture := strings.Index(page, "2 devices need a person: till-2, till-1."), strings.Index(page, "<svg")
	if sentence < 0 || picture < sentence {
		t.Errorf("the sentence is at %d, the picture at %d", sentence, picture)
	}
}

func TestSentence(t *testing.T) {
	device := func(id, state string, tone report.Tone) report.Device {
		return report.Device{Device: id, State: state, Tone: tone}
	}
	tests := []struct {
		open    bool
		devices []report.Device
		want    string
	}{
		{false, nil, "The store has no devices."},
		{false, []report.Device{device("a", "done", report.Good)}, "No device needs a person. Of 1 device: 1 done."},
		{false, []report.Device{device("a", "done", report.Good), device("b", "rollback_failed", report.Bad), device("c", "not_due", report.Quiet)},
			"b needs a person. Of 3 devices: 1 rollback failed, 1 done, 1 not due."},
		{true, []report.Device{device("a", "installing", report.Busy), device("b", "queued", report.Quiet), device("c", "queued", report.Quiet)},
			"The night is not over. No device needs a person. Of 3 devices: 1 installing, 2 queued."},
		{false, night().Devices, "2 devices need a person: till-2, till-1. Of 5 devices: 1 no answer, 1 rolled back, 1 held, 1 done, 1 not due."},
	}
	for _, test := range tests {
		if got := (report.Report{Open: test.open, Devices: test.devices}).Sentence(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestNightWithoutAnything(t *testing.T) {
	page, err := report.HTML(report.Report{Night: "2026-11-21", Open: true})
	if err != nil || !bytes.Contains(page, []byte("The store has no devices.")) {
		t.Errorf("%v\n%s", err, page)
	}
	if got := string(report.CSV(report.Report{})); got != strings.Join(report.Columns(), ",")+"\n" {
		t.Errorf("got %q", got)
	}
}

// TestRehearsal holds every form to saying that nothing of it has happened.
func TestRehearsal(t *testing.T) {
	r := night()
	r.Played = true
	page, err := report.HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<title>Rehearsal of the night of 2026-11-21, store 0142</title>", "<h1>Rehearsal of the night of 2026-11-21, store",
		"This is a rehearsal: nothing of it has happened. 2 devices need", "and nothing of it has happened. A patch is done only",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(report.CSV(r))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if want := []string{"rehearsal", "yes"}[min(i, 1)]; row[len(row)-1] != want {
			t.Errorf("line %d ends in %q", i+1, row[len(row)-1])
		}
	}
}
