package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/logs"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// flags are what may be said on the command line; all else is in the store file.
type flags struct {
	config, state, level, format string
}

func command() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "nightfilld --config FILE",
		Short: "Run the appliance of one store",
		Long: `nightfilld patches the devices of one store at night, proves before opening that the store
can trade, and tells headquarters. Everything it needs to know is in the store file.

Exit codes: 0 stopped when told to, 1 failed, 2 wrong usage or store file.`,
		Example:       "  nightfilld --config /etc/nightfill/store.yaml",
		Version:       fmt.Sprintf("%s (time zone data %s)", version, tzdata.Version()),
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.With(exit.Usage, err) })
	root.Flags().StringVar(&f.config, "config", "", "the store file (required)")
	root.Flags().StringVar(&f.state, "state", "", "where to keep everything; overrides state in the store file")
	root.Flags().StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	root.Flags().StringVar(&f.format, "log-format", "text", "text or json")
	root.AddCommand(journalCheck())
	return root
}

// journalCheck is the process in which the journal file is checked before it is opened.
func journalCheck() *cobra.Command {
	return &cobra.Command{
		Use: "journal-check FILE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if journal.ServeCheck(cmd.OutOrStdout(), args[0]) != 0 {
				return errors.New("the journal is not good")
			}
			return nil
		},
	}
}

func (f flags) run(cmd *cobra.Command) error {
	log, err := logs.New(os.Stderr, f.format, f.level)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if f.config == "" {
		return exit.With(exit.Usage, errors.New("no store file is named; write: nightfilld --config /etc/nightfill/store.yaml"))
	}
	cfg, err := config.Load(f.config)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if f.state != "" {
		cfg.State = f.state
	}
	for _, warning := range cfg.Warnings {
		log.Warn(warning.String())
	}
	if problems := config.Check(cfg); len(problems) > 0 {
		return exit.With(exit.Usage, config.Problems(problems))
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program's own file, which checks the journal: %w", err)
	}
	d, err := daemon.New(cmd.Context(), daemon.Options{
		Config: cfg, Version: version, Built: buildDate(), Log: log, CheckCommand: []string{self, "journal-check"}, Console: screen("/dev/console"),
	})
	if err != nil {
		return err
	}
	return d.Run(cmd.Context())
}

// buildDate is when this program was built: no clock may be earlier. Zero when nobody said.
func buildDate() time.Time {
	for _, text := range append([]string{built}, fromVersionControl()...) {
		if t, err := time.Parse(time.RFC3339, strings.TrimSpace(text)); err == nil {
			return t
		}
	}
	return time.Time{}
}

// fromVersionControl is the date of the commit, where the toolchain wrote it into the program.
func fromVersionControl() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return []string{s.Value}
		}
	}
	return nil
}
