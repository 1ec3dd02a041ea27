package nightcmd

import (
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
)

// Why returns `why`.
func Why() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "why DEVICE [PATCH]",
		Short: "Tell the story of a patch on a device: state, reason, facts, each step",
		Long: `Tell what became of a patch on a device and why: its state, the reason with the facts that decided
it, every step with its outcome and what it printed, and what the next night will do. Without PATCH, of every patch.`,
		Example: "  nightfill why srv-1 pos-app-4.2.1\n  nightfill why srv-1",
	}, cobra.RangeArgs(1, 2), func(s *session.Session, args []string) error {
		patch := ""
		if len(args) == 2 {
			patch = args[1]
		}
		answers, err := s.Client.Why(s.Ctx(), args[0], patch)
		if err != nil {
			return err
		}
		return s.Show(map[string]any{"answers": answers}, func(p *printout.Printer) {
			for i, a := range answers {
				if i > 0 {
					p.Line("")
				}
				printWhy(p, a)
			}
		})
	})
}

func printWhy(p *printout.Printer, a view.Answer) {
	name := a.Device
	if a.Patch != "" {
		name += "  " + a.Patch
	}
	if a.Title != "" && a.Title != a.Patch {
		name += "  (" + a.Title + ")"
	}
	p.Line("%s", p.Paint(printout.Heading, name))
	since := ""
	if !a.Since.IsZero() {
		since = " since " + p.Moment(a.Since)
	}
	if !a.Night.IsZero() {
		since += ", night of " + a.Night.String()
	}
	p.Line("  state   %s%s", p.Paint(printout.ToneOf(a.State), printout.Words(a.State)), since)
	p.Why("  why     ", a.Reason)
	if a.Note != "" {
		p.Line("  due     %s", a.Note)
	}
	if a.Step != "" {
		p.Line("  now     %s is under way", a.Step)
	}
	if a.Before != "" || a.After != "" {
		p.Line("  version %s before, %s now", printout.Or(a.Before, "none"), printout.Or(a.After, "not read back"))
	}
	if a.Held != nil && (a.Reason == nil || a.Reason.Code != site.CodeHeld) {
		p.Line("  held    until %s by %s: %s [%s]", p.Moment(a.Held.Until), a.Held.Actor, a.Held.Reason, site.CodeHeld)
	}
	if a.Dirty != nil {
		p.Line("  look    a person must look at %s first, then: nightfill release %s", a.Device, a.Device)
		p.Why("          ", a.Dirty)
	}
	if a.Estimate != nil {
		p.Line("  needs   %s", parts(*a.Estimate))
		p.Line("          not begun after %s", p.Clock(a.LastSafeStart))
	}
	printSteps(p, a.Steps)
	printOutlook(p, a)
}

func printOutlook(p *printout.Printer, a view.Answer) {
	n := a.Next
	switch {
	case n == nil:
	case n.Reason != nil && a.Reason != nil && n.State == a.State && printout.Reason(n.Reason) == printout.Reason(a.Reason):
		p.Line("  next    night of %s: %s, for the same reason", n.Night, printout.Words(n.State))
	case n.Reason == nil:
		p.Line("  next    night of %s: %s to %s, needs %s with its rollback", n.Night, p.Clock(n.Begins), p.Clock(n.Ends), printout.Length(n.Needs))
		if n.Note != "" {
			p.Line("          %s", n.Note)
		}
		if n.Estimate != nil {
			p.Line("          %s", parts(*n.Estimate))
			p.Line("          not begun after %s", p.Clock(n.LastSafeStart))
		}
	default:
		p.Line("  next    night of %s: %s", n.Night, printout.Words(n.State))
		p.Why("          ", n.Reason)
	}
}

// parts writes what an estimate is made of, and where it comes from.
func parts(e estimate.Estimate) string {
	text := "install " + printout.Length(e.Install)
	if e.Reboot > 0 {
		text += ", restart " + printout.Length(e.Reboot)
	}
	return text + ", verify " + printout.Length(e.Verify+e.Soak) + ", rollback " + printout.Length(e.Rollback) + ": " + e.From
}
