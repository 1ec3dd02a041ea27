// Package actcmd holds the commands of `nightfill` with which a person acts in a store: holds, releases, alarms taken on,
// work on one device, and host keys. Each asks the daemon once and decides nothing; the daemon writes down who asked and why.
package actcmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
)

// Hold returns `hold`.
func Hold() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold DEVICE|all --until T --reason R",
		Short: "Leave a device, or the whole store, alone until a time",
		Long: `Leave a device, or the whole store, alone: nothing is begun on it until T. What is being installed
at this moment is finished or taken back first. Your login name goes into the journal.

T is a moment: RFC 3339, a time of day like 05:00 in store time, or a length of time from now like 4h.`,
		Example: "  nightfill hold srv-1 --until 05:00 --reason \"till in use\"\n  nightfill hold all --until 2026-12-02T05:00:00-06:00 --reason \"stock taking\"",
	}
	ask := wire.HoldAsked{}
	cmd.Flags().StringVar(&ask.Until, "until", "", "until when")
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why, for the next person who asks")
	return session.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		switch {
		case ask.Until == "":
			return s.Usage(errors.New("--until is missing: say until when, like 05:00 or 4h"))
		case ask.Reason == "":
			return s.Usage(errors.New("--reason is missing: say why, for the next person who asks"))
		}
		ask.Device = args[0]
		h, err := s.Client.Hold(s.Ctx(), ask)
		if err != nil {
			return err
		}
		return s.Show(h, func(p *printout.Printer) {
			p.Line("%s is held until %s (%s) by %s: %s", whole(h.Device), p.Moment(h.Until), p.Zone, h.Actor, h.Reason)
			p.Next("nightfill release " + h.Device)
		})
	})
}

// Ack returns `ack`.
func Ack() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ack CODE --reason R",
		Short: "Take an alarm on, so that nobody else is called",
		Long: `Take an alarm on: the tiers of the escalation that were not told yet are not told any more, until it
is over and begins anew, or changes. Your login name and the reason go into the journal, onto the READY page and
to headquarters.`,
		Example: "  nightfill ack POS-1 --reason \"on my way with a new network box\"",
	}
	ask := wire.AckAsked{}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "what you do about it, for the next person who asks")
	return session.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		if ask.Reason == "" {
			return s.Usage(errors.New("--reason is missing: say what you do about it, for the next person who asks"))
		}
		ask.Code = args[0]
		a, err := s.Client.Ack(s.Ctx(), ask)
		if err != nil {
			return err
		}
		return s.Show(a, func(p *printout.Printer) {
			p.Line("%s is taken on by %s: %s", a.Code, a.Ack.Actor, a.Ack.Reason)
			p.Line("It began at %s: %s", p.Clock(a.Since), a.Text)
			p.Next("nightfill check", "nightfill status")
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

// Release returns `release`.
func Release() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release DEVICE|all|PATCH [--reason R]",
		Short: "End a hold or a quarantine, or say that you have looked at a device",
		Long: `End the hold of a device, or of the whole store. For a device whose rollback failed it also says
that a person has looked at it and that it may be patched again. A patch that proved itself guilty in this
store is let out of its quarantine: it may be begun again, tonight too. Your login name goes into the journal.`,
		Example: "  nightfill release srv-1\n  nightfill release all\n  nightfill release pos-app-4.2.1 --reason \"the vendor says that it is mended\"",
	}
	why := cmd.Flags().String("reason", "", "why, for the next person who asks")
	return session.Action(cmd, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		r, err := s.Client.Release(s.Ctx(), args[0], *why)
		if err != nil {
			return err
		}
		return s.Show(r, func(p *printout.Printer) {
			if r.Held != nil {
				p.Line("%s is released by %s; it was held until %s by %s: %s", whole(r.Device), r.Actor, p.Moment(r.Held.Until), r.Held.Actor, r.Held.Reason)
			}
			if r.Quarantine != nil {
				p.Line("%s may be begun again, decided by %s; it was quarantined since %s: %s", r.Patch, r.Actor, p.Moment(r.Quarantine.Since), printout.Reason(r.Quarantine.Reason))
			}
			if r.Dirty != nil {
				p.Line("%s may be patched again, decided by %s; it was set aside because: %s", r.Device, r.Actor, printout.Reason(r.Dirty))
			}
			p.Next("nightfill plan")
		})
	})
}
