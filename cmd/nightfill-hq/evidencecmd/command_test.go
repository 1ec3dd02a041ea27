package evidencecmd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill-hq/evidencecmd"
	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/hq/audit"
	"github.com/nightfill/nightfill/daemon/hq/audit/audittest"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/fleet/database"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nightfill-hq": headquarters, "nightfill": checker})
}

// headquarters is the command with the database and the catalog of a folder, some time after the past of its
// stores. With --bare it reads no catalog.
func headquarters() {
	root := &cobra.Command{Use: "nightfill-hq", SilenceErrors: true, SilenceUsage: true}
	cmd := evidencecmd.Command(func(cmd *cobra.Command) (evidencecmd.Auditor, func() error, error) {
		dir, _ := cmd.Flags().GetString("dir")
		o := audit.Options{Org: "acme", Policy: comply.DefaultPolicy(), Version: "dev", Now: func() time.Time { return evidencetest.AsOf().Add(time.Hour) }}
		if bare, _ := cmd.Flags().GetBool("bare"); !bare {
			c, err := catalog.New(catalog.Options{Dir: filepath.Join(dir, "catalog"), URL: "https://127.0.0.1/", Root: filepath.Join(dir, "root.json")})
			if err != nil {
				return nil, nil, err
			}
			o.Catalog = c
		}
		db, err := database.Beside(cmd.Context(), "sqlite:"+filepath.Join(dir, "hq.db"), nil)
		if err != nil {
			return nil, nil, err
		}
		return audit.New(db, o), db.Close, nil
	})
	cmd.Flags().String("dir", "", "")
	cmd.Flags().Bool("bare", false, "")
	root.AddCommand(cmd)
	end("nightfill-hq", root.ExecuteContext(context.Background()))
}

// checker is the part of nightfill that checks evidence packs.
func checker() {
	root := &cobra.Command{Use: "nightfill", Version: "dev", SilenceErrors: true, SilenceUsage: true}
	root.AddGroup(storecmd.Groups()...)
	root.AddCommand(storecmd.Commands()...)
	end("nightfill", root.ExecuteContext(context.Background()))
}

func end(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	os.Exit(exit.Code(err))
}

// TestScripts runs the command. Beside the usual ones, a script has
//
//	headquarters DIR    the database DIR/hq.db with the past of two stores, which stays open, the catalog, and root.json
//	exits CODE COMMAND  the command must end with exactly this code
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: func(e *testscript.Env) error {
		e.Setenv("GORACE", "atexit_sleep_ms=0") // or each command waits a second under the race detector
		return nil
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"headquarters": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(tellPast(ts, ts.MkAbs(args[0]))) },
		"exits": func(ts *testscript.TestScript, _ bool, args []string) {
			got := "0"
			var ended interface{ ExitCode() int }
			if errors.As(ts.Exec(args[1], args[2:]...), &ended) {
				got = fmt.Sprint(ended.ExitCode())
			}
			if got != args[0] {
				ts.Fatalf("exit code %s, want %s", got, args[0])
			}
		},
	}})
}

// tellPast makes a database as a headquarters that runs has it open.
func tellPast(ts *testscript.TestScript, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "store"), 0o700); err != nil {
		return err
	}
	p, err := evidencetest.New(filepath.Join(dir, "store"))
	if err != nil {
		return err
	}
	ts.Defer(func() { ts.Check(p.Close()) })
	if err := audittest.Look(p); err != nil {
		return err
	}
	db, err := database.Open(context.Background(), "sqlite:"+filepath.Join(dir, "hq.db"), nil)
	if err != nil {
		return err
	}
	ts.Defer(func() { ts.Check(db.Close()) })
	for _, store := range []string{"0142", "0143"} {
		records, err := audittest.Records(p, store)
		if err != nil {
			return err
		}
		if _, err := db.Take(context.Background(), append(audittest.Describe(p, store), records...)); err != nil {
			return err
		}
	}
	return errors.Join(
		os.CopyFS(filepath.Join(dir, "catalog"), os.DirFS(filepath.Join(dir, "store", "catalog"))),
		os.WriteFile(filepath.Join(dir, "root.json"), p.Root, 0o600))
}
