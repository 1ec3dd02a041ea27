package storecmd

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
)

// CatalogCommands returns what a store does with its catalog, as subcommands of `nightfill catalog`.
func CatalogCommands() []*cobra.Command { return []*cobra.Command{refreshCommand(), importCommand()} }

func refreshCommand() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:     "refresh",
		Short:   "In a store: fetch the catalog now",
		Long:    "Have the daemon of the store fetch the signed catalog now instead of when it would do so by itself. What is not signed as it should be changes nothing.",
		Example: "  nightfill catalog refresh",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		c, err := s.Client.Refresh(s.Ctx())
		if err != nil {
			return err
		}
		return s.Show(c, func(p *printout.Printer) { printTaken(p, c) })
	})
}

func importCommand() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "import DIR",
		Short: "In a store: take the catalog and its artifacts from a directory, as from a USB stick",
		Long: `Take the catalog and its artifacts from a directory of this box, as from a USB stick. DIR is what
` + "`nightfill catalog publish`" + ` wrote. It is verified exactly as one from the network: it is signed, and not older than the store's.`,
		Example: "  nightfill catalog import /media/usb/catalog",
	}, cobra.ExactArgs(1), func(s *session.Session, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		c, err := s.Client.Import(s.Ctx(), dir)
		if err != nil {
			return err
		}
		return s.Show(c, func(p *printout.Printer) { printTaken(p, c) })
	})
}

func printTaken(p *printout.Printer, c wire.CatalogTaken) {
	news := "The store has the newest catalog already"
	if c.Changed {
		news = "The store has a new catalog"
	}
	p.Line("%s: version %d of %s, %s.", news, c.Version, p.Moment(c.Issued), printout.Count(len(c.Patches), "patch", "patches"))
	for _, id := range c.Patches {
		p.Line("  %s", id)
	}
	p.Next("nightfill plan")
}
