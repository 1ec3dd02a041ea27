// Package storecmd is the part of `nightfill` that talks to the daemon of a store. Each command
// asks the control socket once or twice and prints the answer, for people or as JSON. It decides
// nothing and keeps nothing.
//
// For people, problems come first, then numbers, then what to do next. A pipe gets the same
// text without colour; nothing is ever cut off.
package storecmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control"
)

// The groups of commands, as the help of the program shows them.
const (
	GroupLook  = "look"
	GroupAct   = "act"
	GroupProve = "prove"
	GroupSetUp = "setup"
)

// Groups returns the groups of commands in their order. The root command needs them.
func Groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: GroupLook, Title: "See how the store is:"},
		{ID: GroupAct, Title: "Act in the store:"},
		{ID: GroupProve, Title: "Look back and prove:"},
		{ID: GroupSetUp, Title: "Set up and headquarters:"},
	}
}

// Commands returns the commands of a store. Their errors carry exit codes; Report prints them.
func Commands() []*cobra.Command {
	group := func(id string, commands ...*cobra.Command) []*cobra.Command {
		for _, c := range commands {
			c.GroupID = id
		}
		return commands
	}
	all := group(GroupLook, statusCommand(), devicesCommand(), planCommand(), rehearseCommand(), whyCommand(), nightCommand(), cacheCommand(), diagnoseCommand())
	all = append(all, group(GroupAct, checkCommand(), holdCommand(), releaseCommand(), ackCommand(), retryCommand(), rollbackCommand(), restartCommand(), shellCommand(), enrolCommand())...)
	all = append(all, group(GroupProve, journalCommand(), evidenceCommand(), recordingsCommand(), replayCommand(), bundleCommand())...)
	return append(all, group(GroupSetUp, userCommand(box()), versionCommand())...)
}

// session is one run of a command.
type session struct {
	cmd    *cobra.Command
	place  place
	client *control.Client
	json   bool
}

func (s *session) ctx() context.Context { return s.cmd.Context() }

// action makes cmd ask the daemon: it adds the flags that every such command has, and turns
// every error into one with an exit code.
func action(cmd *cobra.Command, args cobra.PositionalArgs, do func(s *session, args []string) error) *cobra.Command {
	return box().action(cmd, args, do)
}

func (k keeper) action(cmd *cobra.Command, args cobra.PositionalArgs, do func(s *session, args []string) error) *cobra.Command {
	var where flags
	f := cmd.Flags()
	f.StringVar(&where.socket, "socket", "", "control socket of the daemon")
	f.StringVar(&where.state, "state", "", "state directory of the daemon")
	f.StringVar(&where.config, "config", "", k.file+", which names the state directory")
	asJSON := f.Bool("json", false, "print JSON, errors too")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(usage)
	cmd.Args = func(cmd *cobra.Command, a []string) error {
		if args(cmd, a) == nil {
			return nil
		}
		return usage(cmd, fmt.Errorf("%s got %s: it is written %s", cmd.CommandPath(), count(len(a), "argument", "arguments"), strings.TrimSuffix(cmd.UseLine(), " [flags]")))
	}
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		found, err := where.find(k, os.Getenv)
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		s := &session{cmd: cmd, place: found, client: k.dial(found.socket), json: *asJSON}
		defer s.client.Close()
		return coded(do(s, a))
	}
	return cmd
}

// usage makes an error one of the command line, and says where to read on.
func usage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return exit.With(exit.Usage, &control.Error{Code: codeUsage, Message: err.Error(), WhatToDo: "see: " + cmd.CommandPath() + " --help"})
}

// The codes of errors that come from no daemon.
const (
	codeUsage       = "usage"
	codeFailed      = "failed"
	codeNotAllGood  = "not_all_good"
	codeUnreachable = "unreachable"
)

// coded gives an error the exit code that scripts rely on.
func coded(err error) error {
	var (
		has     *exit.ExitError
		gone    *control.Unreachable
		refused *control.Error
	)
	switch {
	case err == nil || errors.As(err, &has):
		return err
	case errors.As(err, &gone):
		return exit.With(exit.Unreachable, err)
	case errors.As(err, &refused) && slices.Contains([]string{control.CodeBadRequest, accounts.BadRole, accounts.BadName}, refused.Code):
		return exit.With(exit.Usage, err)
	}
	return err
}

// notAllGood is the error of a command that finished, and tells that not all is good.
func notAllGood(format string, args ...any) error {
	return exit.With(exit.NotAllGood, fmt.Errorf(format, args...))
}

// Report prints the error of a command on w, as one line or as JSON.
func Report(w io.Writer, err error, asJSON bool) {
	if !asJSON {
		fmt.Fprintln(w, "nightfill:", err)
		return
	}
	var (
		refused *control.Error
		gone    *control.Unreachable
	)
	e := &control.Error{Message: err.Error(), Code: codeFailed}
	switch {
	case errors.As(err, &refused):
		e = refused
	case errors.As(err, &gone):
		e = &control.Error{Message: gone.Message(), Code: codeUnreachable, WhatToDo: gone.WhatToDo()}
	case exit.Code(err) == exit.Usage:
		e.Code = codeUsage
	case exit.Code(err) == exit.NotAllGood:
		e.Code = codeNotAllGood
	}
	_ = writeJSON(w, map[string]any{"error": e}) // there is nobody else to tell
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// show prints v as JSON, or what text writes for people.
func (s *session) show(v any, text func(p *printer)) error {
	if s.json {
		return writeJSON(s.cmd.OutOrStdout(), v)
	}
	var b bytes.Buffer
	text(&printer{Buffer: &b, zone: s.client.Zone(), colour: coloured(s.cmd.OutOrStdout())})
	_, err := s.cmd.OutOrStdout().Write(b.Bytes())
	return err
}

// coloured reports whether w is a terminal of somebody who wants colours.
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
