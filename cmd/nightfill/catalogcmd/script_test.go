package catalogcmd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"nightfill": nightfill})
}

// tidy removes what the tests share when they are done.
type tidy struct{ m *testing.M }

// Run runs the tests.
func (t tidy) Run() int {
	code := t.m.Run()
	if dir, err := template(); err == nil {
		os.RemoveAll(dir)
	}
	return code
}

// nightfill is the smallest program that holds the command.
func nightfill() {
	root := &cobra.Command{Use: "nightfill", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(Command())
	err := root.Execute()
	if err != nil && !errors.Is(err, errIncomplete) {
		session.Report(os.Stderr, err, slices.Contains(os.Args, "--json"))
	}
	os.Exit(exit.Code(err))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NIGHTFILL_KEY_PASSWORD", "")
			e.Setenv("TWO_LINES", "prints\ntwice")
			e.Setenv("NEXT_WEEK", time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each command waits a second under the race detector
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "race" {
				return underRace, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
		},
	})
}

// exits CODE COMMAND... demands an exact exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var e interface{ ExitCode() int }
	if errors.As(err, &e) {
		got = fmt.Sprint(e.ExitCode())
	}
	if (got == args[0]) == neg {
		ts.Fatalf("%v ended with exit code %s, want %s", args[1:], got, args[0])
	}
}
