package storecmd

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func newPrinter(colour bool) *printer {
	return &printer{Buffer: &bytes.Buffer{}, zone: time.UTC, colour: colour}
}

// TestTable holds columns together, with colours and without, and lets no device draw on the terminal.
func TestTable(t *testing.T) {
	rows := func() [][]cell {
		return [][]cell{
			{text("srv-1"), state(site.Done), text("fine")},
			{text("kühltheke-2"), state(site.RolledBack), text("\x1b[2Jgone\n now")},
			{text("srv-3"), state(site.Queued), text("")},
		}
	}
	plain := newPrinter(false)
	plain.table([]string{"DEVICE", "STATE", "WHY"}, rows())
	want := `DEVICE       STATE        WHY
srv-1        done         fine
kühltheke-2  rolled back  [2Jgone now
srv-3        queued
`
	if plain.String() != want {
		t.Errorf("got\n%s\nwant\n%s", plain, want)
	}
	colours := newPrinter(true)
	colours.table([]string{"DEVICE", "STATE", "WHY"}, rows())
	stripped := colours.String()
	for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[1;31m"} {
		if !strings.Contains(stripped, code) {
			t.Errorf("no %q in %q", code, colours)
		}
		stripped = strings.ReplaceAll(stripped, code, "")
	}
	if stripped != want {
		t.Errorf("with colours, got\n%s\nwant\n%s", stripped, want)
	}
}

func TestColoured(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if coloured(f) || coloured(&bytes.Buffer{}) {
		t.Error("a file is no terminal")
	}
}

func TestLength(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 120 * time.Millisecond: "120ms", 48 * time.Second: "48s", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m",
		5 * time.Hour: "5h", 61 * time.Second: "1m1s", 1499 * time.Millisecond: "1s",
	}
	for d, want := range tests {
		if got := length(site.Duration(d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// TestLongOutput shows the end of what a step printed, where installers say what went wrong.
func TestLongOutput(t *testing.T) {
	p := newPrinter(false)
	code := 100
	p.steps([]view.Step{{
		Step: run.Install, Outcome: run.TimedOut, Took: site.Duration(time.Minute), Attempt: 2, ExitCode: &code,
		Output: strings.Repeat("unpacking\n", 20) + "E: \x1b[31mlock\ttaken\n",
	}})
	got := p.String()
	for _, want := range []string{
		"    install     timed out    ended -, took 1m, attempt 2, exit code 100\n", "      ... 13 lines before, see --json\n", "      | E: [31mlock taken\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if lines := strings.Count(got, "|"); lines != maxOutput {
		t.Errorf("%d lines of output, want %d", lines, maxOutput)
	}
}
