package storecmd_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/nightfill/nightfill/cmd/nightfill/exit"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/cmd/nightfill/storecmd"
	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/run"
)

var update = flag.Bool("update", false, "rewrite what the commands are expected to print")

// box makes the store that a file of testdata/golden speaks of, by the first word of its comment.
func box(t *testing.T, which string) *controltest.Box {
	t.Helper()
	made := map[string]func() (*controltest.Box, error){"morning": controltest.New, "night": controltest.AtNight, "fresh": controltest.Fresh}
	b, err := made[which]()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// trouble gives a store what the comment of a file says in brackets.
func trouble(t *testing.T, b *controltest.Box, comment string) {
	t.Helper()
	var err error
	switch {
	case strings.Contains(comment, "(broken)"):
		err = errors.Join(b.SetCheck("POS-1", site.Fail, "connection refused"), b.SetCheck("POS-2", site.Fail, "inactive"))
	case strings.Contains(comment, "(alarm)"):
		b.SetFacts(escalating)
		if err = b.SetCheck("POS-2", site.Fail, "inactive"); err == nil {
			err = errors.Join(b.SetCheck("POS-1", site.Fail, "connection refused"), b.Escalate())
		}
	case strings.Contains(comment, "(unknown)"):
		err = errors.Join(b.SetCheck("POS-1", site.Unknown, "no answer"), b.SetCheck("POS-2", site.Unknown, "no answer"))
	case strings.Contains(comment, "(learned)"):
		b.SetFacts(learned)
	case strings.Contains(comment, "(network)"):
		b.SetFacts(moreChecks)
		err = errors.Join(
			b.SetCheck("NET-1", site.Fail, "the gateway 10.77.0.1 does not answer within 10s (try 3 of 3)"),
			b.SetCheck("POS-1", site.Unknown, "not looked at: it needs NET-1, which is failing"),
			b.SetCheck("POS-2", site.Unknown, "not looked at: it needs NET-1, which is failing"),
			b.SetCheck("PRN-1", site.Unknown, "not looked at: it needs NET-1, which is failing"),
			b.SetCheck("CERT-1", site.Unknown, "not looked at: it needs NET-1, which is failing"))
	case strings.Contains(comment, "(more)"):
		b.SetFacts(moreChecks)
		err = errors.Join(
			b.SetCheck("NET-1", site.Pass, "the gateway 10.77.0.1 answers to an echo"),
			b.SetCheck("PRN-1", site.Fail, "it is out of paper, it is offline"),
			b.SetCheck("CERT-1", site.Warn, "its certificate ends on 2026-12-04, in 12 days; warns from 30, fails from 0"))
	case strings.Contains(comment, "(uncached)"):
		b.SetFacts(func(f *view.Facts) {
			f.State.Cached = maps.Clone(f.State.Cached)
			delete(f.State.Cached, strings.Repeat("a", 64))
			f.CatalogNo = site.Because(site.CodeCatalogOld, "the catalog was issued 20 days ago")
		})
	case strings.Contains(comment, "(disk full)"):
		b.SetFacts(func(f *view.Facts) {
			f.State.Full = site.Because(site.CodeBoxFull, "the disk of this box is full: /var/lib/nightfill lacks the 8 MiB that the journal keeps in reserve; free some space there; nothing is begun until then")
		})
	case strings.Contains(comment, "(all held)"):
		b.SetFacts(func(f *view.Facts) {
			f.State.Holds = map[string]site.Hold{site.AllDevices: {Device: site.AllDevices, Until: f.Now.Add(24 * time.Hour), Reason: "stock taking", Actor: "ann"}}
		})
	case strings.Contains(comment, "(odd)"):
		b.SetFacts(odd)
	case strings.Contains(comment, "(excepted)"):
		b.SetFacts(excepted)
	case strings.Contains(comment, "(held by headquarters)"):
		b.SetFacts(heldAbove)
	case strings.Contains(comment, "(quarantined)"):
		b.SetFacts(quarantined)
	case strings.Contains(comment, "(forged)"):
		b.Journal.Forge(forged)
	case strings.Contains(comment, "(fail)"):
		b.Fail(site.Because(site.CodeCatalogUnreachable, "the catalog cannot be fetched: no route to host"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// escalating is a store that calls two contacts, one after the other.
func escalating(f *view.Facts) {
	f.Store.Escalation = []site.Escalation{{To: "Night desk"}, {To: "Area manager", After: site.Duration(30 * time.Minute)}}
}

// learned is a store that knows from twelve runs how long pos-app-4.2.1 takes on its servers.
func learned(f *view.Facts) {
	for range 12 {
		f.State.Learned = f.State.Learned.Learn(string(site.LinuxServer), "pos-app-4.2.1", estimate.Install, 22*time.Minute)
	}
}

// odd is a store that headquarters does not reach, whose clock is not trusted, and in which
// srv-2 needs a person.
func odd(f *view.Facts) {
	f.Line.Connected = false
	f.State.Unsure = site.Because(site.CodeClockUnsure, "the clock is not synchronised")
	f.State.Dirty = map[string]*site.Reason{"srv-2": site.Because(site.CodeRollbackFailed, "taken back without proof", "first", "the installer ended with exit code 1")}
	f.Inventory = maps.Clone(f.Inventory)
	o := f.Inventory["srv-2"]
	o.Broken, o.RebootPending, o.Clock = []string{"pos-app"}, true, o.At.Add(-5*time.Minute)
	f.Inventory["srv-2"] = o
}

// moreChecks is a store that looks at its network, a printer and a certificate too.
func moreChecks(f *view.Facts) {
	f.Store.Checks = append(slices.Clone(f.Store.Checks),
		site.Check{ID: "NET-1", Kind: site.CheckGateway, Retries: 2},
		site.Check{ID: "PRN-1", Device: "srv-1", Kind: site.CheckPrinter, Address: "10.77.0.31:9100", Optional: true},
		site.Check{ID: "CERT-1", Device: "srv-2", Kind: site.CheckCert, Address: "10.77.0.12:443", Warn: 30})
}

// heldAbove is a store in which headquarters wants nothing to be begun.
func heldAbove(f *view.Facts) {
	h := site.StoreHold{Reason: "the power is cut tonight", At: f.Now.Add(-time.Hour), By: "kim"}
	f.Catalog.HeldStores = map[string]site.StoreHold{f.Store.ID: h}
	f.State.Catalog.StoreHeld = &h
}

// excepted is a store in which the exception of one patch ends before the next night, and that of
// another one does not.
func excepted(f *view.Facts) {
	f.Catalog.Patches = slices.Clone(f.Catalog.Patches)
	app, kernel := &f.Catalog.Patches[0], &f.Catalog.Patches[2]
	app.Exceptions = []site.Exception{{Patch: app.Patch.ID, Owner: "pos-owner", Reason: "vendor fix pending", Expires: f.Now.Add(time.Hour)}}
	kernel.Release = &site.Release{Ring: site.RingFleet}
	kernel.Exceptions = []site.Exception{{Patch: kernel.Patch.ID, Devices: []string{"srv-2"}, Owner: "it", Reason: "old network card", Expires: f.Now.AddDate(0, 0, 8)}}
	for _, a := range append(kernel.Patch.Artifacts, kernel.Patch.Rollback.Artifacts...) {
		f.State.Cached[a.SHA256] = true
	}
}

// quarantined is a store in which the application proved itself guilty in the night, so that srv-2
// does not get it again.
func quarantined(f *view.Facts) {
	app := f.Catalog.Patches[0].Patch
	reason := site.Because(site.CodeQuarantined, "quarantined in this store: it broke srv-2, where it had to prove itself: the service is not running",
		"devices", "srv-2", "nights", "2026-11-21", "first", "the service is not running", "first_code", "verify_failed")
	at := f.State.Night.Opened.Add(7 * time.Minute)
	e := run.Event{Kind: run.PatchQuarantined, At: at, Patch: app.ID, Text: policy.Digest(app), Reason: reason}
	f.State = run.Foresee(f.State, e)
}

// forged gives the installations on srv-2 more time than these rules do.
func forged(e *run.Event) {
	if e.Kind == run.StepStarted && e.Step == run.Install && e.Device == "srv-2" {
		e.Deadline = e.Deadline.Add(10 * time.Minute)
	}
}

// serve runs a daemon's control socket on a box until the test ends.
func serve(t *testing.T, b *controltest.Box) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nf")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "c.sock")
	users, err := b.Users(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- control.New(control.Options{Box: b, Journal: b.Journal, Users: users, Terminals: controltest.Terminals{}, Path: socket, Version: "1.0.0"}).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		os.RemoveAll(dir)
	})
	c := client.Dial(socket)
	defer c.Close()
	for ctx.Err() == nil {
		if _, err := c.Devices(ctx); err == nil {
			return socket
		}
		runtime.Gosched()
	}
	return socket
}

// nightfill runs one command line as main does.
func nightfill(socket, in, line string) string {
	root := &cobra.Command{Use: "nightfill", Version: "1.0.0", SilenceErrors: true, SilenceUsage: true}
	root.AddGroup(storecmd.Groups()...)
	root.AddCommand(storecmd.Commands()...)
	catalog := &cobra.Command{Use: "catalog", GroupID: storecmd.GroupSetUp}
	catalog.AddCommand(storecmd.CatalogCommands()...)
	root.AddCommand(catalog)
	storecmd.Strict(root)
	args := words(line)
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(strings.NewReader(in))
	if socket != "" {
		root.SetArgs(append(args, "--socket", socket))
	} else {
		root.SetArgs(args)
	}
	err := root.ExecuteContext(context.Background())
	if err != nil {
		session.Report(&errs, err, strings.Contains(line, "--json"))
	}
	text := out.String()
	if errs.Len() > 0 {
		text += "-- stderr\n" + errs.String()
	}
	return text + fmt.Sprintf("-- exit %d\n", exit.Code(err))
}

// words splits a line at spaces, but for those in double quotes.
func words(line string) []string {
	var args []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// TestGolden runs the command lines that the files of testdata/golden name, one after another on
// one store, and compares everything that they print.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			store, _, _ := strings.Cut(string(archive.Comment), ":")
			b := box(t, store)
			trouble(t, b, string(archive.Comment))
			socket, dir := serve(t, b), t.TempDir() // OUT in a command line
			for i, f := range archive.Files {
				line, in, _ := strings.Cut(f.Name, " < ")
				got := strings.ReplaceAll(plain(nightfill(socket, in, strings.ReplaceAll(line, "OUT/", dir+"/")), socket), dir+"/", "OUT/")
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("nightfill %s\ngot\n%s\nwant\n%s", f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// plain takes out what differs from run to run and from machine to machine.
func plain(text, socket string) string {
	text = strings.ReplaceAll(text, socket, "SOCKET")
	text = strings.ReplaceAll(text, runtime.Version(), "GO")
	text = strings.ReplaceAll(text, runtime.GOOS+"/"+runtime.GOARCH, "SYSTEM")
	text = strings.ReplaceAll(text, `"made_by": "`+me()+`"`, `"made_by": "ME"`)
	text = regexp.MustCompile(`by `+me()+`\b`).ReplaceAllString(text, "by ME")
	text = regexp.MustCompile(`\b`+me()+` is restarting`).ReplaceAllString(text, "ME is restarting")
	return strings.ReplaceAll(text, `"actor": "`+me()+`"`, `"actor": "ME"`)
}
