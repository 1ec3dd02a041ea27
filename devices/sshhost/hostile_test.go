package sshhost_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// serverFor listens and gives every connection to serve, until the test ends.
func serverFor(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = listen.Close()
		work.Wait()
	})
	return listen.Addr().String()
}

// sshServer speaks SSH with a fresh key and gives every session's channel to command.
func sshServer(t *testing.T, authorized ssh.PublicKey, command func(ssh.Channel)) site.Device {
	t.Helper()
	key := newSigner(t)
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if string(k.Marshal()) != string(authorized.Marshal()) {
			return nil, errors.New("no")
		}
		return nil, nil
	}}
	config.AddHostKey(key)
	address := serverFor(t, func(c net.Conn) {
		sc, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		defer sc.Close()
		go ssh.DiscardRequests(requests)
		for n := range channels {
			channel, requests, err := n.Accept()
			if err != nil {
				return
			}
			go func() {
				for r := range requests {
					_ = r.Reply(true, nil)
					if r.Type == "exec" {
						command(channel)
					}
				}
			}()
		}
	})
	return site.Device{ID: "srv-1", Class: site.LinuxServer, Address: address, User: "patch", HostKey: fakessh.PinnedForm(key.PublicKey())}
}

func newDriver(t *testing.T, signer ssh.Signer) *sshhost.Driver {
	t.Helper()
	driver := sshhost.New(sshhost.Options{Signer: signer})
	t.Cleanup(func() { _ = driver.Close() })
	return driver
}

// probeWithin probes with a limit and returns the error; it must come soon after the limit.
func probeWithin(t *testing.T, driver *sshhost.Driver, dev site.Device, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	begin := time.Now()
	_, err := driver.Probe(ctx, dev)
	if took := time.Since(begin); took > limit+3*time.Second {
		t.Errorf("the call took %s with a limit of %s", took, limit)
	}
	if err == nil {
		t.Fatal("a probe of a hostile server succeeded")
	}
	return err
}

func TestServersThatStall(t *testing.T) {
	signer := newSigner(t)
	for name, greeting := range map[string]string{
		"no banner":               "",
		"stalled in key exchange": "SSH-2.0-OpenSSH_9.2\r\n",
		"endless banner":          strings.Repeat("hello\r\n", 100_000),
		"web server":              "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			address := serverFor(t, func(c net.Conn) {
				_, _ = io.WriteString(c, greeting)
				_, _ = io.Copy(io.Discard, c)
			})
			dev := site.Device{ID: "srv-1", Address: address, HostKey: fakessh.PinnedForm(signer.PublicKey())}
			err := probeWithin(t, newDriver(t, signer), dev, 500*time.Millisecond)
			var reason *site.Reason
			if errors.As(err, &reason) {
				t.Errorf("error %v has the code %s: a server that stalls tells nothing", err, reason.Code)
			}
			if _, _, err := sshhost.FetchHostKey(limited(t, 300*time.Millisecond), address); err == nil {
				t.Error("FetchHostKey succeeded")
			}
		})
	}
}

func limited(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestServersThatMisbehaveAfterLogin(t *testing.T) {
	signer := newSigner(t)
	for name, c := range map[string]struct {
		command func(ssh.Channel)
		limit   time.Duration
		says    string
	}{
		"endless output": {func(ch ssh.Channel) {
			chunk := make([]byte, 32<<10)
			for {
				if _, err := ch.Write(chunk); err != nil {
					return
				}
			}
		}, 20 * time.Second, "printed more than"},
		"never answers":    {func(ch ssh.Channel) { _, _ = io.Copy(io.Discard, ch) }, time.Second, "did not answer in time"},
		"never reads":      {func(ssh.Channel) {}, time.Second, "did not answer in time"},
		"closes at once":   {func(ch ssh.Channel) { _ = ch.Close() }, 5 * time.Second, "lost the connection to srv-1"},
		"answers nonsense": {func(ch ssh.Channel) { say(ch, "nightfill 1\nboot x\nend\n", 0) }, 5 * time.Second, `"x" is not a boot id`},
		"cuts its answer":  {func(ch ssh.Channel) { say(ch, "nightfill 1\nboot x\n", 0) }, 5 * time.Second, "the answer is not complete"},
		"no sudo":          {func(ch ssh.Channel) { say(ch, "", 1) }, 5 * time.Second, "may not become root on srv-1"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			dev := sshServer(t, signer.PublicKey(), c.command)
			if err := probeWithin(t, newDriver(t, signer), dev, c.limit); !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %q, want %q in it", err, c.says)
			}
		})
	}
}

func say(ch ssh.Channel, text string, exit uint32) {
	_, _ = io.WriteString(ch, text)
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{exit}))
	_ = ch.Close()
}

