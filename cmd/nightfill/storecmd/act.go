package storecmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

func checkCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "check",
		Short: "Carry out the readiness checks now and say whether the store can open",
		Long: `Carry out every readiness check now. Checks only look; nothing is changed. What a check needs is looked at
first; when that fails, the check is not looked at, and the one finding says what it hides.

Exit code 0: the store can open, perhaps with something to know. 3: it cannot, or patches are under way,
or nobody can tell.`,
		Example: "  nightfill check\n  nightfill check --json | jq .ready.verdict",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		v, err := s.client.Check(s.ctx())
		if err != nil {
			return err
		}
		if err := s.show(v, func(p *printer) { p.checked(v) }); err != nil {
			return err
		}
		if v.Ready.Ready == 0 {
			return notAllGood("the store is not proven ready: %s", ready.Word(v.Ready.Verdict))
		}
		return nil
	})
}

func (p *printer) checked(v control.Checked) {
	p.line("%s", p.paint(verdictTone(v.Ready.Verdict), v.Ready.Text))
	p.findings("To fix:", bad, v.Ready.Fix)
	p.findings("To know:", heading, v.Ready.Notes)
	if len(v.Ready.Capabilities) > 0 {
		p.line("")
		for _, c := range v.Ready.Capabilities {
			p.line("%s: %d of %d proven to work, %d needed", c.Name, c.Working, c.Total, c.Floor)
		}
	}
	if len(v.Results) == 0 {
		p.line("\nThe store file names no check.")
		return
	}
	p.line("")
	p.results(v.Results)
	var commands []string
	for _, r := range v.Results {
		if r.Outcome == site.Fail && r.Device != "" && len(commands) < maxAdvice {
			commands = append(commands, "nightfill diagnose "+r.Device)
		}
	}
	p.next(commands...)
}

func (p *printer) findings(title string, t tone, findings []ready.Finding) {
	if len(findings) == 0 {
		return
	}
	p.line("\n%s", p.paint(t, title))
	for _, f := range findings {
		p.line("  %s [%s]", f.What, f.Code)
		if f.SoWhat != "" {
			p.line("    %s", f.SoWhat)
		}
		if hidden := append(slices.Clone(f.Hides), f.HidesDevices...); len(hidden) > 0 {
			p.line("    hides %s", strings.Join(hidden, ", "))
		}
		for _, step := range f.Steps {
			p.line("    - %s", step)
		}
		if f.Call != "" {
			p.line("    call %s", strings.TrimSpace(f.Call+" "+f.Phone))
		}
	}
}

// results writes one line for each check: those that failed, those that are not well, the others.
func (p *printer) results(results []site.CheckResult) {
	var first, then, last [][]cell
	for _, r := range results {
		t := map[site.CheckOutcome]tone{site.Pass: good, site.Fail: bad}[r.Outcome]
		row := []cell{text("%s", r.Check), text("%s", or(r.Device, "the store")), {words(r.Outcome), t}, text("%s", p.clock(r.At)), text("%s", length(r.Took)), text("%s", r.Seen)}
		switch r.Outcome {
		case site.Fail:
			first = append(first, row)
		case site.Pass, site.NotApplicable:
			last = append(last, row)
		default:
			then = append(then, row)
		}
	}
	p.table([]string{"CHECK", "DEVICE", "OUTCOME", "AT", "TOOK", "SEEN"}, slices.Concat(first, then, last))
}

func holdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold DEVICE|all --until T --reason R",
		Short: "Leave a device, or the whole store, alone until a time",
		Long: `Leave a device, or the whole store, alone: nothing is begun on it until T. What is being installed
at this moment is finished or taken back first. Your login name goes into the journal.

T is a moment: RFC 3339, a time of day like 05:00 in store time, or a length of time from now like 4h.`,
		Example: "  nightfill hold srv-1 --until 05:00 --reason \"till in use\"\n  nightfill hold all --until 2026-12-02T05:00:00-06:00 --reason \"stock taking\"",
	}
	ask := control.HoldAsked{}
	cmd.Flags().StringVar(&ask.Until, "until", "", "until when")
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why, for the next person who asks")
	return action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		switch {
		case ask.Until == "":
			return usage(s.cmd, errors.New("--until is missing: say until when, like 05:00 or 4h"))
		case ask.Reason == "":
			return usage(s.cmd, errors.New("--reason is missing: say why, for the next person who asks"))
		}
		ask.Device = args[0]
		h, err := s.client.Hold(s.ctx(), ask)
		if err != nil {
			return err
		}
		return s.show(h, func(p *printer) {
			p.line("%s is held until %s (%s) by %s: %s", whole(h.Device), p.moment(h.Until), p.zone, h.Actor, h.Reason)
			p.next("nightfill release " + h.Device)
		})
	})
}

func ackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ack CODE --reason R",
		Short: "Take an alarm on, so that nobody else is called",
		Long: `Take an alarm on: the tiers of the escalation that were not told yet are not told any more, until it
is over and begins anew, or changes. Your login name and the reason go into the journal, onto the READY page and
to headquarters.`,
		Example: "  nightfill ack POS-1 --reason \"on my way with a new network box\"",
	}
	ask := control.AckAsked{}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "what you do about it, for the next person who asks")
	return action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		if ask.Reason == "" {
			return usage(s.cmd, errors.New("--reason is missing: say what you do about it, for the next person who asks"))
		}
		ask.Code = args[0]
		a, err := s.client.Ack(s.ctx(), ask)
		if err != nil {
			return err
		}
		return s.show(a, func(p *printer) {
			p.line("%s is taken on by %s: %s", a.Code, a.Ack.Actor, a.Ack.Reason)
			p.line("It began at %s: %s", p.clock(a.Since), a.Text)
			p.next("nightfill check", "nightfill status")
		})
	})
}

// whole names a device, or the store.
func whole(device string) string {
	if device == site.AllDevices {
		return "The whole store"
	}
	return device
}

func releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release DEVICE|all|PATCH [--reason R]",
		Short: "End a hold or a quarantine, or say that you have looked at a device",
		Long: `End the hold of a device, or of the whole store. For a device whose rollback failed it also says
that a person has looked at it and that it may be patched again. A patch that proved itself guilty in this
store is let out of its quarantine: it may be begun again, tonight too. Your login name goes into the journal.`,
		Example: "  nightfill release srv-1\n  nightfill release all\n  nightfill release pos-app-4.2.1 --reason \"the vendor says that it is mended\"",
	}
	why := cmd.Flags().String("reason", "", "why, for the next person who asks")
	return action(cmd, cobra.ExactArgs(1), func(s *session, args []string) error {
		r, err := s.client.Release(s.ctx(), args[0], *why)
		if err != nil {
			return err
		}
		return s.show(r, func(p *printer) {
			if r.Held != nil {
				p.line("%s is released by %s; it was held until %s by %s: %s", whole(r.Device), r.Actor, p.moment(r.Held.Until), r.Held.Actor, r.Held.Reason)
			}
			if r.Quarantine != nil {
				p.line("%s may be begun again, decided by %s; it was quarantined since %s: %s", r.Patch, r.Actor, p.moment(r.Quarantine.Since), reason(r.Quarantine.Reason))
			}
			if r.Dirty != nil {
				p.line("%s may be patched again, decided by %s; it was set aside because: %s", r.Device, r.Actor, reason(r.Dirty))
			}
			p.next("nightfill plan")
		})
	})
}
