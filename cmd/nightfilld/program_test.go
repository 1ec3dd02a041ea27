package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a process that runs until it is stopped. What it writes goes to a file, which
// is shown when the test fails.
type program struct {
	tb   testing.TB
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  string
}

// start runs a program. The log file grows over restarts of the same name.
func start(tb testing.TB, dir, name, path string, args ...string) *program {
	tb.Helper()
	p := &program{tb: tb, name: name, cmd: exec.Command(path, args...), done: make(chan struct{}), log: filepath.Join(dir, name+".log")}
	_, seen := os.Stat(p.log)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = log, log, dir
	p.cmd.Env = append(os.Environ(), "NIGHTFILL_KEY_PASSWORD=")
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
		_ = log.Close()
	}()
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() && errors.Is(seen, os.ErrNotExist) {
			tb.Logf("what %s wrote, the end of it:\n%s", name, tail(p.log, 12_000))
		}
	})
	return p
}

// kill ends the program at once, as the power does.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the program to end, and returns its exit code.
func (p *program) stop() int {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.tb.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(quick):
		p.tb.Fatalf("%s does not end within %s of being told to", p.name, quick)
	}
	return p.cmd.ProcessState.ExitCode()
}

// ended reports whether the program is not there any more.
func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(text) > n {
		text = text[len(text)-n:]
	}
	return string(text)
}

// call runs a program to its end and returns what it printed on its standard output.
func call(dir, path string, args ...string) (out []byte, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), "NIGHTFILL_KEY_PASSWORD=")
	out, err = cmd.Output()
	if err != nil {
		err = errors.New(filepath.Base(path) + " " + strings.Join(args, " ") + ": " + err.Error() + ": " + stderr.String())
	}
	return out, cmd.ProcessState.ExitCode(), err
}

// decode reads the JSON that a program printed.
func decode[T any](tb testing.TB, data []byte) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		tb.Fatalf("not the JSON that was asked for: %v\n%s", err, data)
	}
	return v
}
