// Package evidencecmd is `nightfill-hq evidence`: it makes an evidence pack of many stores from the
// database of headquarters, also while headquarters runs.
package evidencecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/hq/audit"
	"github.com/nightfill/nightfill/site/window"
)

// Auditor makes packs.
type Auditor interface {
	Write(ctx context.Context, w io.Writer, o audit.Order) (audit.Done, error)
}

// Command is `nightfill-hq evidence`. open opens what the flags of the program name; done is called when the
// command is over.
func Command(open func(cmd *cobra.Command) (a Auditor, done func() error, err error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence --from DATE --to DATE --out FILE.zip [--store ID]...",
		Short: "Make an evidence pack of many stores, for an auditor",
		Long: `Write an evidence pack of the nights from one date to another, both included, from what headquarters has stored.
A night has the date on which its window opens. In the pack are a pack for each store, as nightfill evidence
makes it in the store; how every patch stands on every device; the register of exceptions; and the audit log of
headquarters. What headquarters never received is named as missing.

It works while headquarters runs, and needs nothing but the database and, for the approvals, what headquarters
has read of the signed catalog (the folder state of the headquarters file). With the same --as-of the same nights
give the same bytes, while nobody describes a store anew or changes an exception. That a pack was made, by whom and
with which SHA-256, is written into the audit log.

Exit codes: 0 made, 1 failed, 2 called wrongly.`,
		Example: "  nightfill-hq evidence --from 2026-11-01 --to 2026-11-30 --out november.zip\n  nightfill evidence verify november.zip --root root.json",
		Args:    cobra.NoArgs,
	}
	var a asked
	f := cmd.Flags()
	f.StringVar(&a.from, "from", "", "the first night")
	f.StringVar(&a.to, "to", "", "the last night; without it, the first one alone")
	f.StringVar(&a.out, "out", "", "the file to write")
	f.StringVar(&a.asOf, "as-of", "", "tell nothing that headquarters knew later than at this moment, like 2026-11-22T06:00:00Z")
	f.StringArrayVar(&a.stores, "store", nil, "only this store; may be repeated")
	f.BoolVar(&a.json, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		o, err := a.order(time.Now())
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		auditor, done, err := open(cmd)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		return a.make(cmd, auditor, o)
	}
	return cmd
}

// asked is what the command line says.
type asked struct {
	from, to, out, asOf string
	stores              []string
	json                bool
}

// order reads the command line.
func (a asked) order(now time.Time) (audit.Order, error) {
	o := audit.Order{Stores: a.stores, AsOf: now.UTC().Truncate(time.Second), Origin: "program", By: "command"}
	if a.from == "" || a.out == "" {
		return o, errors.New("say which nights and where to: --from DATE --to DATE --out FILE.zip")
	}
	if a.to == "" {
		a.to = a.from
	}
	var err, err2, err3 error
	o.From, err = window.ParseDate(a.from)
	o.To, err2 = window.ParseDate(a.to)
	if a.asOf != "" {
		if o.AsOf, err3 = time.Parse(time.RFC3339, a.asOf); err3 != nil {
			err3 = fmt.Errorf("--as-of is %q: write a moment like 2026-11-22T06:00:00Z", a.asOf)
		}
	}
	if u, err := user.Current(); err == nil {
		o.By = u.Username
	}
	return o, errors.Join(err, err2, err3)
}

// told is what is printed as JSON.
type told struct {
	File    string    `json:"file"`
	AsOf    time.Time `json:"as_of"`
	Stores  int       `json:"journals"`
	Missing int       `json:"missing"`
	Rows    int       `json:"rows"`
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256"`
}

// make writes a pack to a file, at once or not at all.
func (a asked) make(cmd *cobra.Command, auditor Auditor, o audit.Order) error {
	file, err := renameio.NewPendingFile(a.out, renameio.WithPermissions(0o600))
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", a.out, err)
	}
	defer func() { _ = file.Cleanup() }() // after it was put in its place there is nothing to remove
	done, err := auditor.Write(cmd.Context(), file, o)
	var wrong *audit.OrderError
	if errors.As(err, &wrong) {
		return exit.With(exit.Usage, err)
	}
	if err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("cannot write %s: %w", a.out, err)
	}
	m := done.Manifest
	t := told{a.out, o.AsOf.UTC(), len(m.Stores), len(m.Missing), m.Compliance.Rows, done.Bytes, done.SHA256}
	out := cmd.OutOrStdout()
	if a.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(t)
	}
	_, err = fmt.Fprintf(out, "The evidence of the nights %s to %s is written to %s, %d KiB.\n%-9s %d\n%-9s %d\n%-9s %d patches on devices\n%-9s %s\n%-9s %s\n\nNext: nightfill evidence verify %s --root root.json\n",
		o.From, o.To, t.File, (t.Bytes+1023)>>10, "journals", t.Stores, "missing", t.Missing, "rows", t.Rows, "as of", t.AsOf.Format(time.RFC3339Nano), "sha256", t.SHA256, t.File)
	return err
}
