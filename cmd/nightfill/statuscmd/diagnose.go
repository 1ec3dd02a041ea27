package statuscmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/nightcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
)

// Diagnose returns `diagnose`.
func Diagnose() *cobra.Command {
	check := ""
	cmd := session.Action(&cobra.Command{
		Use:   "diagnose DEVICE [--check ID]",
		Short: "Look at a device now and show all that is known of it",
		Long: `Look at a device now, without changing anything on it, and show all that is known: whether it
answers, its system, its packages, its checks, its jobs of the newest night, and who holds it.
With --check nothing else is looked at than what this one check of the device asks, after those that it needs.

Exit code 0: the device answered. 3: it could not be looked at, a check of it failed, or a person must look at it.`,
		Example: "  nightfill diagnose srv-1\n  nightfill diagnose till-2 --check POS-2\n  nightfill diagnose srv-1 --json | jq .observation.packages",
	}, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		v, err := s.Client.Diagnose(s.Ctx(), args[0], check)
		if err != nil {
			return err
		}
		if err := s.Show(v, func(p *printout.Printer) { printDiagnosis(p, v) }); err != nil {
			return err
		}
		return ill(v)
	})
	cmd.Flags().StringVar(&check, "check", "", "carry out this check of the device alone")
	return cmd
}

// ill says that not all is good with a device.
func ill(v view.Diagnosis) error {
	switch {
	case v.Error != nil:
		return session.NotAllGood("%s could not be looked at", v.Device)
	case v.Dirty != nil:
		return session.NotAllGood("a person must look at %s", v.Device)
	}
	for _, c := range v.Checks {
		if c.Outcome == site.Fail {
			return session.NotAllGood("check %s of %s failed", c.Check, v.Device)
		}
	}
	return nil
}

func printDiagnosis(p *printout.Printer, v view.Diagnosis) {
	printProblems(p, v)
	p.Line("%s", p.Paint(printout.Heading, v.Device))
	row := func(name, text string) {
		if text != "" {
			p.Line("  %-12s %s", name, printout.Clean(text))
		}
	}
	row("class", string(v.Class))
	row("address", v.Address)
	row("groups", strings.Join(v.Groups, " "))
	row("can", strings.Join(v.Capabilities, " "))
	if !v.Enrolled && v.Class != site.Observe {
		row("enrolled", "no: nothing is ever sent to it before its host key is pinned")
	}
	if v.Held != nil {
		row("held", "until "+p.Moment(v.Held.Until)+" by "+v.Held.Actor+": "+v.Held.Reason)
	}
	row("looked at", p.Moment(v.At))
	if o := v.Observation; o != nil {
		printObservation(p, row, *o)
	}
	if len(v.Checks) > 0 {
		p.Line("")
		printResults(p, v.Checks)
	}
	if len(v.Jobs) > 0 {
		p.Line("\nNight of %s:", v.Night)
		p.Table([]string{"DEVICE", "PATCH", "OUTCOME", "AT", "TOOK", "VERSION", "WHY"}, nightcmd.Rows(p, v.Jobs))
	}
	p.Next(afterDiagnosis(v)...)
}

func printProblems(p *printout.Printer, v view.Diagnosis) {
	before := p.Len()
	if v.Error != nil {
		p.Line("%s %s", p.Paint(printout.Bad, "PROBLEM"), printout.Reason(v.Error))
	}
	if v.Dirty != nil {
		p.Line("%s a person must look first: %s", p.Paint(printout.Bad, "PROBLEM"), printout.Reason(v.Dirty))
	}
	if v.Observation != nil && len(v.Observation.Broken) > 0 {
		p.Line("%s packages left half-way: %s", p.Paint(printout.Bad, "PROBLEM"), printout.Clean(strings.Join(v.Observation.Broken, " ")))
	}
	if p.Len() > before {
		p.Line("")
	}
}

func printObservation(p *printout.Printer, row func(name, text string), o site.Observation) {
	row("system", o.System)
	row("up", view.Brief(o.Uptime.Std()))
	row("boot", o.BootID)
	if !o.Clock.IsZero() {
		row("clock", p.Moment(o.Clock)+", "+skew(o))
	}
	row("disk free", fmt.Sprintf("%d MiB", o.DiskFree>>20))
	if o.RebootPending {
		row("restart", "the device asks for one")
	}
	row("packages", fmt.Sprintf("%d seen; all of them with --json", len(o.Packages)))
}

// skew says how far the clock of the device is from that of the box.
func skew(o site.Observation) string {
	switch d := o.Clock.Sub(o.At); {
	case d.Abs() < 2*time.Second:
		return "like the box's"
	case d > 0:
		return view.Brief(d) + " ahead of the box's"
	default:
		return view.Brief(-d) + " behind the box's"
	}
}

func afterDiagnosis(v view.Diagnosis) []string {
	var commands []string
	if !v.Enrolled && v.Class != site.Observe {
		commands = append(commands, "nightfill enrol "+v.Device)
	}
	for _, j := range v.Jobs {
		if printout.ToneOf(j.State) == printout.Bad {
			commands = append(commands, "nightfill why "+v.Device+" "+j.Patch)
		}
	}
	if v.Dirty != nil || v.Held != nil && v.Held.Device == v.Device {
		commands = append(commands, "nightfill release "+v.Device)
	}
	return commands
}
