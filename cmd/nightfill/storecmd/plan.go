package storecmd

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

func planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [--at T]",
		Short: "Forecast the next night: what goes where, when, and what does not",
		Long: `Forecast the window that is open now or opens next. Every device is looked at, and nothing is
changed: it is the plan that would be made if the window opened now.

T is a moment: RFC 3339, a time of day like 23:30 in store time, or a length of time from now like 24h.`,
		Example: "  nightfill plan\n  nightfill plan --at 48h --all",
	}
	at := cmd.Flags().String("at", "", "plan the window that is open at this moment, or the next one after it")
	all := cmd.Flags().Bool("all", false, "show what is not due, too")
	return action(cmd, cobra.NoArgs, func(s *session, _ []string) error {
		f, err := s.client.Plan(s.ctx(), *at)
		if err != nil {
			return err
		}
		return s.show(f, func(p *printer) { p.plan(f, *all) })
	})
}

func (p *printer) plan(f control.Forecast, all bool) {
	p.line("%s", p.paint(heading, "Night of "+f.Night.String()))
	p.line("window %s to %s (%s), cut-off %s, catalog version %d", p.moment(f.Opens), p.clock(f.Closes), p.zone, p.clock(f.Cutoff), f.Catalog)
	p.line("")
	if len(f.Jobs) == 0 {
		p.line("Nothing is planned.")
	} else {
		var rows [][]cell
		for _, j := range f.Jobs {
			rows = append(rows, []cell{
				text("%d", j.Order), text("%s", j.Device), text("%s", j.Patch), text("%s", p.clock(j.Begins)), text("%s", p.clock(j.Ends)),
				text("%s", length(j.Needs)), text("%s", p.clock(j.LastSafeStart)), text("%s", j.Reboot),
			})
		}
		p.table([]string{"#", "DEVICE", "PATCH", "BEGINS", "ENDS", "NEEDS", "LATEST", "RESTART"}, rows)
		p.line("\nFinished at %s if all goes well, %s before the cut-off.", p.clock(f.Ends), view.Brief(f.Spare.Std()))
		p.line("NEEDS counts the rollback; after LATEST it is not begun any more.")
	}
	p.leftOut(f.Left, all)
	p.next(afterPlan(f)...)
}

func afterPlan(f control.Forecast) []string {
	var commands []string
	for _, l := range f.Left {
		switch {
		case len(commands) == maxAdvice || l.Device == "" || l.Reason == nil || l.State == site.NotDue:
		case l.Reason.Code == site.CodeNotEnrolled:
			commands = append(commands, "nightfill enrol "+l.Device)
		case l.Reason.Code == site.CodeNoAnswer, l.Reason.Code == site.CodeDirty:
			commands = append(commands, "nightfill diagnose "+l.Device)
		}
	}
	return commands
}

func whyCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "why DEVICE [PATCH]",
		Short: "Tell the story of a patch on a device: state, reason, facts, each step",
		Long: `Tell what became of a patch on a device and why: its state, the reason with the facts that decided
it, every step with its outcome and what it printed, and what the next night will do. Without PATCH, of every patch.`,
		Example: "  nightfill why srv-1 pos-app-4.2.1\n  nightfill why srv-1",
	}, cobra.RangeArgs(1, 2), func(s *session, args []string) error {
		patch := ""
		if len(args) == 2 {
			patch = args[1]
		}
		answers, err := s.client.Why(s.ctx(), args[0], patch)
		if err != nil {
			return err
		}
		return s.show(map[string]any{"answers": answers}, func(p *printer) {
			for i, a := range answers {
				if i > 0 {
					p.line("")
				}
				p.why(a)
			}
		})
	})
}

func (p *printer) why(a view.Answer) {
	name := a.Device
	if a.Patch != "" {
		name += "  " + a.Patch
	}
	if a.Title != "" && a.Title != a.Patch {
		name += "  (" + a.Title + ")"
	}
	p.line("%s", p.paint(heading, name))
	since := ""
	if !a.Since.IsZero() {
		since = " since " + p.moment(a.Since)
	}
	if !a.Night.IsZero() {
		since += ", night of " + a.Night.String()
	}
	p.line("  state   %s%s", p.paint(toneOf(a.State), words(a.State)), since)
	p.because("  why     ", a.Reason)
	if a.Step != "" {
		p.line("  now     %s is under way", a.Step)
	}
	if a.Before != "" || a.After != "" {
		p.line("  version %s before, %s now", or(a.Before, "none"), or(a.After, "not read back"))
	}
	if a.Held != nil && (a.Reason == nil || a.Reason.Code != site.CodeHeld) {
		p.line("  held    until %s by %s: %s [%s]", p.moment(a.Held.Until), a.Held.Actor, a.Held.Reason, site.CodeHeld)
	}
	if a.Dirty != nil {
		p.line("  look    a person must look at %s first, then: nightfill release %s", a.Device, a.Device)
		p.because("          ", a.Dirty)
	}
	p.steps(a.Steps)
	p.outlook(a)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (p *printer) outlook(a view.Answer) {
	n := a.Next
	switch {
	case n == nil:
	case n.Reason != nil && a.Reason != nil && n.State == a.State && reason(n.Reason) == reason(a.Reason):
		p.line("  next    night of %s: %s, for the same reason", n.Night, words(n.State))
	case n.Reason == nil:
		p.line("  next    night of %s: %s to %s, needs %s with its rollback", n.Night, p.clock(n.Begins), p.clock(n.Ends), length(n.Needs))
	default:
		p.line("  next    night of %s: %s", n.Night, words(n.State))
		p.because("          ", n.Reason)
	}
}

func nightCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "night [DATE]",
		Short: "Report a night: every outcome, and why",
		Long: `Report the newest night, or the one of DATE: the date on which its window opened.

Exit code 0: everything that ended is done. 3: something ended otherwise, or a device did not answer.`,
		Example: "  nightfill night\n  nightfill night 2026-11-21 --json",
	}
	all := cmd.Flags().Bool("all", false, "show what was not due, too")
	return action(cmd, cobra.MaximumNArgs(1), func(s *session, args []string) error {
		date, err := dateOf(args)
		if err != nil {
			return usage(s.cmd, err)
		}
		n, err := s.client.Night(s.ctx(), date)
		if err != nil {
			return err
		}
		if err := s.show(n, func(p *printer) { p.night(n, *all) }); err != nil {
			return err
		}
		if missed := missed(n); missed > 0 {
			return notAllGood("%s of the night of %s ended otherwise than done", count(missed, "outcome", "outcomes"), n.Night)
		}
		return nil
	})
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
	p.line("%s: %s", p.paint(heading, "Night of "+n.Night.String()), sum)
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
	p.leftOut(n.Left, all)
	_, notDue := control.Grouped(n.Left)
	p.line("\nTotal: %s on %s, %d of them done; %d left out, %d not due.", count(n.Total, "patch", "patches"), count(len(devicesOf(n.Jobs)), "device", "devices"),
		n.States[site.Done], len(n.Left)-len(notDue), len(notDue))
	p.next(afterNight(n)...)
}

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
