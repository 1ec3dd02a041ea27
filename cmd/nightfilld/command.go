package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfilld/commandline"
	"github.com/nightfill/nightfill/daemon"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/logs"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

func command() *cobra.Command {
	root, f := commandline.Command()
	root.Version = fmt.Sprintf("%s (time zone data %s)", version, tzdata.Version())
	root.RunE = func(cmd *cobra.Command, _ []string) error { return run(cmd, *f) }
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

func run(cmd *cobra.Command, f commandline.Flags) error {
	log, queue, err := logs.New(os.Stderr, f.Format, f.Level)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	defer queue.Start()()
	if f.Config == "" {
		return exit.With(exit.Usage, errors.New("no store file is named; write: nightfilld --config /etc/nightfill/store.yaml"))
	}
	cfg, err := config.Load(f.Config)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if f.State != "" {
		cfg.State = f.State
	}
	for _, warning := range cfg.Warnings {
		log.Warn(warning.String())
	}
	if problems := config.Check(cfg); len(problems) > 0 {
		return exit.With(exit.Usage, strict.Problems(problems))
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program's own file, which checks the journal: %w", err)
	}
	d, err := daemon.New(cmd.Context(), daemon.Options{
		Config: cfg, Version: version, Built: buildDate(), Log: log, CheckCommand: []string{self, "journal-check"}, Console: screen("/dev/console"),
	})
	if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to end before it had begun
	}
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
