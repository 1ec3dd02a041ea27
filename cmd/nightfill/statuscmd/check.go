package statuscmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// Check returns `check`.
func Check() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "check",
		Short: "Carry out the readiness checks now and say whether the store can open",
		Long: `Carry out every readiness check now. Checks only look; nothing is changed. What a check needs is looked at
first; when that fails, the check is not looked at, and the one finding says what it hides.

Exit code 0: the store can open, perhaps with something to know. 3: it cannot, or patches are under way,
or nobody can tell.`,
		Example: "  nightfill check\n  nightfill check --json | jq .ready.verdict",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		v, err := s.Client.Check(s.Ctx())
		if err != nil {
			return err
		}
		if err := s.Show(v, func(p *printout.Printer) { printChecked(p, v) }); err != nil {
			return err
		}
		if v.Ready.Ready == 0 {
			return session.NotAllGood("the store is not proven ready: %s", ready.Word(v.Ready.Verdict))
		}
		return nil
	})
}

func printChecked(p *printout.Printer, v wire.Checked) {
	p.Line("%s", p.Paint(verdictTone(v.Ready.Verdict), v.Ready.Text))
	printFindings(p, "To fix:", printout.Bad, v.Ready.Fix)
	printFindings(p, "To know:", printout.Heading, v.Ready.Notes)
	if len(v.Ready.Capabilities) > 0 {
		p.Line("")
		for _, c := range v.Ready.Capabilities {
			p.Line("%s: %d of %d proven to work, %d needed", c.Name, c.Working, c.Total, c.Floor)
		}
	}
	if len(v.Results) == 0 {
		p.Line("\nThe store file names no check.")
		return
	}
	p.Line("")
	printResults(p, v.Results)
	var commands []string
	for _, r := range v.Results {
		if r.Outcome == site.Fail && r.Device != "" && len(commands) < printout.MaxAdvice {
			commands = append(commands, "nightfill diagnose "+r.Device)
		}
	}
	p.Next(commands...)
}

func printFindings(p *printout.Printer, title string, t printout.Tone, findings []ready.Finding) {
	if len(findings) == 0 {
		return
	}
	p.Line("\n%s", p.Paint(t, title))
	for _, f := range findings {
		p.Line("  %s [%s]", f.What, f.Code)
		if f.SoWhat != "" {
			p.Line("    %s", f.SoWhat)
		}
		if hidden := append(slices.Clone(f.Hides), f.HidesDevices...); len(hidden) > 0 {
			p.Line("    hides %s", strings.Join(hidden, ", "))
		}
		for _, step := range f.Steps {
			p.Line("    - %s", step)
		}
		if f.Call != "" {
			p.Line("    call %s", strings.TrimSpace(f.Call+" "+f.Phone))
		}
	}
}

// printResults writes one line for each check: those that failed, those that are not well, the others.
func printResults(p *printout.Printer, results []site.CheckResult) {
	var first, then, last [][]printout.Cell
	for _, r := range results {
		t := map[site.CheckOutcome]printout.Tone{site.Pass: printout.Good, site.Fail: printout.Bad}[r.Outcome]
		row := []printout.Cell{printout.Text("%s", r.Check), printout.Text("%s", printout.Or(r.Device, "the store")), printout.Toned(t, printout.Words(r.Outcome)), printout.Text("%s", p.Clock(r.At)), printout.Text("%s", printout.Length(r.Took)), printout.Text("%s", r.Seen)}
		switch r.Outcome {
		case site.Fail:
			first = append(first, row)
		case site.Pass, site.NotApplicable:
			last = append(last, row)
		default:
			then = append(then, row)
		}
	}
	p.Table([]string{"CHECK", "DEVICE", "OUTCOME", "AT", "TOOK", "SEEN"}, slices.Concat(first, then, last))
}
