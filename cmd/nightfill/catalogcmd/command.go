package catalogcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/sync/catalog"
)

// Command is `nightfill catalog`. Its errors carry exit codes; main prints them.
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

	silent bool // all was said already
}

// action wraps what a command does with printing: reports and errors, as text or JSON.
func action(args cobra.PositionalArgs, do func(cmd *cobra.Command, args []string) (report, error)) func(*cobra.Command) {
	return func(cmd *cobra.Command) {
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.Args = func(cmd *cobra.Command, a []string) error {
			if err := args(cmd, a); err != nil {
				return exit.With(exit.Usage, fmt.Errorf("%w\nusage: %s\nexample:\n%s", err, cmd.UseLine(), cmd.Example))
			}
			return nil
		}
		cmd.SetFlagErrorFunc(session.Usage)
		cmd.RunE = func(cmd *cobra.Command, a []string) error {
			if err := plainFlags(cmd); err != nil {
				return exit.With(exit.Usage, err)
			}
			r, err := do(cmd, a)
			if err != nil {
				return err
			}
			return show(cmd, r)
		}
	}
}

// plainFlags refuses a list that was given and names nothing, as a script with an empty variable gives it: it would
// mean all. It refuses texts that would break the lines of others, too.
func plainFlags(cmd *cobra.Command) error {
	for _, name := range []string{"stores", "devices", "groups"} {
		if items, err := cmd.Flags().GetStringSlice(name); err == nil && cmd.Flags().Changed(name) && (len(items) == 0 || slices.Contains(items, "")) {
			return fmt.Errorf("--%s names nothing: write --%s A,B, or leave the flag out for all", name, name)
		}
	}
	for _, name := range []string{"reason", "owner", "risk", "controls", "by"} {
		if text, err := cmd.Flags().GetString(name); err == nil && strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("--%s holds a line break or a control character: write it as one plain line", name)
		}
	}
	return nil
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
	if r.silent {
		return nil
	}
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
