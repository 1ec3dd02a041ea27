// Command nightfill is the operator's tool, in a store and at headquarters.
package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/catalogcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/configcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/democmd"
	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/helpcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/manual"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
	"github.com/nightfill/nightfill/cmd/nightfilld/commandline"
	"github.com/nightfill/nightfill/ui/handbook"
)

// Set when the program is linked: -ldflags "-X main.version=1.0.0 -X main.built=2026-11-22T00:00:00Z".
var (
	version = "dev"
	built   string
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		session.Report(os.Stderr, err, slices.Contains(os.Args, "--json"))
	}
	os.Exit(exit.Code(err))
}

// command is the whole tool. A new command is made in a package of its own and added here.
func command() *cobra.Command {
	root := &cobra.Command{
		Use: "nightfill", Version: version, Annotations: map[string]string{storecmd.Built: built}, SilenceErrors: true, SilenceUsage: true,
		Long: "nightfill looks after a store's patches, and after the catalog they come from.",
	}
	root.AddGroup(storecmd.Groups()...)
	root.AddCommand(storecmd.Commands()...)
	catalog := catalogcmd.Command()
	catalog.AddCommand(storecmd.CatalogCommands()...)
	for _, c := range []*cobra.Command{catalog, configcmd.Command(), democmd.Command(version)} {
		c.GroupID = storecmd.GroupSetUp
		root.AddCommand(c)
	}
	daemon, _ := commandline.Command()
	help := helpcmd.Command(handbook.Open(), helpcmd.Program{
		Name: "nightfill", Section: manual.Commands, Topic: "red-till", Subcommand: "hold", Others: []*cobra.Command{daemon},
	})
	help.GroupID = storecmd.GroupSetUp
	root.SetHelpCommand(help)
	root.SetCompletionCommandGroupID(storecmd.GroupSetUp)
	storecmd.Strict(root)
	root.SetHelpFunc(storecmd.Overview(root.HelpFunc()))
	return root
}
