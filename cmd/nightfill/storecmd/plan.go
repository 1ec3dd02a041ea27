package storecmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
)

func planCommand() *cobra.Command {
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
		chances := doubts(f.Chance)
		for _, j := range f.Jobs {
			rows = append(rows, []cell{
				text("%d", j.Order), text("%s", j.Device), text("%s", j.Patch), text("%s", p.clock(j.Begins)), text("%s", p.clock(j.Ends)),
				text("%s", length(j.Needs)), text("%s", p.clock(j.LastSafeStart)), text("%s", j.Reboot), text("%s", parts(j.Estimate)),
				text("%s", chances[[2]string{j.Device, j.Patch}]),
			})
		}
		head := []string{"#", "DEVICE", "PATCH", "BEGINS", "ENDS", "NEEDS", "LATEST", "RESTART", "ESTIMATE", "CHANCE"}
		if len(chances) == 0 {
			head[len(head)-1] = ""
		}
		p.table(head, rows)
		p.line("\nFinished at %s if all goes well, %s before the cut-off.", p.clock(f.Ends), view.Brief(f.Spare.Std()))
		p.line("NEEDS counts the rollback; after LATEST it is not begun any more.")
		p.bundles(f.Jobs)
		p.chance(f)
		for _, j := range f.Jobs {
			if j.Note != "" {
				p.line("%s on %s is due again: %s.", j.Patch, j.Device, j.Note)
			}
		}
	}
	p.leftOut(f.Left, all)
	p.next(afterPlan(f)...)
}

// bundles names what is put on together.
func (p *printer) bundles(jobs []control.PlannedJob) {
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
		p.line("%s gets %s together: one restart, and all are proven before any counts.", b.device, strings.Join(patches[b], ", "))
	}
}

// parts writes what an estimate is made of, and where it comes from.
func parts(e estimate.Estimate) string {
	text := "install " + length(e.Install)
	if e.Reboot > 0 {
		text += ", restart " + length(e.Reboot)
	}
	return text + ", verify " + length(e.Verify+e.Soak) + ", rollback " + length(e.Rollback) + ": " + e.From
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
	if a.Note != "" {
		p.line("  due     %s", a.Note)
	}
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
	if a.Estimate != nil {
		p.line("  needs   %s", parts(*a.Estimate))
		p.line("          not begun after %s", p.clock(a.LastSafeStart))
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
		if n.Note != "" {
			p.line("          %s", n.Note)
		}
		if n.Estimate != nil {
			p.line("          %s", parts(*n.Estimate))
			p.line("          not begun after %s", p.clock(n.LastSafeStart))
		}
	default:
		p.line("  next    night of %s: %s", n.Night, words(n.State))
		p.because("          ", n.Reason)
	}
}
