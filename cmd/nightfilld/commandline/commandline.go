// Package commandline is what may be said on the command line of nightfilld, with its help. It runs
// nothing: the program does, and manual pages are made from it.
package commandline

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

// Flags are what may be said on the command line; all else is in the store file.
type Flags struct {
	Config, State, Level, Format string
}

// Command returns the command without what it does, and its flags, which hold their values once it runs.
func Command() (*cobra.Command, *Flags) {
	f := &Flags{}
	root := &cobra.Command{
		Use:   "nightfilld --config FILE",
		Short: "Run the appliance of one store",
		Long: `nightfilld patches the devices of one store at night, proves before opening that the store
can trade, and tells headquarters. Everything it needs to know is in the store file.

Exit codes: 0 stopped when told to, 1 failed, 2 wrong usage or store file.`,
		Example: "  nightfilld --config /etc/nightfill/store.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.With(exit.Usage, fmt.Errorf("%q is not understood: it is written nightfilld --config FILE; see: nightfilld --help", args[0]))
			}
			return nil
		},
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.With(exit.Usage, err) })
	root.Flags().StringVar(&f.Config, "config", "", "the store file (required)")
	root.Flags().StringVar(&f.State, "state", "", "where to keep everything; overrides state in the store file")
	root.Flags().StringVar(&f.Level, "log-level", "info", "debug, info, warn or error")
	root.Flags().StringVar(&f.Format, "log-format", "text", "text or json")
	return root, f
}
