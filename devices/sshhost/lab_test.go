package sshhost_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices/drivertest"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// labHost is a whole Debian host: its own sshd, dpkg, init scripts, and real restarts.
// NIGHTFILL_LAB is the program that drives the lab; LAB_DIR is where the lab keeps its keys.
type labHost struct {
	tool string
	dir  string
	name string // as the tool calls it, for example "1"
}

func newLab(t *testing.T) labHost {
	t.Helper()
	l := labHost{tool: os.Getenv("NIGHTFILL_LAB"), dir: os.Getenv("LAB_DIR"), name: "1"}
	if l.tool == "" {
		t.Skip("NIGHTFILL_LAB does not name the program that drives a lab")
	}
	if l.dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		l.dir = filepath.Join(home, ".cache/nightfill-lab")
	}
	return l
}

func (l labHost) do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, l.tool, args...).CombinedOutput()
	return string(out), err
}

func (l labHost) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.do(args...)
	if err != nil {
		t.Fatalf("lab %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// device is the lab host as a store file describes it.
func (l labHost) device(t *testing.T, user string) site.Device {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		names := strings.Split(f[0], ",")
		if len(f) == 3 && f[1] == ssh.KeyAlgoED25519 && names[0] == "h"+l.name {
			return site.Device{
				ID: names[0], Class: site.LinuxServer, Address: net.JoinHostPort(names[1], "22"), User: user, HostKey: f[1] + " " + f[2],
			}
		}
	}
	t.Fatal("the lab has no ed25519 host key of this host")
	return site.Device{}
}

func (l labHost) signer(t *testing.T) ssh.Signer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// labService is an init script whose state is a file.
const labService = `#!/bin/sh
### BEGIN INIT INFO
# Provides: pos-app
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in start|restart) touch /run/pos-app ;; stop) rm -f /run/pos-app ;; status) [ -e /run/pos-app ] || { echo stopped; exit 3; } ;; esac
`

// fresh makes the lab host forget everything that the suite may have left on it.
func (l labHost) fresh(t *testing.T, user string) *drivertest.Host {
	t.Helper()
	l.must(t, "heal", l.name)
	l.must(t, "wait", l.name, "--secs", "60")
	run := func(command string) (string, error) { return l.do("exec", l.name, "sh", "-c", command) }
	out, err := run("rm -rf /var/lib/nightfill /var/lib/let /var/log/nightfill-runs; cat >/etc/init.d/pos-app <<'E'\n" + labService +
		"E\nchmod 755 /etc/init.d/pos-app; update-rc.d pos-app defaults; /etc/init.d/pos-app start")
	if err != nil {
		t.Fatalf("console: %v: %s", err, out)
	}
	driver := sshhost.New(sshhost.Options{Signer: l.signer(t)})
	t.Cleanup(func() {
		if _, err := run(": >/var/lib/let"); err != nil {
			t.Log(err)
		}
		_ = driver.Close()
	})
	s := &scripts{}
	return s.hands(t, &drivertest.Host{
		Driver: driver, Device: l.device(t, user),
		Cut:        func() { l.must(t, "cut", l.name) },
		Heal:       func() { l.must(t, "heal", l.name) },
		PowerCycle: func() { l.must(t, "reboot", l.name, "--hard") },
	}, run)
}

func TestConformanceOnLabHost(t *testing.T) {
	l := newLab(t)
	for _, user := range []string{"root", "patch"} {
		t.Run(user, func(t *testing.T) {
			drivertest.Run(t, drivertest.Harness{New: func(t *testing.T) *drivertest.Host { return l.fresh(t, user) }})
		})
	}
}
