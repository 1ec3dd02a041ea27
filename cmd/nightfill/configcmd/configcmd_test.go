package configcmd_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/configcmd"
	"github.com/nightfill/nightfill/cmd/nightfill/exit"
)

// TestMain makes the test binary a small nightfill with `config` alone.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nightfill": func() {
		root := &cobra.Command{Use: "nightfill", SilenceErrors: true, SilenceUsage: true}
		root.AddCommand(configcmd.Command())
		err := root.Execute()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(exit.Code(err))
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each command waits a second under the race detector
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE COMMAND...: the command ends with exactly this code.
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want := args[0]
				err := ts.Exec(args[1], args[2:]...)
				got := "0"
				if err != nil {
					got = fmt.Sprint(err)
				}
				if got != want && got != "exit status "+want {
					ts.Fatalf("%v: %s, want %s", args[1:], got, want)
				}
			},
		},
	})
}

func TestEveryCommandHasAnExample(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Example == "" || c.Short == "" || c.Long == "" {
			t.Errorf("%s: its help is not complete", c.CommandPath())
		}
		if c.HasParent() && c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(configcmd.Command())
}
