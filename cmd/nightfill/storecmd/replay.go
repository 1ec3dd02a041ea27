package storecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func replayCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "replay [DATE]",
		Short: "Tell a night as it went, and ask today's rules about each decision again",
		Long: `Tell the newest night, or the one of DATE, record by record: what happened, what was decided, and what
had to wait and why. Wherever the box had decided, the rules of the running program are asked again, in the
state and at the time that the journal tells. Where they would decide otherwise, both decisions are named.
Nothing is changed. How the plan was made is not asked again.

Exit code 0: today's rules decide every time as was decided then. 3: they do not.`,
		Example: "  nightfill replay\n  nightfill replay 2026-11-21 --json",
	}, cobra.MaximumNArgs(1), func(s *session, args []string) error {
		date, err := dateOf(args)
		if err != nil {
			return usage(s.cmd, err)
		}
		v, err := s.client.Replay(s.ctx(), date)
		if err != nil {
			return err
		}
		if err := s.show(v, func(p *printer) { p.replay(v) }); err != nil {
			return err
		}
		if v.Differ > 0 {
			return notAllGood("today's rules differ from the night of %s in %s", v.Night, count(v.Differ, "decision", "decisions"))
		}
		return nil
	})
}

func (p *printer) replay(v view.Replay) {
	verdict := p.paint(good, "today's rules decide the same")
	if v.Differ > 0 {
		verdict = p.paint(bad, fmt.Sprintf("today's rules differ in %d", v.Differ))
	}
	p.line("%s, replayed: %s, %s", p.paint(heading, "Night of "+v.Night.String()), count(v.Decisions, "decision", "decisions"), verdict)
	if v.Open {
		p.line("The night is not over.")
	}
	p.line("")
	for _, m := range v.Moments {
		p.moments(m)
	}
	var devices []string
	for _, m := range v.Moments {
		for _, d := range m.Differs {
			if d.Then != nil && d.Then.Device != "" && len(devices) < maxAdvice {
				devices = append(devices, "nightfill why "+d.Then.Device+" "+d.Then.Patch)
			}
		}
	}
	p.next(devices...)
}

// moments writes one record, what waits from it on, and where the rules differ.
func (p *printer) moments(m view.Moment) {
	e := m.Event
	if e.Kind == run.CheckEnded || e.Kind == run.ArtifactCached {
		return // they decide nothing about the night; --json has them
	}
	who := " "
	if m.Decided {
		who = ">"
	}
	p.line("%s  %s %s", e.At.In(p.zone).Format("15:04:05"), who, p.happened(e))
	for _, w := range m.Waits {
		p.line("          . %s waits: %s", clean(w.Device+" "+w.Patch), reason(w.Reason))
	}
	for _, d := range m.Differs {
		p.line("          %s", p.paint(bad, "! then:  "+p.decision(d.Then)))
		p.line("          %s", p.paint(bad, "  today: "+p.decision(d.Now)))
	}
}

func (p *printer) decision(e *run.Event) string {
	if e == nil {
		return "nothing of the kind"
	}
	text := p.happened(*e)
	if !e.Deadline.IsZero() && e.Kind == run.StepStarted {
		text += " at the latest"
	}
	return text
}

// happened writes an event as a sentence without a subject.
func (p *printer) happened(e run.Event) string {
	attempt := ""
	if e.Attempt > 1 {
		attempt = fmt.Sprintf(" (attempt %d)", e.Attempt)
	}
	var text string
	switch e.Kind {
	case run.StepStarted:
		text = fmt.Sprintf("begin %s of %s on %s%s, until %s", e.Step, e.Patch, e.Device, attempt, e.Deadline.In(p.zone).Format("15:04:05"))
	case run.StepEnded:
		text = fmt.Sprintf("%s of %s on %s%s ended: %s", e.Step, e.Patch, e.Device, attempt, words(e.Outcome))
		if e.To != "" {
			text += ", now " + words(e.To)
		}
	case run.PatchSettled:
		text = fmt.Sprintf("settle %s on %s: %s", e.Patch, e.Device, words(e.To))
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
		parts := []string{string(e.Kind), e.Device, e.Patch, told(e, p.zone), by(e)}
		if e.Reason != nil {
			parts[3] = ""
		}
		text = strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
	}
	if e.Reason != nil {
		text += ": " + reason(e.Reason)
	}
	return clean(text)
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
