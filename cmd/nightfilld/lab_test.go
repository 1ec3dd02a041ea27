package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The suite of this folder runs the programs as they are shipped against whole Debian hosts:
// their own sshd, dpkg, init scripts and restarts. NIGHTFILL_LAB names the program that
// drives these hosts; without it, or without root, every test here is skipped.

const (
	quick   = 30 * time.Second // for what should take a second or two
	patient = 4 * time.Minute  // for a night
	tick    = 100 * time.Millisecond
)

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := builtOnce.dir, builtOnce.err; dir != "" && err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// lab is what drives the hosts, and the tools made from this tree.
type lab struct {
	tb   testing.TB
	tool string
	dir  string // keys and disks of the lab
	bin  string // nightfilld, nightfill
}

// builtOnce are the programs of this tree, built once for all tests.
var builtOnce struct {
	sync.Once
	dir string
	err error
}

// built is the folder of the programs of this tree.
func built(tb testing.TB) string {
	tb.Helper()
	builtOnce.Do(func() {
		if builtOnce.dir, builtOnce.err = os.MkdirTemp("", "nightfill-bin-"); builtOnce.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", builtOnce.dir, "github.com/nightfill/nightfill/cmd/nightfill", "github.com/nightfill/nightfill/cmd/nightfilld")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			builtOnce.err = fmt.Errorf("cannot build: %w\n%s", err, out)
		}
	})
	if builtOnce.err != nil {
		tb.Fatal(builtOnce.err)
	}
	return builtOnce.dir
}

// openLab skips the test where there is no lab, and otherwise starts n fresh hosts.
func openLab(tb testing.TB, n int) *lab {
	tb.Helper()
	l := &lab{tb: tb, tool: os.Getenv("NIGHTFILL_LAB"), dir: os.Getenv("LAB_DIR")}
	if l.tool == "" {
		tb.Skip("NIGHTFILL_LAB does not name the program that drives a lab")
	}
	if os.Geteuid() != 0 {
		tb.Skip("the lab makes network devices and mounts: it needs root")
	}
	if l.dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			tb.Fatal(err)
		}
		l.dir = filepath.Join(home, ".cache/nightfill-lab")
	}
	l.bin = built(tb)
	_, _ = l.do("down")
	l.must("up", strconv.Itoa(n))
	tb.Cleanup(func() { l.must("down") })
	return l
}

// do runs the lab's tool.
func (l *lab) do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, l.tool, args...).CombinedOutput()
	return string(out), err
}

func (l *lab) must(args ...string) string {
	l.tb.Helper()
	out, err := l.do(args...)
	if err != nil {
		l.tb.Fatalf("lab %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// on runs a shell command on host n at its console: without SSH, also when its link is cut.
func (l *lab) on(n int, command string) string {
	l.tb.Helper()
	return strings.TrimSpace(l.must("exec", strconv.Itoa(n), "sh", "-c", command))
}

// key is the private key that every host lets in.
func (l *lab) key() string { return filepath.Join(l.dir, "key") }

// host returns the address and the pinned host key of host n.
func (l *lab) host(n int) (address, key string) {
	l.tb.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "known_hosts"))
	if err != nil {
		l.tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if names := strings.Split(f[0], ","); len(f) == 3 && len(names) == 2 && names[0] == fmt.Sprintf("h%d", n) && f[1] == "ssh-ed25519" {
			return net.JoinHostPort(names[1], "22"), f[1] + " " + f[2]
		}
	}
	l.tb.Fatalf("the lab has no ed25519 host key of host %d", n)
	return "", ""
}

// boots is how often host n was booted, as the lab counts.
func (l *lab) boots(n int) int {
	l.tb.Helper()
	for line := range strings.Lines(l.must("list")) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == fmt.Sprintf("h%d", n) {
			for _, field := range f {
				if count, ok := strings.CutPrefix(field, "boots="); ok {
					boots, err := strconv.Atoi(count)
					if err != nil {
						l.tb.Fatal(err)
					}
					return boots
				}
			}
		}
	}
	l.tb.Fatalf("the lab does not list host %d", n)
	return 0
}

// version is what dpkg says host n has of a package: version and state.
func (l *lab) version(n int, name string) string {
	l.tb.Helper()
	return l.on(n, "dpkg-query -W -f '${Version} ${Status}' "+name)
}

// packages builds the packages of the lab once and returns where they are.
func (l *lab) packages() string {
	l.tb.Helper()
	dir := filepath.Join(l.dir, "repo")
	if _, err := os.Stat(filepath.Join(dir, "Release")); err == nil {
		return dir
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join(filepath.Dir(l.tool), "mkdebs"), "--out", dir, "--big", "1").CombinedOutput(); err != nil {
		l.tb.Fatalf("cannot build the lab's packages: %v\n%s", err, out)
	}
	return dir
}

// deb is the file of a package.
func (l *lab) deb(name, version string) string {
	return filepath.Join(l.packages(), "pool", name+"_"+version+"_amd64.deb")
}

// install puts packages on a host at its console, as they were there before any night.
func (l *lab) install(n int, names ...string) {
	l.tb.Helper()
	for _, name := range names {
		l.put(n, l.deb(name, "1.0.0"), "/root/"+name+".deb")
		l.on(n, "dpkg -i /root/"+name+".deb && rm /root/"+name+".deb && : >/var/log/dpkg.log")
	}
}

// put copies a file onto a host at its console.
func (l *lab) put(n int, from, to string) {
	l.tb.Helper()
	f, err := os.Open(from)
	if err != nil {
		l.tb.Fatal(err)
	}
	defer f.Close()
	l.feed(n, f, "cat >"+to)
}

// feed runs a shell command on a host at its console, with an input.
func (l *lab) feed(n int, input io.Reader, command string) {
	l.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), quick)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.tool, "exec", strconv.Itoa(n), "sh", "-c", command)
	cmd.Stdin = input
	if out, err := cmd.CombinedOutput(); err != nil {
		l.tb.Fatalf("host %d: %s: %v\n%s", n, command, err, out)
	}
}

// upgrades counts how often dpkg unpacked a version of a package on host n.
func (l *lab) upgrades(n int, name, version string) int {
	l.tb.Helper()
	count, err := strconv.Atoi(l.on(n, `awk '($3=="upgrade"||$3=="install") && $4 ~ /^`+name+`:/ && $6=="`+version+`"' /var/log/dpkg.log | wc -l`))
	if err != nil {
		l.tb.Fatal(err)
	}
	return count
}

// until waits for a condition, and fails the test when it does not come. what says how things stand.
func until(tb testing.TB, limit time.Duration, goal string, done func() (bool, string)) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		ok, stands := done()
		if ok {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			tb.Fatalf("not within %s: %s; now: %s", limit, goal, stands)
		}
	}
}

// pause waits; for the world's own time, as the minutes of a window, never for a result.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// freePort is a port of loopback on which nobody listens now.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// answers reports whether something listens on a port of loopback.
func answers(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
