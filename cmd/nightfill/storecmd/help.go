package storecmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/wire"
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

// Strict makes a wrong number of arguments and a flag that cannot be read errors of the command line, in every command
// from root down, and a subcommand that does not exist one for every command that only holds others; without one, they
// print their help.
func Strict(root *cobra.Command) {
	if !root.HasParent() {
		root.InitDefaultCompletionCmd()
		for _, c := range root.Commands() {
			if c.Name() == "completion" {
				answerWhereAsked(c)
			}
		}
	}
	for _, c := range root.Commands() {
		Strict(c)
	}
	root.SetFlagErrorFunc(session.Usage)
	if args := root.Args; args != nil {
		root.Args = func(cmd *cobra.Command, given []string) error {
			err := args(cmd, given)
			if has := (*exit.ExitError)(nil); err == nil || errors.As(err, &has) {
				return err
			}
			return session.TooMany(cmd, given)
		}
	}
	if root.Runnable() || !root.HasSubCommands() {
		return
	}
	if root.Flags().Lookup("json") == nil && root.PersistentFlags().Lookup("json") == nil {
		root.Flags().Bool("json", false, "print JSON, errors too")
		_ = root.Flags().MarkHidden("json") // fails only where there is no such flag
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
		return exit.With(exit.Usage, &wire.Error{Code: session.CodeUsage, Message: fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0]), WhatToDo: what})
	}
}

// answerWhereAsked makes the commands below completion write to where their own output goes: those of cobra keep the
// place that was the program's when they were made.
func answerWhereAsked(completion *cobra.Command) {
	for _, shell := range completion.Commands() {
		shell.RunE = func(cmd *cobra.Command, _ []string) error {
			bare, err := cmd.Flags().GetBool("no-descriptions")
			if err != nil {
				return err
			}
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch {
			case cmd.Name() == "bash":
				return root.GenBashCompletionV2(out, !bare)
			case cmd.Name() == "fish":
				return root.GenFishCompletion(out, !bare)
			case cmd.Name() == "zsh" && bare:
				return root.GenZshCompletionNoDesc(out)
			case cmd.Name() == "zsh":
				return root.GenZshCompletion(out)
			case bare:
				return root.GenPowerShellCompletion(out)
			}
			return root.GenPowerShellCompletionWithDesc(out)
		}
	}
}
