package storecmd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/sheet"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/ui/report"
)

// The formats of a night report.
const (
	formatText = "text"
	formatJSON = "json"
	formatCSV  = "csv"
	formatHTML = "html"
)

func nightCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "night [DATE]",
		Short: "Report a night: every outcome, and why",
		Long: `Report the newest night, or the one of DATE: the date on which its window opened.

As csv, one line for each patch on each device, and one for a device without any. As html, a page for
paper with a picture of the night. With --svg, the picture alone goes to a file: one lane for each
device, one bar for each step, in store time.

Exit code 0: everything that ended is done. 3: something ended otherwise, or a device did not answer.`,
		Example: "  nightfill night\n  nightfill night 2026-11-21 --json\n  nightfill night --format html >night.html\n  nightfill night --svg night.svg",
	}
	all, format, picture := sheetFlags(cmd)
	return action(cmd, cobra.MaximumNArgs(1), func(s *session, args []string) error {
		date, err := dateOf(args)
		if err != nil {
			return usage(s.cmd, err)
		}
		if err := s.formatted(*format); err != nil {
			return usage(s.cmd, err)
		}
		n, err := s.client.Night(s.ctx(), date)
		if err != nil {
			return err
		}
		if err := s.sheet(n, *format, *picture, n, func(p *printer) { p.night(n, *all) }); err != nil {
			return err
		}
		if missed := missed(n); missed > 0 {
			return notAllGood("%s of the night of %s ended otherwise than done", count(missed, "outcome", "outcomes"), n.Night)
		}
		return nil
	})
}

