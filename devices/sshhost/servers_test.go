package sshhost_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices/drivertest"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// program finds an installed program or skips the test, saying so.
func program(t *testing.T, path string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("real servers take long; leave out -short")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not installed", path)
	}
	return path
}

// link is a cable between the driver and a server: it can be cut.
type link struct {
	target string
	listen net.Listener
	work   sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{target: target, listen: listen}
	l.work.Go(func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			l.join(c)
		}
	})
	t.Cleanup(func() {
		_ = listen.Close()
		l.Cut()
		l.work.Wait()
	})
	return l
}

func (l *link) join(a net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := net.Dial("tcp", l.target)
	if err != nil || l.cut {
		_ = a.Close()
		if err == nil {
			_ = b.Close()
		}
		return
	}
	l.conns = append(l.conns, a, b)
	copy := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	l.work.Go(func() { copy(a, b) })
	l.work.Go(func() { copy(b, a) })
}

// Cut closes what is open and lets nothing new through.
func (l *link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// Heal ends a Cut.
func (l *link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// server is a real SSH server in front of a simulated machine.
type server struct {
	*fakessh.Machine
	t       *testing.T
	address string
	command func() *exec.Cmd

	mu     sync.Mutex
	proc   *exec.Cmd
	closed bool
}

func (s *server) boot() {
	cmd := s.command()
	cmd.Env = s.Env()
	if err := cmd.Start(); err != nil {
		s.t.Errorf("cannot start %s: %v", cmd.Path, err)
		return
	}
	s.proc = cmd
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			_ = c.Close()
			return
		}
	}
	s.t.Errorf("%s does not listen", cmd.Path)
}

// PowerCycle kills everything, the server too, and boots again.
func (s *server) PowerCycle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.halt()
	if err := s.Boot(); err != nil {
		s.t.Errorf("boot: %v", err)
	}
	s.boot()
}

func (s *server) halt() {
	s.Kill()
	_ = s.proc.Process.Kill()
	_ = s.proc.Wait()
}

