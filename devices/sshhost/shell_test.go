package sshhost_test

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// screen is a shell with everything that it has shown so far.
type screen struct {
	*sshhost.Shell
	t    *testing.T
	read sync.WaitGroup

	mu    sync.Mutex
	more  *sync.Cond
	shown string
	ended bool
}

func openScreen(t *testing.T, driver *sshhost.Driver, dev site.Device) *screen {
	t.Helper()
	shell, err := driver.Shell(limited(t, 20*time.Second), dev, 80, 24)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{Shell: shell, t: t}
	s.more = sync.NewCond(&s.mu)
	s.read.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := shell.Read(buf)
			s.mu.Lock()
			s.shown += string(buf[:n])
			s.ended = err != nil
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = shell.Close()
		s.read.Wait()
	})
	return s
}

// await waits until the screen shows what an expression matches, and returns its last group.
func (s *screen) await(expression string) string {
	s.t.Helper()
	wanted := regexp.MustCompile(expression)
	late := time.AfterFunc(20*time.Second, func() { _ = s.Close() })
	defer late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if found := wanted.FindStringSubmatch(s.shown); found != nil {
			return found[len(found)-1]
		}
		if s.ended {
			s.t.Fatalf("the shell ended without showing %q; it showed\n%s", expression, s.shown)
		}
		s.more.Wait()
	}
}

func (s *screen) say(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s, text); err != nil {
		s.t.Fatal(err)
	}
}

// shellWorks is what a shell must do on every server.
func shellWorks(t *testing.T, driver *sshhost.Driver, dev site.Device) {
	s := openScreen(t, driver, dev)
	s.say("tty; stty size; echo a$((40+2))z\r")
	s.await("a42z")
	s.await("24 80")
	s.await("/dev/pts/")
	if err := s.Resize(120, 50); err != nil {
		t.Fatal(err)
	}
	s.say("stty size\r")
	s.await("50 120")
	s.say("PS1=re''ady'> '\r")
	s.await("ready> ")
	s.say("sh -c 'echo a''sleep; exec sleep 1000'\r")
	s.await("asleep")
	s.say("\x03")
	s.await(`\^C\r\n[^\n]*ready> `)
	s.say("exit 7\r")
	if status, err := s.Exit(); status != 7 || err != nil {
		t.Errorf("ended with %d, %v; want exit status 7", status, err)
	}
}

