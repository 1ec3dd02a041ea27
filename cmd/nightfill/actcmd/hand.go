package actcmd

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// handed makes a command that asks for something to be done to a device, and needs a reason for it.
func handed(cmd *cobra.Command, args cobra.PositionalArgs, do func(*session.Session, context.Context, wire.HandAsked) (wire.Handed, error), say func(*printout.Printer, wire.Handed)) *cobra.Command {
	ask := wire.HandAsked{}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "why, for the next person who asks")
	return session.Action(cmd, args, func(s *session.Session, args []string) error {
		if ask.Reason == "" {
			return s.Usage(errors.New("--reason is missing: say why, for the next person who asks"))
		}
		ask.Device = args[0]
		if len(args) > 1 {
			ask.Patch = args[1]
		}
		done, err := do(s, s.Ctx(), ask)
		if err != nil {
			return err
		}
		return s.Show(done, func(p *printout.Printer) { say(p, done) })
	})
}

// Retry returns `retry`.
func Retry() *cobra.Command {
	return handed(&cobra.Command{
		Use:   "retry DEVICE [PATCH] --reason R",
		Short: "Try once more tonight what was skipped, failed or taken back",
		Long: `Put a settled patch of a device in tonight's queue again, or without PATCH every one that can be
tried. The rules are those of the night: it must fit before the cut-off with its rollback, and groups keep their
floors. Outside the window nothing is begun; what is still due comes with the next night. Your login name goes
into the journal.`,
		Example: "  nightfill retry srv-1 pos-app-4.2.1 --reason \"disk was full, cleaned up\"",
	}, cobra.RangeArgs(1, 2), func(s *session.Session, ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
		return s.Client.Retry(ctx, ask)
	}, func(p *printout.Printer, h wire.Handed) {
		p.Line("%s is tried once more on %s, asked by %s: %s", strings.Join(h.Patches, ", "), h.Device, h.Actor, h.Reason)
		p.Next("nightfill why "+h.Device, "nightfill journal --follow")
	})
}

// Rollback returns `rollback`.
func Rollback() *cobra.Command {
	return handed(&cobra.Command{
		Use:   "rollback DEVICE PATCH --reason R",
		Short: "Take a patch of the newest night off a device again",
		Long: `Take a patch that the newest night put on off a device again, at any time of day, and prove that what
was there before is back. It is not put on in this store again until its bytes change, or until someone runs
nightfill release PATCH. Your login name goes into the journal.`,
		Example: "  nightfill rollback srv-1 pos-app-4.2.1 --reason \"receipts print twice\"",
	}, cobra.ExactArgs(2), func(s *session.Session, ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
		return s.Client.RollBack(ctx, ask)
	}, func(p *printout.Printer, h wire.Handed) {
		p.Line("%s is being taken off %s, asked by %s: %s", strings.Join(h.Patches, ", "), h.Device, h.Actor, h.Reason)
		p.Next("nightfill why "+h.Device+" "+strings.Join(h.Patches, " "), "nightfill check")
	})
}

// Restart returns `restart`.
func Restart() *cobra.Command {
	return handed(&cobra.Command{
		Use:   "restart DEVICE --reason R",
		Short: "Restart a device, and see that it comes back",
		Long: `Restart a device and see that it comes back with another boot id. It is refused while a step runs on
the device, and in a night while its groups cannot spare it. Your login name goes into the journal.`,
		Example: "  nightfill restart srv-1 --reason \"till hangs at sign-on\"",
	}, cobra.ExactArgs(1), func(s *session.Session, ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
		return s.Client.Restart(ctx, ask)
	}, func(p *printout.Printer, h wire.Handed) {
		p.Line("%s is being restarted, asked by %s: %s", h.Device, h.Actor, h.Reason)
		p.Line("It is wanted back by %s.", p.Clock(h.Until))
		p.Next("nightfill devices", "nightfill check")
	})
}

// Takeover returns `takeover`.
func Takeover() *cobra.Command {
	return handed(&cobra.Command{
		Use:   "takeover DEVICE --reason R",
		Short: "Let this box work on a device that works for another box",
		Long: `A device works for the box that was set up last, so that an old box that is switched on again does no harm.
Where the clock of a box was wrong when it was set up, that may be the wrong one: every later box is refused as busy. Stop
the other box first. The device then works for this one, and refuses the other. It is refused while work runs on the
device. Your login name goes into the journal.`,
		Example: "  nightfill takeover srv-1 --reason \"the old box is gone; its clock was years ahead\"",
	}, cobra.ExactArgs(1), func(s *session.Session, ctx context.Context, ask wire.HandAsked) (wire.Handed, error) {
		return s.Client.TakeOver(ctx, ask)
	}, func(p *printout.Printer, h wire.Handed) {
		p.Line("%s works for this box from now on, asked by %s: %s", h.Device, h.Actor, h.Reason)
		p.Next("nightfill retry "+h.Device+" --reason R", "nightfill plan")
	})
}
