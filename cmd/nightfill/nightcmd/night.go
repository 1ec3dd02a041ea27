// Package nightcmd holds the commands of `nightfill` that tell of nights: the one to come, how it may go, the one that runs
// or ran, and why a patch is where it is.
package nightcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
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

// Night returns `night`.
func Night() *cobra.Command {
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
	return session.Action(cmd, cobra.MaximumNArgs(1), func(s *session.Session, args []string) error {
		date, err := session.DateOf(args)
		if err != nil {
			return s.Usage(err)
		}
		if err := formatted(s, *format); err != nil {
			return s.Usage(err)
		}
		n, err := s.Client.Night(s.Ctx(), date)
		if err != nil {
			return err
		}
		if err := showSheet(s, n, *format, *picture, n, func(p *printout.Printer) { printNight(p, n, *all) }); err != nil {
			return err
		}
		if missed := missed(n); missed > 0 {
			return session.NotAllGood("%s of the night of %s ended otherwise than done", printout.Count(missed, "outcome", "outcomes"), n.Night)
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
func formatted(s *session.Session, format string) error {
	switch format {
	case formatJSON:
		s.JSON = true
	case formatCSV, formatHTML:
		if s.JSON {
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
func showSheet(s *session.Session, n view.Night, format, picture string, v any, told func(p *printout.Printer)) error {
	out := s.Cmd.OutOrStdout()
	switch picture {
	case "":
	case "-":
		_, err := out.Write(sheet.Picture(n, s.Client.Zone()))
		return err
	default:
		if err := renameio.WriteFile(picture, sheet.Picture(n, s.Client.Zone()), 0o644, renameio.WithExistingPermissions()); err != nil {
			var at *fs.PathError // names a temporary file, which says nothing to anybody
			if errors.As(err, &at) {
				err = at.Err
			}
			return fmt.Errorf("cannot write the picture to %s: %v", picture, err)
		}
	}
	switch format {
	case formatCSV:
		_, err := out.Write(report.CSV(sheet.Report(n, s.Client.Zone())))
		return err
	case formatHTML:
		page, err := report.HTML(sheet.Report(n, s.Client.Zone()))
		if err != nil {
			return err
		}
		_, err = out.Write(page)
		return err
	}
	return s.Show(v, told)
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

func printNight(p *printout.Printer, n view.Night, all bool) {
	sum := n.Summary
	if n.Open {
		sum = printout.Counts(n.States)
	}
	name := "Night of " + n.Night.String()
	if n.Rehearsal {
		name = "Rehearsal of the night of " + n.Night.String()
	}
	p.Line("%s: %s", p.Paint(printout.Heading, name), sum)
	switch {
	case n.Open && !n.Ends.IsZero():
		p.Line("open since %s, %d of %d settled, expected to end at %s, cut-off %s (%s)", p.Moment(n.Opened), n.Settled, n.Total, p.Clock(n.Ends), p.Clock(n.Cutoff), p.Zone)
	case n.Open:
		p.Line("open since %s, %d of %d settled, cut-off %s (%s)", p.Moment(n.Opened), n.Settled, n.Total, p.Clock(n.Cutoff), p.Zone)
	default:
		p.Line("opened %s, closed %s, window until %s (%s)", p.Moment(n.Opened), p.Clock(n.Closed), p.Clock(n.Closes), p.Zone)
	}
	if len(n.Jobs) > 0 {
		p.Line("")
		p.Table([]string{"DEVICE", "PATCH", "OUTCOME", "AT", "TOOK", "VERSION", "WHY"}, Rows(p, n.Jobs))
	}
	for _, q := range n.Quarantine {
		p.Line("\n%s since %s: %s", p.Paint(printout.Bad, q.Patch+" is in quarantine"), p.Clock(q.Since), printout.Reason(q.Reason))
	}
	printLeftOut(p, n.Left, all)
	printCompared(p, n, all)
	_, notDue := wire.Grouped(n.Left)
	p.Line("\nTotal: %s on %s%s, %d of them done; %d left out, %d not due.", printout.Count(n.Total, "patch", "patches"), printout.Count(len(devicesOf(n.Jobs)), "device", "devices"), passes(n),
		n.States[site.Done], len(n.Left)-len(notDue), len(notDue))
	if !n.Rehearsal {
		p.Next(afterNight(n)...)
	}
}

// passes tells how often something to do was found, where that was more than once.
func passes(n view.Night) string {
	if n.Passes < 2 {
		return ""
	}
	return fmt.Sprintf(" in %d passes", n.Passes)
}

// printCompared writes the checks before the night's work and after it: those that have to be told of, or
// all of them; and what was broken on devices before.
func printCompared(p *printout.Printer, n view.Night, all bool) {
	var rows [][]printout.Cell
	unseen := 0
	for _, c := range n.Checks {
		if c.After == site.Unknown {
			unseen++
		}
		if all || c.Before != c.After || c.After != site.Pass && c.After != site.Unknown {
			rows = append(rows, []printout.Cell{printout.Text("%s", c.Check), printout.Text("%s", printout.Or(c.Device, "-")), printout.Text("%s", check(c.Before)), printout.Text("%s", printout.Or(check(c.AtClose), "-")),
				printout.Text("%s", check(c.After)), printout.Text("%s", c.Text)})
		}
	}
	switch last := "LAST"; {
	case len(rows) > 0:
		if n.Open {
			last = "NOW"
		}
		p.Line("\nChecks: before and after")
		p.Table([]string{"CHECK", "DEVICE", "BEFORE", "AT CLOSE", last, "BROKE"}, rows)
	case unseen > 0:
		p.Line("\nChecks: before and after: no difference, none fails; %d not known.", unseen)
	case len(n.Checks) > 0:
		p.Line("\nChecks: before and after: no difference, none fails.")
	}
	for _, d := range n.Devices {
		if d.Before != "" {
			p.Line("%s", printout.Clean(d.Device+": "+d.Before+"."))
		}
	}
}

func check(o site.CheckOutcome) string { return strings.ReplaceAll(string(o), "_", " ") }

// Rows writes jobs as rows of a table, what is not good first.
func Rows(p *printout.Printer, jobs []view.Job) [][]printout.Cell {
	var first, then [][]printout.Cell
	for _, j := range jobs {
		why := printout.Reason(j.Reason)
		if j.Step != "" {
			why = string(j.Step) + " is under way"
		}
		row := []printout.Cell{printout.Text("%s", j.Device), printout.Text("%s", j.Patch), printout.State(j.State), printout.Text("%s", p.Clock(j.Since)), printout.Text("%s", took(j.Steps)), printout.Text("%s", versions(j)), printout.Text("%s", why)}
		if printout.ToneOf(j.State) == printout.Bad {
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
	return printout.Length(site.Duration(sum))
}

func versions(j view.Job) string {
	switch {
	case j.Before == "" && j.After == "":
		return "-"
	case j.Before == j.After || j.After == "":
		return j.Before
	}
	return printout.Or(j.Before, "none") + " to " + j.After
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
		if printout.ToneOf(j.State) == printout.Bad && len(commands) < printout.MaxAdvice {
			commands = append(commands, "nightfill why "+j.Device+" "+j.Patch)
		}
	}
	for _, l := range n.Left {
		if l.State == site.NoAnswer && len(commands) < printout.MaxAdvice {
			commands = append(commands, "nightfill diagnose "+l.Device)
		}
	}
	return commands
}
