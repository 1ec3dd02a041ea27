package nightcmd

import (
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// TestLongOutput shows the end of what a step printed, where installers say what went wrong.
func TestLongOutput(t *testing.T) {
	p := printout.New(time.UTC, false)
	code := 100
	printSteps(p, []view.Step{{
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

// TestCompared tells of the checks that fail, or are otherwise than before, and of what was broken on devices before.
func TestCompared(t *testing.T) {
	check := func(id, device string, before, close, after site.CheckOutcome, says string) view.NightCheck {
		return view.NightCheck{Compared: site.Compared{Check: id, Device: device, Before: before, After: after, Text: says}, AtClose: close}
	}
	n := view.Night{
		Checks: []view.NightCheck{
			check("POS-1", "srv-1", site.Pass, site.Pass, site.Pass, ""),
			check("POS-2", "srv-2", site.Fail, site.Fail, site.Fail, "It was already broken before tonight's work."),
			check("POS-3", "srv-3", site.Pass, site.NotApplicable, site.Fail, "It broke during tonight's work on srv-3 (pos-2)."),
			check("POS-4", "srv-4", site.Unknown, site.Unknown, site.Unknown, ""),
			check("CARD-1", "", site.Pass, "", site.Unknown, ""),
		},
		Devices: []view.NightDevice{{Device: "srv-1"}, {Device: "srv-2", Before: "POS-2 failed before the night"}},
	}
	p := printout.New(time.UTC, false)
	printCompared(p, n, false)
	want := `
Checks: before and after
CHECK   DEVICE  BEFORE  AT CLOSE        LAST     BROKE
POS-2   srv-2   fail    fail            fail     It was already broken before tonight's work.
POS-3   srv-3   pass    not applicable  fail     It broke during tonight's work on srv-3 (pos-2).
CARD-1  -       pass    -               unknown
srv-2: POS-2 failed before the night.
`
	if p.String() != want {
		t.Errorf("got\n%s\nwant\n%s", p, want)
	}
	p = printout.New(time.UTC, false)
	n.Open = true
	printCompared(p, n, true)
	if got := p.String(); !strings.Contains(got, "NOW") || strings.Count(got, "\n") != 9 {
		t.Errorf("with everything it is\n%s", got)
	}
	p = printout.New(time.UTC, false)
	printCompared(p, view.Night{Checks: n.Checks[:1]}, false)
	if got := p.String(); got != "\nChecks: before and after: no difference, none fails.\n" {
		t.Errorf("a good night is %q", got)
	}
	p = printout.New(time.UTC, false)
	printCompared(p, view.Night{Checks: n.Checks[3:4]}, false)
	if got := p.String(); got != "\nChecks: before and after: no difference, none fails; 1 not known.\n" {
		t.Errorf("a night of which nothing is known is %q", got)
	}
	p = printout.New(time.UTC, false)
	if printCompared(p, view.Night{}, true); p.String() != "" || passes(view.Night{Passes: 1}) != "" || passes(view.Night{Passes: 3}) != " in 3 passes" {
		t.Errorf("a night without checks is %q", p)
	}
}
