package nightcmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
)

// Plan returns `plan`.
func Plan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [--at T]",
		Short: "Forecast the next night: what goes where, when, and what does not",
		Long: `Forecast the window that is open now or opens next. Every device is looked at, and nothing is
changed: it is the plan that would be made if the window opened now. The same rules then play that night up
to 200 times, with devices that are drawn: they take as long and fail as often as others of their kind. CHANCE
is in how many of 100 nights a patch is done in time, where that is not all of them.

T is a moment: RFC 3339, a time of day like 23:30 in store time, or a length of time from now like 24h.`,
		Example: "  nightfill plan\n  nightfill plan --at 48h --all",
	}
	at := cmd.Flags().String("at", "", "plan the window that is open at this moment, or the next one after it")
	all := cmd.Flags().Bool("all", false, "show what is not due, too")
	return session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		f, err := s.Client.Plan(s.Ctx(), *at)
		if err != nil {
			return err
		}
		return s.Show(f, func(p *printout.Printer) { printPlan(p, f, *all) })
	})
}

func printPlan(p *printout.Printer, f wire.Forecast, all bool) {
	p.Line("%s", p.Paint(printout.Heading, "Night of "+f.Night.String()))
	p.Line("window %s to %s (%s), cut-off %s, catalog version %d", p.Moment(f.Opens), p.Clock(f.Closes), p.Zone, p.Clock(f.Cutoff), f.Catalog)
	p.Line("")
	printHeldBack(p, f)
	if len(f.Jobs) == 0 {
		p.Line("Nothing is planned.")
	} else {
		var rows [][]printout.Cell
		chances := doubts(f.Chance)
		for _, j := range f.Jobs {
			rows = append(rows, []printout.Cell{
				printout.Text("%d", j.Order), printout.Text("%s", j.Device), printout.Text("%s", j.Patch), printout.Text("%s", p.Clock(j.Begins)), printout.Text("%s", p.Clock(j.Ends)),
				printout.Text("%s", printout.Length(j.Needs)), printout.Text("%s", p.Clock(j.LastSafeStart)), printout.Text("%s", j.Reboot), printout.Text("%s", parts(j.Estimate)),
				printout.Text("%s", chances[[2]string{j.Device, j.Patch}]),
			})
		}
		head := []string{"#", "DEVICE", "PATCH", "BEGINS", "ENDS", "NEEDS", "LATEST", "RESTART", "ESTIMATE", "CHANCE"}
		if len(chances) == 0 {
			head[len(head)-1] = ""
		}
		p.Table(head, rows)
		p.Line("\n%s at %s if all goes well, %s before the cut-off.", finished(f), p.Clock(f.Ends), view.Brief(f.Spare.Std()))
		p.Line("NEEDS counts the rollback; after LATEST it is not begun any more.")
		printBundles(p, f.Jobs)
		printChance(p, f)
		for _, j := range f.Jobs {
			if j.Note != "" {
				p.Line("%s on %s is due again: %s.", j.Patch, j.Device, j.Note)
			}
		}
	}
	printLeftOut(p, slices.DeleteFunc(slices.Clone(f.Left), func(l plan.LeftOut) bool { return l.Device == "" && l.Patch == "" }), all) // of the store is told above
	p.Next(afterPlan(f)...)
}

// printHeldBack writes why nothing of the plan would be begun, and what to do about it.
func printHeldBack(p *printout.Printer, f wire.Forecast) {
	if f.Passed != nil {
		p.Line("It is not an earlier one: %s.\n", printout.Reason(f.Passed))
	}
	if len(f.HeldBack) == 0 {
		return
	}
	p.Line("%s", p.Paint(printout.Bad, "Nothing is begun as things are:"))
	for _, o := range f.HeldBack {
		p.Line("  %s", printout.Reason(&o.Reason))
		p.Line("    %s", o.Do)
	}
	p.Line("")
}

// finished begins the sentence that says when all is done.
func finished(f wire.Forecast) string {
	if len(f.HeldBack) > 0 {
		return "Without that, finished"
	}
	return "Finished"
}

// printBundles names what is put on together.
func printBundles(p *printout.Printer, jobs []wire.PlannedJob) {
	type bundle struct {
		device string
		number int
	}
	var order []bundle
	patches := map[bundle][]string{}
	for _, j := range jobs {
		b := bundle{j.Device, j.Bundle}
		if j.Bundle > 0 && patches[b] == nil {
			order = append(order, b)
		}
		patches[b] = append(patches[b], j.Patch)
	}
	for _, b := range order {
		p.Line("%s gets %s together: one restart, and all are proven before any counts.", b.device, strings.Join(patches[b], ", "))
	}
}

func afterPlan(f wire.Forecast) []string {
	var commands []string
	for _, l := range f.Left {
		switch {
		case len(commands) == printout.MaxAdvice || l.Device == "" || l.Reason == nil || l.State == site.NotDue:
		case l.Reason.Code == site.CodeNotEnrolled:
			commands = append(commands, "nightfill enrol "+l.Device)
		case l.Reason.Code == site.CodeNoAnswer, l.Reason.Code == site.CodeDirty:
			commands = append(commands, "nightfill diagnose "+l.Device)
		}
	}
	return commands
}
