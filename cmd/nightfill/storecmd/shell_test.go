package storecmd_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/terminal"
)

// serveShells runs a daemon whose devices have shells that parrot, until the test ends.
func serveShells(t *testing.T) (socket string) {
	t.Helper()
	b, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "nf")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "c.sock")
	desk := b.Desk(filepath.Join(dir, "recordings"))
	ctx, cancel := context.WithCancel(context.Background())
	var box sync.WaitGroup
	for _, part := range []func(context.Context) error{desk.Run, control.New(control.Options{Box: b, Journal: b.Journal, Terminals: desk, Path: socket}).Run} {
		box.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		box.Wait()
		os.RemoveAll(dir)
	})
	c := client.Dial(socket)
	defer c.Close()
	for {
		if _, err := c.Devices(ctx); err == nil {
			return socket
		}
	}
}

// told is what a command printed, without what differs from run to run.
func told(text string) string {
	text = regexp.MustCompile(`[0-9]{8}-[0-9]{6}-srv-1-[0-9a-f]{6}`).ReplaceAllString(text, "RECORDING")
	text = regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(text, "DIGEST")
	text = regexp.MustCompile(`[0-9.]+[mµn]?s\b`).ReplaceAllString(text, "TIME")
	text = regexp.MustCompile(`"at": "[^"]+"`).ReplaceAllString(text, `"at": "AT"`)
	return strings.NewReplacer("\r", "", "\x1b[1m", "BOLD", "\x1b[0m", "PLAIN").Replace(text)
}

func TestShell(t *testing.T) {
	socket := serveShells(t)
	first := ""
	run := func(in, line, want string) {
		t.Helper()
		var got string
		for { // the desk may not run yet
			if got = nightfill(socket, in, line); !strings.Contains(got, terminal.ErrStopped.Error()) {
				break
			}
		}
		if first == "" {
			first = got
		}
		if got = told(got); got != want {
			t.Errorf("nightfill %s\ngot\n%s\nwant\n%s", line, got, want)
		}
	}
	run("hello\nexit 3\n", `shell srv-1 --reason test`, `BOLDparrot$PLAIN HELLO
parrot$ 
The shell on srv-1 ended with exit code 3 after TIME.

Next:
  nightfill recordings RECORDING
-- stderr
You work on srv-1. What is shown is recorded as RECORDING. ~. leaves it for 10 minutes, exit ends it.
-- exit 0
`)
	run("bye\n", `shell srv-1 --reason test --json`, `{
  "device": "srv-1",
  "recording": "RECORDING",
  "left": false,
  "end": {
    "at": "AT",
    "exit_code": 0,
    "sha256": "DIGEST",
    "lasted": "TIME"
  }
}
-- stderr
You work on srv-1. What is shown is recorded as RECORDING. ~. leaves it for 10 minutes, exit ends it.
BOLDparrot$PLAIN BYE
parrot$ -- exit 0
`)
	run("break\n", `shell srv-1 --reason test`, `BOLDparrot$PLAIN -- stderr
You work on srv-1. What is shown is recorded as RECORDING. ~. leaves it for 10 minutes, exit ends it.
nightfill: the terminal on srv-1 is over: lost the connection to the parrot; see: nightfill recordings RECORDING
-- exit 1
`)
	id := regexp.MustCompile(`[0-9]{8}-[0-9]{6}-srv-1-[0-9a-f]{6}`).FindString(first)
	run("", "recordings "+id+" --text", "parrot$ HELLO\nparrot$\n-- exit 0\n")
	out := filepath.Join(t.TempDir(), "out.cast")
	run("", "recordings "+id+" --out "+out, "RECORDING is written to "+out+".\n-- exit 0\n")
	if text, err := os.ReadFile(out); err != nil || !strings.HasPrefix(string(text), `{"version":2,`) {
		t.Errorf("taken out: %q, %v", text, err)
	}
}

// A terminal outlives the person's end of it, shows again what was shown, and ends when he says so.
func TestShellIsKept(t *testing.T) {
	socket := serveShells(t)
	c := client.Dial(socket)
	defer c.Close()
	open := func(reason string) *client.Shell {
		t.Helper()
		for {
			s, err := c.Shell(t.Context(), wire.ShellAsked{Device: "srv-1", Reason: reason})
			if err == nil {
				return s
			}
			if !strings.Contains(err.Error(), terminal.ErrStopped.Error()) {
				t.Fatal(err)
			}
		}
	}
	until := func(s *client.Shell, text string) {
		t.Helper()
		for shown := ""; !strings.Contains(shown, text); {
			f, err := s.Next()
			if err != nil {
				t.Fatalf("%v after %q", err, shown)
			}
			shown += string(f.Data)
		}
	}
	s := open("test")
	if err := errors.Join(s.Input([]byte("first\r")), s.Resize(terminal.Size{Cols: 99, Rows: 9})); err != nil {
		t.Fatal(err)
	}
	until(s, "FIRST")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open("")
	defer again.Close()
	if !again.Back || again.Info.ID != s.Info.ID || again.Info.Reason != "test" {
		t.Errorf("back in %+v", again)
	}
	until(again, "FIRST")
	list, err := c.Terminals(t.Context())
	if err != nil || len(list) != 1 || list[0].Device != "srv-1" {
		t.Errorf("terminals %+v, %v", list, err)
	}
	info, err := c.EndTerminal(t.Context(), "srv-1")
	if err != nil || info.ID != s.Info.ID {
		t.Errorf("ended %+v, %v", info, err)
	}
	for {
		f, err := again.Next()
		if err != nil {
			t.Fatalf("the end was not told: %v", err)
		}
		if f.Kind == wire.FrameEnded {
			break
		}
	}
	if list, err := c.Recordings(t.Context()); err != nil || len(list) != 1 || list[0].State != terminal.Whole {
		t.Errorf("recordings %+v, %v", list, err)
	}
}
