package configcmd

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/config/strict"
)

// file is a kind of configuration file, as its commands speak of it.
type file struct {
	name       string // "store file"
	program    string
	path       string // where it usually is
	other      string // a file that is meant for another machine
	keys       [2]string
	schemaName string
	schemaText func() []byte
	help       func(key string) (strict.Help, error)
	look       func(path string, only bool) (Result, error)
}

func storeFile() file {
	return file{
		name: "store file", program: "nightfill", path: "/etc/nightfill/store.yaml", other: "stores/0142.yaml", keys: [2]string{"window.reserve", "devices.class"},
		schemaName: "store.schema.json", schemaText: config.Schema, help: config.Explain, look: lookStore,
	}
}

func headquartersFile() file {
	return file{
		name: "headquarters file", program: "nightfill-hq", path: "/etc/nightfill/hq.yaml", other: "hq.yaml", keys: [2]string{"login.idle", "escalation.after"},
		schemaName: "headquarters.schema.json", schemaText: hqfile.Schema, help: hqfile.Explain, look: lookHeadquarters,
	}
}

// Headquarters returns the command `config` of nightfill-hq. Its errors carry the same exit codes as those of Command.
func Headquarters() *cobra.Command {
	f := headquartersFile()
	c := &cobra.Command{
		Use:     "config",
		Short:   "Validate and explain the headquarters file",
		Long:    "Validate and explain the headquarters file (hq.yaml). Nothing is changed and nobody is asked: it works anywhere.",
		Example: "  nightfill-hq config validate /etc/nightfill/hq.yaml\n  nightfill-hq config explain login.idle",
		Args:    usage(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(f.validate(), f.schema(), f.explain())
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.With(exit.Usage, err) })
	return c
}

func newResult(path string) Result {
	return Result{File: path, Problems: []strict.Problem{}, Files: []strict.Problem{}, Warnings: []strict.Problem{}}
}

// lookHeadquarters reads a headquarters file and, unless only the file counts, what it names.
func lookHeadquarters(path string, only bool) (Result, error) {
	result := newResult(path)
	c, err := hqfile.Load(path)
	var problems strict.Problems
	switch {
	case errors.As(err, &problems):
		result.Problems = problems
		return result, nil
	case err != nil:
		return result, err
	}
	result.Valid, result.Org = true, c.Org
	if !only {
		result.Files = append(result.Files, hqfile.Check(c)...)
	}
	return result, nil
}