func TestShell(t *testing.T) {
	host, driver := fake(t)
	shellWorks(t, driver, host.Device())
	if n, _ := host.Reached(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if _, err := driver.Probe(t.Context(), host.Device()); err != nil {
		t.Fatal(err)
	}
	if n, _ := host.Reached(); n != 2 {
		t.Errorf("%d connections: a shell has one of its own", n)
	}
}

// A shell that is left gets a hang-up, and nothing of the driver is left running.
func TestShellIsClosed(t *testing.T) {
	host, driver := fake(t)
	s := openScreen(t, driver, host.Device())
	s.say("echo pid=$$.\r")
	pid := s.await(`pid=([0-9]+)\.`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exit(); err == nil || !strings.HasPrefix(err.Error(), "lost the connection to srv-1: ") {
		t.Errorf("the end of a closed shell is %v", err)
	}
	if err := driver.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := host.Run(t.Context(), "i=0; while kill -0 "+pid+" 2>/dev/null; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep 0.05; done"); err != nil {
		t.Errorf("the shell goes on without a person: %v %s", err, out)
	}
	if _, err := driver.Shell(t.Context(), host.Device(), 80, 24); err == nil || err.Error() != "the driver is closed" {
		t.Errorf("error is %v", err)
	}
}

func TestDriverEndsShells(t *testing.T) {
	host, driver := fake(t)
	s := openScreen(t, driver, host.Device())
	if err := driver.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exit(); err == nil {
		t.Error("a shell outlived its driver")
	}
}

func TestShellEndsWithTheLine(t *testing.T) {
	host, driver := fake(t)
	s := openScreen(t, driver, host.Device())
	s.say("echo re''ady\r")
	s.await("ready")
	host.Cut()
	if _, err := s.Exit(); err == nil || !strings.HasPrefix(err.Error(), "lost the connection to srv-1: ") {
		t.Errorf("error is %v", err)
	}
}

func TestShellRefused(t *testing.T) {
	host, driver := fake(t)
	other, bare := host.Device(), host.Device()
	other.HostKey, bare.HostKey = fakessh.PinnedForm(newSigner(t).PublicKey()), ""
	signer := newSigner(t)
	deaf := sshServer(t, signer.PublicKey(), func(ssh.Channel) {})
	for name, c := range map[string]struct {
		driver *sshhost.Driver
		dev    site.Device
		code   site.Code
		text   string
	}{
		"another host key":   {driver, other, site.CodeIdentity, "if it was replaced on purpose: nightfill enrol srv-1"},
		"no pinned host key": {driver, bare, site.CodeNotEnrolled, "srv-1 has no pinned host key; compare its fingerprint and run: nightfill enrol srv-1"},
		"another login":      {newDriver(t, newSigner(t)), host.Device(), site.CodeAuth, "srv-1 refuses the login of patch"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			_, err := c.driver.Shell(limited(t, 10*time.Second), c.dev, 80, 24)
			var reason *site.Reason
			if !errors.As(err, &reason) || reason.Code != c.code || !strings.Contains(reason.Text, c.text) {
				t.Errorf("error is %v, want %s: %s", err, c.code, c.text)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newDriver(t, signer).Shell(ctx, deaf, 80, 24); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// TestShellWithoutTerminal asks a server that answers every request for a terminal with no.
func TestShellWithoutTerminal(t *testing.T) {
	signer, key := newSigner(t), newSigner(t)
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(key)
	address := serverFor(t, refuseTerminals(config))
	dev := site.Device{ID: "srv-1", Address: address, HostKey: fakessh.PinnedForm(key.PublicKey())}
	_, err := newDriver(t, signer).Shell(limited(t, 10*time.Second), dev, 80, 24)
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Code != site.CodeUnsupported || !strings.HasPrefix(reason.Text, "srv-1 gives no terminal to root: ") {
		t.Errorf("error is %v", err)
	}
}

func TestShellOnOpenSSH(t *testing.T) {
	h := openSSH(t)
	driver, ok := h.Driver.(*sshhost.Driver)
	if !ok {
		t.Fatalf("the driver is a %T", h.Driver)
	}
	shellWorks(t, driver, h.Device)
	s := openScreen(t, driver, h.Device)
	s.say("echo re''ady\r")
	s.await("ready")
	h.Cut()
	if _, err := s.Exit(); err == nil {
		t.Error("a shell outlived its line")
	}
}

// What a shell ended with is known to who closes it as soon as it shows nothing any more, also when the device
// tells it only then; and who is never told does not wait for ever.
func TestShellTellsItsEndLast(t *testing.T) {
	for name, last := range map[string]func(ssh.Channel){
		"late": func(ch ssh.Channel) {
			_, _ = ch.SendRequest("keepalive@openssh.com", true, nil) // its answer shows that the end of the output was heard
			_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{3}))
			_ = ch.Close()
		},
		"never": func(ssh.Channel) {},
	} {
		t.Run(name, func(t *testing.T) {
			signer, key := newSigner(t), newSigner(t)
			config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
			config.AddHostKey(key)
			dev := site.Device{ID: "srv-1", Address: serverFor(t, sayBye(config, last)), HostKey: fakessh.PinnedForm(key.PublicKey())}
			s, err := newDriver(t, signer).Shell(limited(t, 10*time.Second), dev, 80, 24)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := io.ReadAll(s)
			_ = s.Close()
			if string(shown) != "bye" || err != nil {
				t.Errorf("the shell showed %q, %v", shown, err)
			}
			status, err := s.Exit()
			if name == "late" && (status != 3 || err != nil) || name == "never" && (err == nil || !strings.HasPrefix(err.Error(), "lost the connection to srv-1: ")) {
				t.Errorf("the shell ended with %d, %v", status, err)
			}
		})
	}
}

// sayBye gives everybody a shell that says bye, shows nothing any more, and then does a last thing.
func sayBye(config *ssh.ServerConfig, last func(ssh.Channel)) func(net.Conn) {
	return func(c net.Conn) {
		sc, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		defer sc.Close()
		go ssh.DiscardRequests(requests)
		for n := range channels {
			ch, requests, err := n.Accept()
			if err != nil {
				return
			}
			for r := range requests {
				_ = r.Reply(true, nil)
				if r.Type == "shell" {
					break
				}
			}
			go ssh.DiscardRequests(requests)
			_, _ = io.WriteString(ch, "bye")
			_ = ch.CloseWrite()
			last(ch)
		}
	}
}

// refuseTerminals lets everybody in and refuses whatever is asked of a session.
func refuseTerminals(config *ssh.ServerConfig) func(net.Conn) {
	return func(c net.Conn) {
		sc, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		defer sc.Close()
		go ssh.DiscardRequests(requests)
		for n := range channels {
			_, requests, err := n.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(requests)
		}
	}
}
