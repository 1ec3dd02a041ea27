// Package configcmd is `nightfill config`: it validates, describes and explains the
// store file. It works without a daemon and without a network, and it changes nothing.
package configcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
)

// Command returns the command `config` with everything below it. Its errors carry exit
// codes: exit.Usage for a file or a command line that is wrong, exit.NotAllGood for a
// good file that names files which are not.
func Command() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Validate and explain the store file",
		Long:    "Validate and explain the store file (store.yaml). Nothing is changed and nobody is asked: it works anywhere.",
		Example: "  nightfill config validate /etc/nightfill/store.yaml\n  nightfill config explain window.reserve",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := storeFile()
	c.AddCommand(f.validate(), f.schema(), f.explain(), hashPIN())
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.With(exit.Usage, err) })
	return c
}

// usage makes a wrong number of arguments a usage error.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return exit.With(exit.Usage, fmt.Errorf("%w: see `%s --help`", err, c.CommandPath()))
		}
		return nil
	}
}

// asJSON adds the flag --json.
func asJSON(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON")
}

// Result is what `config validate --json` prints.
type Result struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`    // the store file itself is good
	Problems []strict.Problem `json:"problems"` // why it is not
	Files    []strict.Problem `json:"files"`    // what is wrong with the files that it names
	Warnings []strict.Problem `json:"warnings"`
	Store    *Summary         `json:"store,omitempty"` // only of a good store file
	Org      string           `json:"org,omitempty"`   // only of a good headquarters file
}

// Summary says in short what a store file means.
type Summary struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Org      string `json:"org"`
	Ring     string `json:"ring"`
	Calendar string `json:"calendar"`
	Devices  int    `json:"devices"`
	Checks   int    `json:"checks"`
}

func (f file) validate() *cobra.Command {
	c := &cobra.Command{
		Use:   "validate FILE",
		Short: "Say everything that is wrong with a " + f.name,
		Long: `Say everything that is wrong with a ` + f.name + `, each with its place and what to write instead.

The files that it names (keys, certificates, the catalog's root) are looked at too, unless --file-only says that
the ` + f.name + ` is meant for another machine. Exit code 0: good, perhaps with warnings. 2: the ` + f.name + ` is
wrong. 3: the ` + f.name + ` is good, and a file that it names is not.`,
		Example: "  " + f.program + " config validate " + f.path + "\n  " + f.program + " config validate --file-only --json " + f.other,
		Args:    usage(cobra.ExactArgs(1)),
	}
	js := asJSON(c)
	only := c.Flags().Bool("file-only", false, "do not look at the files that it names")
	c.RunE = func(c *cobra.Command, args []string) error {
		result, err := f.look(args[0], *only)
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		if *js {
			if err := printJSON(c.OutOrStdout(), result); err != nil {
				return err
			}
		} else {
			result.print(f, c.OutOrStdout())
		}
		return result.verdict(f)
	}
	return c
}

// lookStore reads a store file and, unless only the file counts, what it names.
func lookStore(path string, only bool) (Result, error) {
	result := newResult(path)
	c, err := config.Load(path)
	var problems strict.Problems
	switch {
	case errors.As(err, &problems):
		result.Problems = problems
		return result, nil
	case err != nil:
		return result, err
	}
	result.Valid = true
	result.Warnings = append(result.Warnings, c.Warnings...)
	if !only {
		result.Files = append(result.Files, config.Check(c)...)
	}
	s := c.Store
	result.Store = &Summary{ID: s.ID, Name: s.Name, Org: s.Org, Ring: string(s.Ring), Calendar: s.Calendar.String(), Devices: len(s.Devices), Checks: len(s.Checks)}
	return result, nil
}

// print writes the result for people, the worst first.
func (r Result) print(f file, w io.Writer) {
	for _, p := range r.Problems {
		fmt.Fprintln(w, p)
	}
	for _, p := range r.Files {
		fmt.Fprintln(w, p)
	}
	for _, p := range r.Warnings {
		fmt.Fprintf(w, "warning: %v\n", p)
	}
	if r.Valid && r.Store == nil {
		fmt.Fprintf(w, "%s: headquarters of %s\n", r.File, r.Org)
	}
	if r.Store == nil {
		return
	}
	fmt.Fprintf(w, "%s: store %s of %s (%s), ring %s, %s, %s\n", r.File, r.Store.ID, r.Store.Org, r.Store.Name, r.Store.Ring,
		count(r.Store.Devices, "device"), count(r.Store.Checks, "check"))
	fmt.Fprintf(w, "window: %s\n", r.Store.Calendar)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// verdict turns the result into the error that sets the exit code.
func (r Result) verdict(f file) error {
	switch {
	case !r.Valid:
		return exit.With(exit.Usage, fmt.Errorf("%s is not a valid %s: %s", r.File, f.name, count(len(r.Problems), "problem")))
	case len(r.Files) > 0:
		return exit.With(exit.NotAllGood, fmt.Errorf("%s is valid, but %s with the files that it names", r.File, count(len(r.Files), "problem")))
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (f file) schema() *cobra.Command {
	c := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the " + f.name,
		Long:    "Print the JSON Schema of the " + f.name + ". Editors complete and check with it: put the line\n\n  # yaml-language-server: $schema=" + f.schemaName + "\n\nat the top of the " + f.name + ".",
		Example: "  " + f.program + " config schema > " + f.schemaName,
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(f.schemaText())
			return err
		},
	}
	asJSON(c) // it is JSON anyway
	return c
}

func (f file) explain() *cobra.Command {
	c := &cobra.Command{
		Use:     "explain [KEY]",
		Short:   "Explain a key of the " + f.name,
		Long:    "Explain a key of the " + f.name + ": what it means, what it may be, and what holds without it. Without KEY, the whole file.",
		Example: "  " + f.program + " config explain " + f.keys[0] + "\n  " + f.program + " config explain " + f.keys[1] + " --json",
		Args:    usage(cobra.MaximumNArgs(1)),
	}
	js := asJSON(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		help, err := f.help(strings.Join(args, ""))
		if err != nil {
			return exit.With(exit.Usage, err)
		}
		if *js {
			return printJSON(c.OutOrStdout(), help)
		}
		printHelp(f, c.OutOrStdout(), help)
		return nil
	}
	return c
}

// printHelp writes the explanation for people.
func printHelp(f file, w io.Writer, h strict.Help) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%-9s %s\n", name, text)
		}
	}
	if h.Key != "" {
		fmt.Fprintln(w, h.Key)
	}
	fmt.Fprintf(w, "%s\n\n", h.Description)
	line("type", h.Type)
	if h.Required {
		line("required", "yes")
	}
	line("default", string(h.Default))
	line("allowed", strings.Join(h.Allowed, ", "))
	for _, e := range h.Examples {
		line("example", string(e))
	}
	line("keys", strings.Join(h.Keys, ", "))
	line("since", fmt.Sprintf("version %d of the %s", h.Since, f.name))
}
