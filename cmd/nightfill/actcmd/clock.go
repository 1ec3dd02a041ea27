package actcmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// Clock returns `clock` with its subcommand.
func Clock() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clock", Short: "Say that the clock of the box is right",
		Example: "  nightfill clock confirm --reason \"compared with my phone\"",
	}
	cmd.AddCommand(confirm())
	return cmd
}

func confirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm --reason R",
		Short: "Say that the clock is right, and the later times in the journal are not",
		Long: `Say that the clock of the box shows the right time now. A clock that once ran ahead has left times in the
journal that are still to come: until then the box does not trust its clock, and begins nothing. Compare the clock with
another one first. Your login name goes into the journal.

A night that was opened meanwhile is not opened again when its date comes.`,
		Example: "  timedatectl\n  nightfill clock confirm --reason \"compared with my phone; the old battery had jumped\"",
	}
	ask := wire.ClockAsked{}
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "how you know, for the next person who asks")
	return session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		if ask.Reason == "" {
			return s.Usage(errors.New("--reason is missing: say how you know, for the next person who asks"))
		}
		c, err := s.Client.ConfirmClock(s.Ctx(), ask)
		if err != nil {
			return err
		}
		return s.Show(c, func(p *printout.Printer) {
			p.Line("The clock shows %s (%s), and is right by the word of %s: %s", p.Moment(c.Now), p.Zone, c.Actor, c.Reason)
			if c.Unsure != nil {
				p.Line("It is not trusted yet: %s", printout.Reason(c.Unsure))
			}
			p.Next("nightfill status", "nightfill plan")
		})
	})
}
