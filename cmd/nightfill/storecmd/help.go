package storecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control"
)

// Overview wraps the help of a program: the root command gets a page of its groups with an
// example for each command, every other command the help that it had.
func Overview(usual func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		if cmd.HasParent() {
			usual(cmd, args)
			return
		}
		fmt.Fprint(cmd.OutOrStdout(), overview(cmd))
	}
}

func overview(root *cobra.Command) string {
	k := session.Box()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", root.Long)
	width := 0
	for _, c := range root.Commands() {
		width = max(width, len(c.Name()))
	}
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n%s\n", g.Title)
		for _, c := range root.Commands() {
			if c.GroupID != g.ID || !c.IsAvailableCommand() && c.Name() != "help" {
				continue
			}
			fmt.Fprintf(&b, "  %-*s  %s\n", width, c.Name(), c.Short)
			if example, _, _ := strings.Cut(strings.TrimSpace(c.Example), "\n"); example != "" {
				fmt.Fprintf(&b, "  %-*s    %s\n", width, "", example)
			}
		}
	}
	fmt.Fprintf(&b, `
Commands of a store find the daemon by --socket PATH, --state DIR or --config FILE, by the environment
(%s, %s, %s), by %s, and else in %s.
Every command takes --json. Exit codes: 0 good, 1 failed, 2 usage or configuration, 3 finished but not all is
good, 4 the daemon is not reachable. More about a command: nightfill COMMAND --help. How to do a task: nightfill help
`, k.Env+"_SOCKET", k.Env+"_STATE", k.Env+"_CONFIG", k.Config, k.State)
	return b.String()
}

// Strict makes a subcommand that does not exist an error of the command line, for every
// command that only holds others; without one, they print their help.
func Strict(root *cobra.Command) {
	for _, c := range root.Commands() {
		Strict(c)
	}
	if root.Runnable() || !root.HasSubCommands() {
		return
	}
	root.Args = cobra.ArbitraryArgs
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		what := "see: " + cmd.CommandPath() + " --help"
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			what = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return exit.With(exit.Usage, &control.Error{Code: session.CodeUsage, Message: fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0]), WhatToDo: what})
	}
	root.SetFlagErrorFunc(session.Usage)
}
