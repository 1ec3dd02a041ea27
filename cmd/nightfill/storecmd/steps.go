package storecmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// maxOutput is how many lines of what a step printed are shown; all of them are in --json.
const maxOutput = 8

// because writes a reason, and below it the facts that decided it.
func (p *printer) because(name string, r *site.Reason) {
	if r == nil {
		return
	}
	p.line("%s%s", name, reason(r))
	for _, key := range slices.Sorted(maps.Keys(r.Facts)) {
		p.line("%s  %s: %s", strings.Repeat(" ", len(name)), key, clean(r.Facts[key]))
	}
}

// steps writes the evidence of each step, with the end of what it printed.
func (p *printer) steps(steps []view.Step) {
	if len(steps) == 0 {
		return
	}
	p.line("  steps")
	for _, s := range steps {
		tone := bad
		if s.Outcome == run.OK {
			tone = good
		}
		notes := []string{"took " + length(s.Took)}
		if s.Attempt > 1 {
			notes = append(notes, fmt.Sprintf("attempt %d", s.Attempt))
		}
		if s.ExitCode != nil && *s.ExitCode != 0 {
			notes = append(notes, fmt.Sprintf("exit code %d", *s.ExitCode))
		}
		p.line("    %-11s %s  ended %s, %s", s.Step, p.paint(tone, fmt.Sprintf("%-11s", words(s.Outcome))), p.clock(s.At), strings.Join(notes, ", "))
		p.output(s.Output)
	}
}

// output writes the last lines of what a step printed. Control characters are left out, so
// that a device cannot draw on the terminal.
func (p *printer) output(output string) {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	if output == "" {
		return
	}
	if cut := len(lines) - maxOutput; cut > 0 {
		p.line("      ... %s before, see --json", count(cut, "line", "lines"))
		lines = lines[cut:]
	}
	for _, l := range lines {
		p.line("      | %s", clean(l))
	}
}

func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return -1
		}
		return r
	}, s)
}

func dateOf(args []string) (window.Date, error) {
	if len(args) == 0 {
		return window.Date{}, nil
	}
	return window.ParseDate(args[0])
}
