package sshhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// claims is a device on which work is claimed while something happens at the nth program that the claim runs.
type claims struct {
	t        *testing.T
	dir, bin string
}

// programs are those that a claim may run; a rule that needs another one is to be named here.
var programs = []string{"cat", "chmod", "chown", "cp", "ln", "mkdir", "mv", "rm", "rmdir", "sync", "touch"}

func newClaims(t *testing.T) *claims {
	c := &claims{t: t, dir: t.TempDir()}
	c.bin = filepath.Join(c.dir, "bin")
	for _, sub := range []string{"bin", "var/lib/nightfill/work"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range programs {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("there is no %s here", name)
		}
		shim := fmt.Sprintf("#!/bin/sh\nread -r n <%[1]s/count; n=$((n + 1)); echo $n >%[1]s/count\nif [ $n = \"$AT\" ]; then\n\tAT=0 sh -c \"$THEN\" >>%[1]s/told 2>&1\nfi\nexec %[2]s \"$@\"\n", c.dir, real)
		if err := os.WriteFile(filepath.Join(c.bin, name), []byte(shim), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// claim lets an owner claim a work; at the nth program that this runs, then is run first.
func (c *claims) claim(work, owner string, at int, then string) (won bool, ran int) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "count"), []byte("0\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", c.script(work, owner))
	cmd.Env = []string{"PATH=" + c.bin + ":" + os.Getenv("PATH"), "NIGHTFILL_ROOT=" + c.dir, "AT=" + strconv.Itoa(at), "THEN=" + then}
	out, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(filepath.Join(c.dir, "count"))
	ran, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if readErr != nil || convErr != nil {
		c.t.Fatalf("%v, %v: %s: %v", readErr, convErr, out, err)
	}
	return strings.Contains(string(out), "won"), ran
}

func (c *claims) script(work, owner string) string {
	return "export MAIN=$$\n" + deviceText + "\nB=0b0b0b0b-0000-4000-8000-000000000000 U=100\nif claim " + work + " " + owner + "; then echo won; else echo lost; fi\n"
}

// whole reports whether a claim is there, and fails when it is there in part.
func (c *claims) whole(work string) bool {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "var/lib/nightfill/work", work, "boot"))
	if os.IsNotExist(err) {
		return false
	}
	if words := strings.Fields(string(text)); err != nil || len(words) != 3 || !strings.HasSuffix(string(text), "\n") {
		c.t.Errorf("a part of a claim is there: %q, %v", text, err)
	}
	return true
}

// A claim that is cut off at any moment is there as a whole, and then nobody else gets it, or it is not there, and
// then the next one gets it: work neither runs twice nor is lost.
func TestClaimCutOff(t *testing.T) {
	c := newClaims(t)
	_, programs := c.claim("untouched", "box", 0, "")
	for at := 1; at <= programs; at++ {
		work := fmt.Sprint("cut-", at)
		if won, ran := c.claim(work, "box", at, "kill -9 $MAIN"); won || ran < at {
			t.Fatalf("at %d: won %v after %d programs", at, won, ran)
		}
		claimed := c.whole(work)
		if won, _ := c.claim(work, "box", 0, ""); won == claimed {
			t.Errorf("cut off at program %d of %d, the claim is there: %v; and the next one wins: %v", at, programs, claimed, won)
		}
		if !c.whole(work) {
			t.Errorf("at %d: nobody has the claim in the end", at)
		}
	}
	if programs < 3 {
		t.Errorf("a claim ran %d programs: the test sees nothing of it", programs)
	}
}

// Whenever a second claim comes in between, exactly one of both wins.
func TestClaimOvertaken(t *testing.T) {
	c := newClaims(t)
	_, programs := c.claim("untouched", "box", 0, "")
	for at := 1; at <= programs; at++ {
		work, told := fmt.Sprint("both-", at), filepath.Join(c.dir, "told")
		if err := os.WriteFile(told, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		first, _ := c.claim(work, "box", at, c.script(work, "other"))
		text, err := os.ReadFile(told)
		if err != nil {
			t.Fatal(err)
		}
		second := strings.Contains(string(text), "won")
		if first == second || !c.whole(work) {
			t.Errorf("overtaken at program %d of %d, the first wins: %v, the second wins: %v (%s)", at, programs, first, second, text)
		}
	}
}
