package catalogcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/patchfile"
)

// Command is `nightfill catalog`. Its errors carry exit codes; with --json they are printed
// as {"error": ...} on the standard output before they are returned.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Make, sign, release and publish patches (headquarters)",
		Long: `A catalog is a directory at headquarters. Patches are added as drafts, signed by
their owners, released to a ring and published as static files that stores fetch
and verify. Nothing reaches a store before the owner's threshold signed.`,
		Example: `  nightfill catalog init hq --keys keys --owner pos-app=2/3
  nightfill catalog add hq pos-app-4.2.1.yaml
  nightfill catalog sign hq --key keys/pos-app-1
  nightfill catalog release hq pos-app-4.2.1 --ring pilot
  nightfill catalog publish hq /srv/catalog`,
	}
	cmd.PersistentFlags().Bool("json", false, "print JSON, errors too")
	cmd.AddCommand(initCommand(), addCommand(), dropCommand(), signCommand(), releaseCommand(), withdrawCommand(), exceptCommand(), holdCommand(), liftCommand(),
		publishCommand(), statusCommand(), verifyCommand(), rotateCommand(), roleCommand(), serveCommand(), storeCommand())
	return cmd
}

// report is what a command prints: v as JSON, or text for people.
type report struct {
	v    any
	text string
	code int // exit code of a command that finished, but not all is good
}

// action wraps what a command does with printing: reports and errors, as text or JSON.
func action(args cobra.PositionalArgs, do func(cmd *cobra.Command, args []string) (report, error)) func(*cobra.Command) {
	return func(cmd *cobra.Command) {
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.Args = func(cmd *cobra.Command, a []string) error {
			if err := args(cmd, a); err != nil {
				return fail(cmd, exit.With(exit.Usage, fmt.Errorf("%w\nusage: %s\nexample:\n%s", err, cmd.UseLine(), cmd.Example)))
			}
			return nil
		}
		cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return fail(cmd, exit.With(exit.Usage, err)) })
		cmd.RunE = func(cmd *cobra.Command, a []string) error {
			r, err := do(cmd, a)
			if err != nil {
				return fail(cmd, err)
			}
			return show(cmd, r)
		}
	}
}

// finish applies an action to a command.
func finish(cmd *cobra.Command, apply func(*cobra.Command)) *cobra.Command {
	apply(cmd)
	return cmd
}

func asJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

func show(cmd *cobra.Command, r report) error {
	if asJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), r.v); err != nil {
			return err
		}
	} else if _, err := io.WriteString(cmd.OutOrStdout(), r.text); err != nil {
		return err
	}
	if r.code != exit.Good {
		return &exit.ExitError{Code: r.code, Err: errIncomplete}
	}
	return nil
}

// errIncomplete is the error of a command that finished and has said already what is not good.
var errIncomplete = errors.New("finished, but not all is good")

// fail prints an error as JSON when that is asked for. Text errors are printed by main.
func fail(cmd *cobra.Command, err error) error {
	if asJSON(cmd) {
		out := map[string]any{"error": err.Error(), "code": exit.Code(err)}
		var problems patchfile.Problems
		if errors.As(err, &problems) {
			out["problems"] = problems
		}
		if perr := printJSON(cmd.OutOrStdout(), out); perr != nil {
			return perr
		}
	}
	return err
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// verifyAsStore lets a store that knows only root look at a catalog.
func verifyAsStore(ctx context.Context, files fs.FS, root []byte, now time.Time) error {
	_, err := catalog.Verify(ctx, "", files, root, now)
	return err
}