func TestLoginRefused(t *testing.T) {
	host, _ := fake(t)
	_, err := newDriver(t, newSigner(t)).Probe(context.Background(), host.Device())
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Code != site.CodeAuth {
		t.Errorf("error is %v, want the code auth", err)
	}
}

func TestHostKeyOfAnotherType(t *testing.T) {
	host, driver := fake(t)
	dev := host.Device()
	dev.HostKey = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAhEzrTJ4UgKcZgXZup7a7RnwtGQlzKTwWuTL4H2ZXgIbD9ZXfQDY8rtAcBz36a3HHZ5EzCaMgjcRtNK3/z7TAY="
	_, err := driver.Probe(context.Background(), dev)
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Code != site.CodeIdentity {
		t.Errorf("error is %v, want the code identity", err)
	}
	if _, logins := host.Reached(); logins != 0 {
		t.Errorf("%d logins were tried", logins)
	}
}

func TestFetchHostKey(t *testing.T) {
	host, _ := fake(t)
	key, fingerprint, err := sshhost.FetchHostKey(context.Background(), host.Device().Address)
	if err != nil || key != host.Device().HostKey || !strings.HasPrefix(fingerprint, "SHA256:") {
		t.Errorf("FetchHostKey: %q, %q, %v; want the key %q", key, fingerprint, err, host.Device().HostKey)
	}
	if _, logins := host.Reached(); logins != 0 {
		t.Errorf("%d logins were tried", logins)
	}
}

func TestOneConnectionIsKept(t *testing.T) {
	host, driver := fake(t)
	for range 5 {
		if _, err := driver.Probe(context.Background(), host.Device()); err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := host.Reached(); n != 1 {
		t.Errorf("%d connections for five calls, want 1", n)
	}
}

func TestClosedDriver(t *testing.T) {
	host, driver := fake(t)
	if err := driver.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := driver.Probe(context.Background(), host.Device()); err == nil || err.Error() != "the driver is closed" {
		t.Errorf("error is %v", err)
	}
}

// TestHalfOpen takes the answers away from an idle connection, with time that flies: the keep-alive
// must end the connection, and with it whoever waits.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer, key := newSigner(t), newSigner(t)
		config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
		config.AddHostKey(key)
		dial := func(context.Context, string, string) (net.Conn, error) {
			near, far := newPipe()
			go func() {
				_, channels, requests, err := ssh.NewServerConn(far, config)
				if err != nil {
					return
				}
				go func() { // keep-alives are read and never answered
					for range requests {
					}
				}()
				for n := range channels {
					ch, requests, err := n.Accept()
					if err != nil {
						return
					}
					go func() {
						for r := range requests {
							_ = r.Reply(true, nil)
						}
					}()
					go func() { _, _ = io.Copy(io.Discard, ch) }()
				}
			}()
			return near, nil
		}
		driver := sshhost.New(sshhost.Options{Signer: signer, Dial: dial})
		begin := time.Now()
		_, err := driver.Probe(context.Background(), site.Device{ID: "srv-1", Address: "192.0.2.1:22", HostKey: fakessh.PinnedForm(key.PublicKey())})
		if err == nil || !strings.Contains(err.Error(), "lost the connection to srv-1") {
			t.Errorf("error is %v", err)
		}
		if took := time.Since(begin); took > 45*time.Second {
			t.Errorf("a half-open connection was noticed after %s, want 45 s at most", took)
		}
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
	})
}

// pipe is one direction of a connection, with a buffer, as the SSH handshake needs it.
type pipe struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte
	closed bool
}

// pipeConn is a connection made of two pipes. It knows no deadlines.
type pipeConn struct{ in, out *pipe }

func newPipe() (near, far net.Conn) {
	a, b := &pipe{}, &pipe{}
	a.more, b.more = sync.NewCond(&a.mu), sync.NewCond(&b.mu)
	return pipeConn{a, b}, pipeConn{b, a}
}

func (c pipeConn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for len(c.in.data) == 0 {
		if c.in.closed {
			return 0, io.EOF
		}
		c.in.more.Wait()
	}
	n := copy(p, c.in.data)
	c.in.data = c.in.data[n:]
	return n, nil
}

func (c pipeConn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.closed {
		return 0, io.ErrClosedPipe
	}
	c.out.data = append(c.out.data, p...)
	c.out.more.Broadcast()
	return len(p), nil
}

func (c pipeConn) Close() error {
	for _, p := range []*pipe{c.in, c.out} {
		p.mu.Lock()
		p.closed = true
		p.more.Broadcast()
		p.mu.Unlock()
	}
	return nil
}

func (pipeConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (pipeConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (pipeConn) SetDeadline(time.Time) error      { return nil }
func (pipeConn) SetReadDeadline(time.Time) error  { return nil }
func (pipeConn) SetWriteDeadline(time.Time) error { return nil }
