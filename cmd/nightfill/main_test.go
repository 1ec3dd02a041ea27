package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	headquarters "github.com/nightfill/nightfill/cmd/nightfill-hq/commandline"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/evidencetest"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nightfill": main, "nightfill-hq": func() { headquarters.Main("dev", "") }})
}

// TestScripts runs the whole tool. Beside the usual commands, a script has
//
//	exits CODE COMMAND...   the command must end with exactly this code
//	daemon DIR [TROUBLE]    a daemon with the store of controltest, whose socket is in DIR; TROUBLE is red or
//	                        alarm; with night it is still night, all work is settled,
//	                        and motd-3 is in quarantine
//	headquarters DIR [alone]  a headquarters in DIR that runs, with two stores or none; see startHeadquarters
//	followed                waits until somebody follows the journal of that daemon
//	journal DIR             a journal with three records in DIR
//	flip FILE               changes what the records in the file say
func TestScripts(t *testing.T) {
	p := params()
	p.Dir = "testdata/script"
	testscript.Run(t, p)
}

// params are what every script has.
func params() testscript.Params {
	return testscript.Params{
		Setup: func(e *testscript.Env) error {
			// The path of a socket is limited, and that of a script is long.
			short, err := os.MkdirTemp("", "nf")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(short) })
			e.Setenv("STATE", short)
			e.Values[followers{}] = &followers{}
			e.Values[personKey{}] = &reader{}
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each command waits a second under the race detector
			e.Setenv("NEXT_WEEK", time.Now().AddDate(0, 0, 7).UTC().Format(time.DateOnly))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "daemon": startDaemon, "headquarters": startHeadquarters, "followed": followed, "journal": makeJournal, "flip": flip,
			"replace": replaceWords, "forget": forget, "typed": typed, "printed": printed,
		},
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	begun := time.Now()
	err := ts.Exec(args[1], args[2:]...)
	if took := time.Since(begun); took > 10*time.Second {
		ts.Fatalf("%v took %v: it must not wait for anybody", args[1:], took)
	}
	got := "0"
	var e interface{ ExitCode() int }
	if errors.As(err, &e) {
		got = fmt.Sprint(e.ExitCode())
	}
	if (got == args[0]) == neg {
		ts.Fatalf("%v ended with exit code %s, want %s", args[1:], got, args[0])
	}
}

// followers is who reads the journal of a script's daemon.
type followers struct{ journal *controltest.Journal }

func followed(ts *testscript.TestScript, _ bool, _ []string) {
	journal := ts.Value(followers{}).(*followers).journal
	for end := time.Now().Add(30 * time.Second); journal.Waiting() == 0; <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("nobody follows the journal")
		}
	}
}

func startDaemon(ts *testscript.TestScript, _ bool, args []string) {
	box, err := controltest.New()
	ts.Check(err)
	ts.Check(trouble(box, args[1:]))
	users, err := box.Users(ts.MkAbs("."))
	ts.Check(err)
	past := &pasts{dir: filepath.Join(args[0], "past")}
	ts.Defer(func() { past.close() })
	ts.Value(followers{}).(*followers).journal = box.Journal
	path := filepath.Join(args[0], "control.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- control.New(control.Options{
			Box: box, Journal: box.Journal, Evidence: past, Path: path, Version: "1.0.0", Users: users, Terminals: controltest.Terminals{},
		}).Run(ctx)
	}()
	ts.Defer(func() {
		cancel()
		<-ended
	})
	client := client.Dial(path)
	defer client.Close()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if _, err := client.Devices(ctx); err == nil {
			return
		}
	}
	ts.Fatalf("the daemon does not answer")
}

// trouble gives a store what is wrong with it in the morning.
func trouble(box *controltest.Box, what []string) error {
	switch strings.Join(what, " ") {
	case "":
		return nil
	case "night":
		box.SetFacts(func(f *view.Facts) {
			f.Now = f.Now.Add(-4 * time.Hour)
			reason := site.Because(site.CodeQuarantined, "quarantined in this store: a.khan took it off srv-2", "devices", "srv-2")
			f.State = run.Foresee(f.State, run.Event{Kind: run.PatchQuarantined, At: f.Now, Patch: "motd-3", Reason: reason})
		})
		return nil
	case "red":
		return errors.Join(box.SetCheck("POS-1", site.Fail, "connection refused"), box.SetCheck("POS-2", site.Fail, "inactive"))
	case "alarm":
		box.SetFacts(func(f *view.Facts) {
			f.Store.Escalation = []site.Escalation{{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute)}}
		})
		return errors.Join(trouble(box, []string{"red"}), box.Escalate())
	}
	return fmt.Errorf("a store cannot be in trouble with %q", what)
}

// pasts makes the past of a store when somebody asks for evidence of it. Its public root is in its folder.
type pasts struct {
	dir  string
	past *evidencetest.Past
}

// Evidence implements control.Exporter.
func (p *pasts) Evidence(ctx context.Context, w io.Writer, ask control.EvidenceAsked) (run.EvidenceNote, error) {
	if p.past == nil {
		err := os.Mkdir(p.dir, 0o755)
		if err == nil {
			p.past, err = evidencetest.New(p.dir)
		}
		if err == nil {
			err = errors.Join(os.WriteFile(filepath.Join(p.dir, "root.json"), p.past.Root, 0o644), os.WriteFile(filepath.Join(p.dir, "other.json"), p.past.Other, 0o644))
		}
		if err != nil {
			return run.EvidenceNote{}, err
		}
	}
	o := p.past.Order()
	o.From, o.To = ask.From, ask.To
	sum := sha256.New()
	m, err := evidence.Write(ctx, io.MultiWriter(w, sum), p.past, o)
	return run.EvidenceNote{From: ask.From, To: ask.To, AsOf: o.AsOf, First: m.Records.First, Last: m.Records.Last, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

func (p *pasts) close() {
	if p.past != nil {
		_ = p.past.Close()
	}
}

func makeJournal(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	j, err := journal.Open(context.Background(), journal.Options{Dir: dir, Store: strings.Join(args[1:], ""), Ballast: -1})
	ts.Check(err)
	at := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	for i := range 3 {
		_, err := j.Append([]run.Event{{Kind: run.DaemonStarted, At: at.Add(time.Duration(i) * time.Hour), Text: "nightfilld 1.0.0"}}, true)
		ts.Check(err)
	}
	ts.Check(j.Close())
}

// flip changes what the records say, so that their hashes do not fit any more.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	changed := strings.ReplaceAll(string(data), "nightfilld 1.0.0", "nightfilld 6.6.6")
	if changed == string(data) {
		ts.Fatalf("%s holds no record to change", path)
	}
	ts.Check(os.WriteFile(path, []byte(changed), 0o600))
}

// TestHelp holds every command to a help with an example and to --json.
func TestHelp(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Name() == "completion" || sub.Name() == "help" || sub.Name() == "demo" { // demo runs until it is stopped
				continue
			}
			if sub.Short == "" || sub.Example == "" {
				t.Errorf("%s has no short text or no example", sub.CommandPath())
			}
			if sub.HasParent() && sub.Parent() == c.Root() && sub.GroupID == "" {
				t.Errorf("%s is in no group", sub.CommandPath())
			}
			if sub.Runnable() && !sub.HasSubCommands() && sub.Flags().Lookup("json") == nil && sub.InheritedFlags().Lookup("json") == nil {
				t.Errorf("%s has no --json", sub.CommandPath())
			}
			walk(sub)
		}
	}
	walk(command())
}
