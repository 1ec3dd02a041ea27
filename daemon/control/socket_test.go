package control_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/controltest"
)

func TestSocketMode(t *testing.T) {
	l := newLab(t)
	socket, err := os.Stat(l.path)
	if err != nil || socket.Mode().Perm() != 0o660 || socket.Mode().Type() != fs.ModeSocket {
		t.Errorf("the socket: %v, %v", socket.Mode(), err)
	}
	parent, err := os.Stat(filepath.Dir(l.path))
	if err != nil || parent.Mode().Perm()&^0o755 != 0 {
		t.Errorf("the directory: %v, %v", parent.Mode(), err)
	}
}

// refusal runs a server that cannot begin, and returns why.
func refusal(t *testing.T, path string) error {
	t.Helper()
	box, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	return control.New(control.Options{Box: box, Journal: box.Journal, Path: path}).Run(context.Background())
}

func TestSocketInUse(t *testing.T) {
	l := newLab(t)
	err := refusal(t, l.path)
	if want := "cannot make the control socket " + l.path + ": another daemon answers on it: stop that one first"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	l.await() // the first one still answers
}

func TestSocketRefused(t *testing.T) {
	d := dir(t)
	file := filepath.Join(d, "control.sock")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := refusal(t, file); err == nil || !strings.Contains(err.Error(), "there is a file of that name that is no socket: move it away") {
		t.Errorf("a file: %v", err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "precious" {
		t.Errorf("the file was touched: %q, %v", data, err)
	}
	long := filepath.Join(d, strings.Repeat("x", 100), "control.sock")
	err := refusal(t, long)
	if err == nil || !strings.HasPrefix(err.Error(), "cannot make the control socket "+long+": its path has ") ||
		!strings.HasSuffix(err.Error(), " bytes and may have 100: choose a shorter state directory") {
		t.Errorf("a long path: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(long)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made for a long path: %v", err)
	}
	if err := refusal(t, filepath.Join(file, "control.sock")); err == nil || !strings.HasPrefix(err.Error(), "cannot make the directory of the control socket: ") {
		t.Errorf("no directory: %v", err)
	}
}

// TestStaleSocket leaves a socket behind, as a power cut does.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(dir(t), "control.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	client := client.Dial(path)
	defer client.Close()
	_, err = client.Status(context.Background())
	want := "cannot reach nightfilld at " + path + ": nobody answers on it: see if it runs with: systemctl status nightfilld"
	if err == nil || err.Error() != want || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want %s", err, want)
	}
	box, err := controltest.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.New(control.Options{Box: box, Journal: box.Journal, Path: path}).Run(ctx) }()
	(&lab{t: t, client: client}).await()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{fs.ErrNotExist, "cannot reach nightfilld at /s: there is no such socket: see if it runs with: systemctl status nightfilld"},
		{syscall.ECONNREFUSED, "cannot reach nightfilld at /s: nobody answers on it: see if it runs with: systemctl status nightfilld"},
		{syscall.EACCES, "cannot reach nightfilld at /s: you may not open the socket: run this as root or as the user of the daemon"},
		{syscall.EINVAL, "cannot reach nightfilld at /s: the path is longer than that of a socket may be: choose a shorter state directory"},
		{errors.New("EOF"), "cannot reach nightfilld at /s: EOF: see if it runs with: systemctl status nightfilld"},
	}
	for _, tt := range tests {
		if got := (&client.Unreachable{Path: "/s", Err: tt.err}).Error(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// TestStranger talks to something on a socket that is no daemon.
func TestStranger(t *testing.T) {
	path := filepath.Join(dir(t), "s.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		_, _ = c.Read(buf)
		_, _ = c.Write([]byte("HTTP/1.1 418 I am a teapot\r\nContent-Length: 3\r\n\r\ntea"))
	}()
	client := client.Dial(path)
	_, err = client.Status(context.Background())
	if want := "what answers at " + path + " is not nightfilld: status 418 I am a teapot"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	client.Close()
	l.Close()
	<-ended
}
