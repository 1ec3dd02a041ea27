package sshhost_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
)

// TestOfATextThatWasCutOffNothingIsDone has the box die while it sends work to a device. A shell would carry out what it got:
// half an installation, or a proof without its end, which proves nothing and ends well.
func TestOfATextThatWasCutOffNothingIsDone(t *testing.T) {
	signer := newSigner(t)
	got := make(chan []byte, 1)
	device := sshServer(t, signer.PublicKey(), func(c ssh.Channel) {
		text, _ := io.ReadAll(c)
		got <- text
		_ = c.Close()
	})
	driver := newDriver(t, signer)
	s := &scripts{}
	p := s.patch("cut-off", "echo installed", "true")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := driver.Start(ctx, device, devices.Work{ID: "cut-off", Kind: devices.Install, Patch: p, Timeout: time.Minute, Owner: "suite"}); err == nil {
		t.Fatal("a device that answers nothing took the work")
	}
	text := <-got
	body := bytes.Index(text, []byte("NIGHTFILL_END_0"))
	if body < 0 || !bytes.Contains(text, []byte("start_work")) {
		t.Fatalf("this is not what begins work: %.200s", text)
	}
	var cuts []int
	for n := body; n < len(text)-1; n += 211 {
		cuts = append(cuts, n)
	}
	for n := max(body, len(text)-60); n < len(text)-1; n++ {
		cuts = append(cuts, n)
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"busybox", "sh"}} {
		path, err := exec.LookPath(shell[0])
		if err != nil {
			t.Logf("%s is not installed", shell[0])
			continue
		}
		for _, n := range cuts {
			root := t.TempDir()
			cmd := exec.CommandContext(ctx, path, append(shell[1:], "-s")...)
			cmd.Env = append(os.Environ(), "NIGHTFILL_ROOT="+root)
			cmd.Stdin = bytes.NewReader(text[:n])
			out, _ := cmd.Output() // how it fails is the shell's own affair
			if _, err := os.Stat(filepath.Join(root, "var")); err == nil || strings.Contains(string(out), "nightfill 1") {
				t.Errorf("%s did something with the first %d of %d bytes, up to %q", shell, n, len(text), text[max(0, n-40):n])
			}
		}
	}
}
