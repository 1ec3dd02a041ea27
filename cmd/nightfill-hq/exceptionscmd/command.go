// Package exceptionscmd is `nightfill-hq exceptions`: it takes the register of exceptions to the
// signed catalog. It drafts and prints; people sign with `nightfill catalog sign`.
package exceptionscmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/register"
)

// Register is where headquarters keeps notes and its audit log.
type Register interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
	Keep(ctx context.Context, n board.Note) (board.Note, error)
	Record(ctx context.Context, d board.Deed) (board.Deed, error)
	Close() error
}

// Command is `nightfill-hq exceptions`. open opens the register that the flags of the program name; it
// is closed when the command is done.
func Command(open func(cmd *cobra.Command) (Register, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "exceptions", Short: "The register of exceptions", Example: "  nightfill-hq exceptions prepare hq"}
	cmd.AddCommand(prepareCommand(open), listCommand(open))
	return cmd
}

func prepareCommand(open func(cmd *cobra.Command) (Register, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prepare DIR",
		Short: "Write the register into a working folder of the catalog",
		Long: `prepare writes the exceptions of the register that hold into the working folder DIR of the
catalog, and ends those there that were closed. It is a draft: people of the role fleet look at
it and sign it with nightfill catalog sign, and nightfill catalog publish gives it to the stores.
To prepare again changes nothing. Exit code 3: some entries could not be written.`,
		Example: "  nightfill-hq exceptions prepare hq\n  nightfill catalog sign hq --key keys/fleet-1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, open, func(r Register, p printer) error { return prepare(cmd.Context(), r, args[0], p) })
		},
	}
	cmd.Flags().Bool("json", false, "print JSON")
	return cmd
}

func listCommand(open func(cmd *cobra.Command) (Register, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show the register",
		Example: "  nightfill-hq exceptions list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return with(cmd, open, func(r Register, p printer) error {
				entries, err := read(cmd.Context(), r)
				if err != nil {
					return err
				}
				now := time.Now()
				return p.show(entries, func(w io.Writer) {
					for _, e := range entries {
						fmt.Fprintf(w, "%-8s  %s  %s %s, %s: %s\n", e.Status(now), e.Expires.Format(time.DateOnly), e.Patch, e.Scope(), e.Owner, e.Reason)
					}
					if len(entries) == 0 {
						fmt.Fprintln(w, "No exceptions.")
					}
				})
			})
		},
	}
	cmd.Flags().Bool("json", false, "print JSON")
	return cmd
}

// printer prints for people, or JSON.
type printer struct {
	out  io.Writer
	json bool
}

func (p printer) show(v any, text func(io.Writer)) error {
	if !p.json {
		text(p.out)
		return nil
	}
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// with opens the register for a command and closes it.
func with(cmd *cobra.Command, open func(cmd *cobra.Command) (Register, error), do func(Register, printer) error) error {
	asJSON, err := cmd.Flags().GetBool("json")
	if err != nil {
		return err
	}
	r, err := open(cmd)
	if err != nil {
		return err
	}
	return errors.Join(do(r, printer{cmd.OutOrStdout(), asJSON}), r.Close())
}

func read(ctx context.Context, r Register) ([]register.Entry, error) {
	notes, err := r.Notes(ctx, register.NoteKind)
	if err != nil {
		return nil, err
	}
	entries, err := register.Read(notes)
	return append([]register.Entry{}, entries...), err
}

// errRefused is the error of a command that did what it could.
var errRefused = errors.New("finished, but some entries could not be written")

func prepare(ctx context.Context, r Register, dir string, p printer) error {
	notes, err := r.Notes(ctx, register.NoteKind)
	if err != nil {
		return err
	}
	entries, err := register.Read(notes)
	if err != nil {
		return err
	}
	now := time.Now()
	changes, err := catalogdesk.New(catalogdesk.Options{Dir: dir}).Prepare(entries, now)
	if err != nil {
		return err
	}
	who := "command"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	if err := catalogdesk.Remember(ctx, r, notes, changes, who, now); err != nil {
		return err
	}
	err = p.show(map[string]any{"changes": changes}, func(w io.Writer) {
		for _, c := range changes {
			fmt.Fprintf(w, "%s: %s (%s)\n", c.What, c.Text, c.Entry)
		}
		if len(changes) == 0 {
			fmt.Fprintln(w, "Nothing to do: the folder says what the register says.")
			return
		}
		fmt.Fprintf(w, "Next: nightfill catalog sign %s --key KEY, with a key of the role fleet\n", dir)
	})
	for _, c := range changes {
		if c.What == catalogdesk.Refused {
			return &exit.ExitError{Code: exit.NotAllGood, Err: errors.Join(err, errRefused)}
		}
	}
	return err
}
