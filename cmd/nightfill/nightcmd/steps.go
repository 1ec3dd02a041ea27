package nightcmd

import (
	"fmt"
	"strings"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site/run"
)

// maxOutput is how many lines of what a step printed are shown; all of them are in --json.
const maxOutput = 8

// printSteps writes the evidence of each step, with the end of what it printed.
func printSteps(p *printout.Printer, steps []view.Step) {
	if len(steps) == 0 {
		return
	}
	p.Line("  steps")
	for _, s := range steps {
		tone := printout.Bad
		if s.Outcome == run.OK {
			tone = printout.Good
		}
		notes := []string{"took " + printout.Length(s.Took)}
		if s.Attempt > 1 {
			notes = append(notes, fmt.Sprintf("attempt %d", s.Attempt))
		}
		if s.ExitCode != nil && *s.ExitCode != 0 {
			notes = append(notes, fmt.Sprintf("exit code %d", *s.ExitCode))
		}
		p.Line("    %-11s %s  ended %s, %s", s.Step, p.Paint(tone, fmt.Sprintf("%-11s", printout.Words(s.Outcome))), p.Clock(s.At), strings.Join(notes, ", "))
		printOutput(p, s.Output)
	}
}

// printOutput writes the last lines of what a step printed. Control characters are left out, so
// that a device cannot draw on the terminal.
func printOutput(p *printout.Printer, output string) {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	if output == "" {
		return
	}
	if cut := len(lines) - maxOutput; cut > 0 {
		p.Line("      ... %s before, see --json", printout.Count(cut, "line", "lines"))
		lines = lines[cut:]
	}
	for _, l := range lines {
		p.Line("      | %s", printout.Clean(l))
	}
}