// sheetFlags adds the flags of a command that prints a night.
func sheetFlags(cmd *cobra.Command) (all *bool, format, picture *string) {
	f := cmd.Flags()
	all = f.Bool("all", false, "show what was not due, too; csv and html always do")
	format = f.String("format", formatText, "text, json, csv or html")
	picture = f.String("svg", "", "write a picture of the night to this file; - prints it in place of the report")
	known := cobra.FixedCompletions([]string{formatText, formatJSON, formatCSV, formatHTML}, cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc("format", known) // fails only where there is no such flag
	return all, format, picture
}

// formatted checks the name of a format; json is what --json asks for.
func (s *session) formatted(format string) error {
	switch format {
	case formatJSON:
		s.json = true
	case formatCSV, formatHTML:
		if s.json {
			return fmt.Errorf("--json and --format %s are two formats: name one", format)
		}
	case formatText:
	default:
		return fmt.Errorf("--format %q is none of text, json, csv and html", format)
	}
	return nil
}

// sheet prints a night in a format, and draws it where a picture is wanted. As JSON it prints v, and
// for people what told writes.
func (s *session) sheet(n view.Night, format, picture string, v any, told func(p *printer)) error {
	out := s.cmd.OutOrStdout()
	switch picture {
	case "":
	case "-":
		_, err := out.Write(sheet.Picture(n, s.client.Zone()))
		return err
	default:
		if err := renameio.WriteFile(picture, sheet.Picture(n, s.client.Zone()), 0o644, renameio.WithExistingPermissions()); err != nil {
			var at *fs.PathError // names a temporary file, which says nothing to anybody
			if errors.As(err, &at) {
				err = at.Err
			}
			return fmt.Errorf("cannot write the picture to %s: %v", picture, err)
		}
	}
	switch format {
	case formatCSV:
		_, err := out.Write(report.CSV(sheet.Report(n, s.client.Zone())))
		return err
	case formatHTML:
		page, err := report.HTML(sheet.Report(n, s.client.Zone()))
		if err != nil {
			return err
		}
		_, err = out.Write(page)
		return err
	}
	return s.show(v, told)
}

// missed counts what ended otherwise than done, and devices that did not answer.
func missed(n view.Night) int {
	count := 0
	for _, j := range n.Jobs {
		over := !n.Open || j.State.Final()
		if over && !j.State.Good() {
			count++
		}
	}
	for _, l := range n.Left {
		if l.State == site.NoAnswer {
			count++
		}
	}
	return count
}

func (p *printer) night(n view.Night, all bool) {
	sum := n.Summary
	if n.Open {
		sum = p.counts(n.States)
	}
	name := "Night of " + n.Night.String()
	if n.Rehearsal {
		name = "Rehearsal of the night of " + n.Night.String()
	}
	p.line("%s: %s", p.paint(heading, name), sum)
	switch {
	case n.Open && !n.Ends.IsZero():
		p.line("open since %s, %d of %d settled, expected to end at %s, cut-off %s (%s)", p.moment(n.Opened), n.Settled, n.Total, p.clock(n.Ends), p.clock(n.Cutoff), p.zone)
	case n.Open:
		p.line("open since %s, %d of %d settled, cut-off %s (%s)", p.moment(n.Opened), n.Settled, n.Total, p.clock(n.Cutoff), p.zone)
	default:
		p.line("opened %s, closed %s, window until %s (%s)", p.moment(n.Opened), p.clock(n.Closed), p.clock(n.Closes), p.zone)
	}
	if len(n.Jobs) > 0 {
		p.line("")
		p.table([]string{"DEVICE", "PATCH", "OUTCOME", "AT", "TOOK", "VERSION", "WHY"}, p.nightRows(n.Jobs))
	}
	for _, q := range n.Quarantine {
		p.line("\n%s since %s: %s", p.paint(bad, q.Patch+" is in quarantine"), p.clock(q.Since), reason(q.Reason))
	}
	p.leftOut(n.Left, all)
	p.compared(n, all)
	_, notDue := control.Grouped(n.Left)
	p.line("\nTotal: %s on %s%s, %d of them done; %d left out, %d not due.", count(n.Total, "patch", "patches"), count(len(devicesOf(n.Jobs)), "device", "devices"), passes(n),
		n.States[site.Done], len(n.Left)-len(notDue), len(notDue))
	if !n.Rehearsal {
		p.next(afterNight(n)...)
	}
}

// passes tells how often something to do was found, where that was more than once.
func passes(n view.Night) string {
	if n.Passes < 2 {
		return ""
	}
	return fmt.Sprintf(" in %d passes", n.Passes)
}

// compared writes the checks before the night's work and after it: those that have to be told of, or
// all of them; and what was broken on devices before.
func (p *printer) compared(n view.Night, all bool) {
	var rows [][]cell
	unseen := 0
	for _, c := range n.Checks {
		if c.After == site.Unknown {
			unseen++
		}
		if all || c.Before != c.After || c.After != site.Pass && c.After != site.Unknown {
			rows = append(rows, []cell{text("%s", c.Check), text("%s", or(c.Device, "-")), text("%s", check(c.Before)), text("%s", or(check(c.AtClose), "-")),
				text("%s", check(c.After)), text("%s", c.Text)})
		}
	}
	switch last := "LAST"; {
	case len(rows) > 0:
		if n.Open {
			last = "NOW"
		}
		p.line("\nChecks: before and after")
		p.table([]string{"CHECK", "DEVICE", "BEFORE", "AT CLOSE", last, "BROKE"}, rows)
	case unseen > 0:
		p.line("\nChecks: before and after: no difference, none fails; %d not known.", unseen)
	case len(n.Checks) > 0:
		p.line("\nChecks: before and after: no difference, none fails.")
	}
	for _, d := range n.Devices {
		if d.Before != "" {
			p.line("%s", clean(d.Device+": "+d.Before+"."))
		}
	}
}

func check(o site.CheckOutcome) string { return strings.ReplaceAll(string(o), "_", " ") }

// nightRows puts what is not good first.
func (p *printer) nightRows(jobs []view.Job) [][]cell {
	var first, then [][]cell
	for _, j := range jobs {
		why := reason(j.Reason)
		if j.Step != "" {
			why = string(j.Step) + " is under way"
		}
		row := []cell{text("%s", j.Device), text("%s", j.Patch), state(j.State), text("%s", p.clock(j.Since)), text("%s", took(j.Steps)), text("%s", versions(j)), text("%s", why)}
		if toneOf(j.State) == bad {
			first = append(first, row)
		} else {
			then = append(then, row)
		}
	}
	return append(first, then...)
}

// took adds up what the steps took.
func took(steps []view.Step) string {
	sum := time.Duration(0)
	for _, s := range steps {
		sum += s.Took.Std()
	}
	if sum == 0 {
		return "-"
	}
	return length(site.Duration(sum))
}

func versions(j view.Job) string {
	switch {
	case j.Before == "" && j.After == "":
		return "-"
	case j.Before == j.After || j.After == "":
		return j.Before
	}
	return or(j.Before, "none") + " to " + j.After
}

func devicesOf(jobs []view.Job) map[string]bool {
	seen := map[string]bool{}
	for _, j := range jobs {
		seen[j.Device] = true
	}
	return seen
}

func afterNight(n view.Night) []string {
	var commands []string
	for _, j := range n.Jobs {
		if toneOf(j.State) == bad && len(commands) < maxAdvice {
			commands = append(commands, "nightfill why "+j.Device+" "+j.Patch)
		}
	}
	for _, l := range n.Left {
		if l.State == site.NoAnswer && len(commands) < maxAdvice {
			commands = append(commands, "nightfill diagnose "+l.Device)
		}
	}
	return commands
}
