// Package session is one run of a command that asks a daemon: it finds the daemon, prints its answer for people or as
// JSON, and gives errors the exit codes that scripts rely on. It knows no command.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/patchfile"
)

// The codes of errors that come from no daemon.
const (
	CodeUsage       = "usage"
	codeFailed      = "failed"
	codeNotAllGood  = "not_all_good"
	codeUnreachable = "unreachable"
	codeInterrupted = "interrupted"
)

// Session is one run of a command that asks a daemon. Its client is closed when the command ends.
type Session struct {
	Cmd    *cobra.Command
	Place  Place
	Client *client.Client
	JSON   bool // the answer is printed as JSON
}

// Ctx ends when the program is interrupted.
func (s *Session) Ctx() context.Context { return s.Cmd.Context() }

// Action makes cmd ask the daemon of a store, as Keeper.Action says.
func Action(cmd *cobra.Command, args cobra.PositionalArgs, do func(s *Session, args []string) error) *cobra.Command {
	return Box().Action(cmd, args, do)
}

// Action makes cmd ask this daemon: it adds the flags that every such command has, and turns
// every error into one with an exit code.
func (k Keeper) Action(cmd *cobra.Command, args cobra.PositionalArgs, do func(s *Session, args []string) error) *cobra.Command {
	var where flags
	f := cmd.Flags()
	f.StringVar(&where.socket, "socket", "", "control socket of the daemon")
	f.StringVar(&where.state, "state", "", "state directory of the daemon")
	f.StringVar(&where.config, "config", "", k.File+", which names the state directory")
	asJSON := f.Bool("json", false, "print JSON, errors too")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(Usage)
	cmd.Args = func(cmd *cobra.Command, a []string) error {
		if args(cmd, a) == nil {
			return nil
		}
		return TooMany(cmd, a)
	}
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		found, err := where.find(k, os.Getenv)
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		s := &Session{Cmd: cmd, Place: found, Client: k.dial(found.Socket), JSON: *asJSON}
		defer s.Client.Close()
		return coded(do(s, a))
	}
	return cmd
}

// Usage makes an error one of the command line, and says where to read on.
func Usage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return exit.With(exit.Usage, &wire.Error{Code: CodeUsage, Message: plainFlag(err.Error()), WhatToDo: "see: " + cmd.CommandPath() + " --help"})
}

// badFlag is how the parser of flags refuses a value, in the words of the function that read it.
var badFlag = regexp.MustCompile(`^invalid argument (".*") for "(?:-., )?(--[a-z-]+)" flag: (strconv\.Parse(?:Uint|Int|Bool)|time:)`)

// plainFlag says it for people.
func plainFlag(text string) string {
	m := badFlag.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	what := map[string]string{
		"strconv.ParseUint": "a whole number, 0 or more", "strconv.ParseInt": "a whole number",
		"strconv.ParseBool": "true or false", "time:": "a length of time like 90s, 45m or 1h30m",
	}[m[3]]
	return m[2] + " " + m[1] + " is not " + what
}

// TooMany is the error of a command that got another number of arguments than it takes.
func TooMany(cmd *cobra.Command, args []string) error {
	return Usage(cmd, fmt.Errorf("%s got %s: it is written %s", cmd.CommandPath(), printout.Count(len(args), "argument", "arguments"), strings.TrimSuffix(cmd.UseLine(), " [flags]")))
}

// coded gives an error the exit code that scripts rely on.
func coded(err error) error {
	var (
		has     *exit.ExitError
		gone    *client.Unreachable
		refused *wire.Error
	)
	switch {
	case err == nil || errors.As(err, &has):
		return err
	case errors.As(err, &gone):
		return exit.With(exit.Unreachable, err)
	case errors.As(err, &refused) && slices.Contains([]string{wire.CodeBadRequest, accounts.BadRole, accounts.BadName}, refused.Code):
		return exit.With(exit.Usage, err)
	}
	return err
}

// NotAllGood is the error of a command that finished, and tells that not all is good.
func NotAllGood(format string, args ...any) error {
	return exit.With(exit.NotAllGood, fmt.Errorf(format, args...))
}

// Report prints the error of a command on w, as one line or as JSON.
func Report(w io.Writer, err error, asJSON bool) {
	if !asJSON {
		lines := strings.Split(said(err), "\n")
		for i, l := range lines {
			lines[i] = printout.Clean(l)
		}
		fmt.Fprintln(w, "nightfill:", strings.Join(lines, "\n"))
		return
	}
	var (
		refused *wire.Error
		gone    *client.Unreachable
	)
	e := &wire.Error{Message: said(err), Code: codeFailed}
	switch {
	case errors.Is(err, context.Canceled):
		e.Code = codeInterrupted
	case errors.As(err, &refused):
		e = refused
	case errors.As(err, &gone):
		e = &wire.Error{Message: gone.Message(), Code: codeUnreachable, WhatToDo: gone.WhatToDo()}
	case exit.Code(err) == exit.Usage:
		e.Code = CodeUsage
	case exit.Code(err) == exit.NotAllGood:
		e.Code = codeNotAllGood
	}
	out := struct {
		*wire.Error
		Problems patchfile.Problems `json:"problems,omitempty"` // of a file, each with its place
	}{Error: e}
	_ = errors.As(err, &out.Problems)
	_ = writeJSON(w, map[string]any{"error": out}) // there is nobody else to tell
}

// said is the text of an error; a command that was interrupted says so.
func said(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted before it was finished"
	}
	return err.Error()
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Show prints v as JSON, or what text writes for people.
func (s *Session) Show(v any, text func(p *printout.Printer)) error {
	if s.JSON {
		return writeJSON(s.Cmd.OutOrStdout(), v)
	}
	p := printout.New(s.Client.Zone(), printout.Coloured(s.Cmd.OutOrStdout()))
	p.Columns = printout.Columns(s.Cmd.OutOrStdout())
	text(p)
	_, err := s.Cmd.OutOrStdout().Write(p.Bytes())
	return err
}

// Usage makes an error one of the command line that this session has.
func (s *Session) Usage(err error) error { return Usage(s.Cmd, err) }

// DateOf reads the date of a night from the first argument. Without one it is the zero date, the newest night.
func DateOf(args []string) (window.Date, error) {
	if len(args) == 0 {
		return window.Date{}, nil
	}
	return window.ParseDate(args[0])
}