// start makes the machine and boots it; command is called for every boot.
func start(t *testing.T, prepare func(s *server)) *server {
	t.Helper()
	s := &server{t: t}
	m, err := fakessh.NewMachine(t.TempDir(), func() { s.PowerCycle() })
	if err != nil {
		t.Fatal(err)
	}
	s.Machine = m
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = free.Addr().String()
	_ = free.Close()
	prepare(s)
	s.mu.Lock()
	s.boot()
	s.mu.Unlock()
	if err := m.AddService(context.Background(), service, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		s.halt()
		s.mu.Unlock()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// host makes the device under test out of a server.
func (s *server) host(t *testing.T, signer, key ssh.Signer, o sshhost.Options) *drivertest.Host {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(t, s.address)
	o.Signer = signer
	driver := sshhost.New(o)
	t.Cleanup(func() { _ = driver.Close() })
	scripts := &scripts{}
	return scripts.hands(t, &drivertest.Host{
		Driver: driver,
		Device: site.Device{ID: "srv-1", Class: site.LinuxServer, Address: l.listen.Addr().String(), User: me.Username, HostKey: fakessh.PinnedForm(key.PublicKey())},
		Cut:    l.Cut, Heal: l.Heal, PowerCycle: s.PowerCycle,
	}, func(command string) (string, error) { return s.Run(context.Background(), command) })
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformanceOnOpenSSH(t *testing.T) {
	drivertest.Run(t, drivertest.Harness{Parallel: true, New: openSSH})
}

// openSSH is a device with a real sshd. It gives the login a home of its own: a bash under sshd reads ~/.bashrc,
// and that of the person who runs the tests may wait for a lock that a reset left behind.
func openSSH(t *testing.T) *drivertest.Host {
	s, signer, key := openSSHServer(t)
	return s.host(t, signer, key, sshhost.Options{})
}

func openSSHServer(t *testing.T, lines ...string) (s *server, signer, key ssh.Signer) {
	sshd := program(t, "/usr/sbin/sshd")
	signer = newSigner(t)
	s = start(t, func(s *server) {
		var err error
		if key, err = fakessh.HostKey(filepath.Join(s.Dir(), "etc/host_key")); err != nil {
			t.Fatal(err)
		}
		keys := write(t, filepath.Join(s.Dir(), "etc/authorized"), string(ssh.MarshalAuthorizedKey(signer.PublicKey())), 0o600)
		address, port, _ := net.SplitHostPort(s.address)
		env := s.Env()
		config := write(t, filepath.Join(s.Dir(), "etc/sshd_config"), fmt.Sprintf(`ListenAddress %s
Port %s
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
SetEnv %s %s HOME=%s
%s
`, address, port, filepath.Join(s.Dir(), "etc/host_key"), keys, env[0], env[1], filepath.Join(s.Dir(), "root"), strings.Join(lines, "\n")), 0o600)
		s.command = func() *exec.Cmd {
			if os.Getuid() == 0 {
				return apart("mount -t tmpfs tmpfs /run && mkdir /run/sshd", sshd, "-D", "-e", "-f", config)
			}
			return exec.Command(sshd, "-D", "-e", "-f", config)
		}
	})
	return s, signer, key
}

// TestConformanceOnDropbear uses the smallest Linux there is: dropbear, and busybox for every command.
func TestConformanceOnDropbear(t *testing.T) {
	tools := dropbearTools(t)
	drivertest.Run(t, drivertest.Harness{Parallel: true, New: func(t *testing.T) *drivertest.Host {
		s, signer, key := tools.server(t)
		return s.host(t, signer, key, sshhost.Options{})
	}})
}

// dropbearFiles are the programs that a device with dropbear is made of.
type dropbearFiles struct{ dropbear, busybox, converter string }

// dropbearTools finds them, or skips the test.
func dropbearTools(t *testing.T) dropbearFiles {
	t.Helper()
	tools := dropbearFiles{dropbear: program(t, "/usr/sbin/dropbear"), busybox: program(t, "/usr/bin/busybox")}
	if os.Getuid() != 0 {
		t.Skip("dropbear reads the keys of a login from its home: only root can give it another one")
	}
	var err error
	if tools.converter, err = exec.LookPath("dropbearconvert"); err != nil {
		t.Skip("dropbearconvert is not installed")
	}
	return tools
}

// server is a device with them.
func (tools dropbearFiles) server(t *testing.T) (s *server, signer, key ssh.Signer) {
	signer = newSigner(t)
	s = start(t, func(s *server) {
		dir := s.Dir()
		var err error
		if key, err = fakessh.HostKey(filepath.Join(dir, "etc/host_key")); err != nil {
			t.Fatal(err)
		}
		converted := filepath.Join(dir, "etc/dropbear_key")
		if out, err := exec.Command(tools.converter, "openssh", "dropbear", filepath.Join(dir, "etc/host_key"), converted).CombinedOutput(); err != nil {
			t.Fatalf("dropbearconvert: %v: %s", err, out)
		}
		ash(t, tools.busybox, filepath.Join(dir, "bin"))
		keys := write(t, filepath.Join(dir, "etc/authorized"), string(ssh.MarshalAuthorizedKey(signer.PublicKey())), 0o600)
		wrapper := write(t, filepath.Join(dir, "bin/login-shell"),
			"#!/bin/sh\nexport "+s.Env()[0]+" "+onlyBin(dir)+"\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"\n", 0o755)
		s.command = func() *exec.Cmd {
			return apart("mount -t tmpfs -o mode=700 tmpfs /root && mkdir -m 700 /root/.ssh && cp "+keys+" /root/.ssh/authorized_keys",
				tools.dropbear, "-F", "-E", "-s", "-r", converted, "-p", s.address, "-c", wrapper, "-P", filepath.Join(dir, "run/dropbear.pid"))
		}
	})
	return s, signer, key
}

// apart is a command in a mount namespace of its own, so that root's files stay untouched.
func apart(prepare string, command ...string) *exec.Cmd {
	args := append([]string{"-m", "sh", "-c", prepare + ` && exec "$@"`, "sh"}, command...)
	return exec.Command("unshare", args...)
}

// onlyBin is a PATH with the device's own commands only.
func onlyBin(dir string) string { return "PATH=" + filepath.Join(dir, "bin") }

// ash fills a directory with busybox's commands; those that are there already stay.
func ash(t *testing.T, busybox, bin string) {
	t.Helper()
	out, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if err := os.Symlink(busybox, filepath.Join(bin, name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
}
