package provecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Replay returns `replay`.
func Replay() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "replay [DATE]",
		Short: "Tell a night as it went, and ask today's rules about each decision again",
		Long: `Tell the newest night, or the one of DATE, record by record: what happened, what was decided, and what
had to wait and why. Wherever the box had decided, the rules of the running program are asked again, in the
state and at the time that the journal tells. Where they would decide otherwise, both decisions are named.
Nothing is changed. How the plan was made is not asked again.

Exit code 0: today's rules decide every time as was decided then. 3: they do not.`,
		Example: "  nightfill replay\n  nightfill replay 2026-11-21 --json",
	}, cobra.MaximumNArgs(1), func(s *session.Session, args []string) error {
		date, err := session.DateOf(args)
		if err != nil {
			return s.Usage(err)
		}
		v, err := s.Client.Replay(s.Ctx(), date)
		if err != nil {
			return err
		}
		if err := s.Show(v, func(p *printout.Printer) { printReplay(p, v) }); err != nil {
			return err
		}
		if v.Differ > 0 {
			return session.NotAllGood("today's rules differ from the night of %s in %s", v.Night, printout.Count(v.Differ, "decision", "decisions"))
		}
		return nil
	})
}

func printReplay(p *printout.Printer, v played.Replay) {
	verdict := p.Paint(printout.Good, "today's rules decide the same")
	if v.Differ > 0 {
		verdict = p.Paint(printout.Bad, fmt.Sprintf("today's rules differ in %d", v.Differ))
	}
	p.Line("%s, replayed: %s, %s", p.Paint(printout.Heading, "Night of "+v.Night.String()), printout.Count(v.Decisions, "decision", "decisions"), verdict)
	if v.Open {
		p.Line("The night is not over.")
	}
	p.Line("")
	for _, m := range v.Moments {
		printMoments(p, m)
	}
	var devices []string
	for _, m := range v.Moments {
		for _, d := range m.Differs {
			if d.Then != nil && d.Then.Device != "" && len(devices) < printout.MaxAdvice {
				devices = append(devices, "nightfill why "+d.Then.Device+" "+d.Then.Patch)
			}
		}
	}
	p.Next(devices...)
}

// printMoments writes one record, what waits from it on, and where the rules differ.
func printMoments(p *printout.Printer, m played.Moment) {
	e := m.Event
	if e.Kind == run.CheckEnded || e.Kind == run.ArtifactCached {
		return // they decide nothing about the night; --json has them
	}
	who := " "
	if m.Decided {
		who = ">"
	}
	p.Line("%s  %s %s", e.At.In(p.Zone).Format("15:04:05"), who, happened(p, e))
	for _, w := range m.Waits {
		p.Line("          . %s waits: %s", printout.Clean(w.Device+" "+w.Patch), printout.Reason(w.Reason))
	}
	for _, d := range m.Differs {
		p.Line("          %s", p.Paint(printout.Bad, "! then:  "+decision(p, d.Then)))
		p.Line("          %s", p.Paint(printout.Bad, "  today: "+decision(p, d.Now)))
	}
}

func decision(p *printout.Printer, e *run.Event) string {
	if e == nil {
		return "nothing of the kind"
	}
	text := happened(p, *e)
	if !e.Deadline.IsZero() && e.Kind == run.StepStarted {
		text += " at the latest"
	}
	return text
}

// happened writes an event as a sentence without a subject.
func happened(p *printout.Printer, e run.Event) string {
	attempt := ""
	if e.Attempt > 1 {
		attempt = fmt.Sprintf(" (attempt %d)", e.Attempt)
	}
	var text string
	switch e.Kind {
	case run.StepStarted:
		text = fmt.Sprintf("begin %s of %s on %s%s, until %s", e.Step, e.Patch, e.Device, attempt, e.Deadline.In(p.Zone).Format("15:04:05"))
	case run.StepEnded:
		text = fmt.Sprintf("%s of %s on %s%s ended: %s", e.Step, e.Patch, e.Device, attempt, printout.Words(e.Outcome))
		if e.To != "" {
			text += ", now " + printout.Words(e.To)
		}
	case run.PatchSettled:
		text = fmt.Sprintf("settle %s on %s: %s", e.Patch, e.Device, printout.Words(e.To))
	case run.NightClosed:
		text = "close the night: " + e.Text
	case run.NightOpened:
		text = "the night opened, the plan stands"
	case run.NightExtended:
		text = "the night goes on with more to do"
	case run.NightCompared:
		text = "compared the checks with those before the night: " + broke(e.Compared)
	case run.DeviceObserved:
		text = "looked at " + e.Device
	case run.DeviceSilent:
		text = e.Device + " does not answer"
	case run.DeviceAnswered:
		text = e.Device + " answers again"
	case run.StepClaimed:
		text = e.Device + " took the work: " + string(e.Step) + " of " + e.Patch
	default:
		parts := []string{string(e.Kind), e.Device, e.Patch, told(e, p.Zone), by(e)}
		if e.Reason != nil {
			parts[3] = ""
		}
		text = strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
	}
	if e.Reason != nil {
		text += ": " + printout.Reason(e.Reason)
	}
	return printout.Clean(text)
}

// broke names the checks that fail, and when they broke.
func broke(compared []site.Compared) string {
	var parts []string
	for _, c := range compared {
		if c.After == site.Fail {
			parts = append(parts, strings.TrimSpace(c.Check+" fails. "+c.Text))
		}
	}
	if len(parts) == 0 {
		return "none fails"
	}
	return strings.Join(parts, " ")
}
