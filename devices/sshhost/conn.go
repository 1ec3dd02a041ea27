package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// The limits of a connection.
const (
	handshakeWithin = 15 * time.Second // TCP connection, key exchange and login
	openWithin      = 10 * time.Second // a new session on a connection that is kept
	keepaliveEvery  = 15 * time.Second
	keepaliveWithin = 20 * time.Second // without an answer for so long, the connection is closed
	idleAfter       = 3 * time.Minute  // unused for so long, the connection is closed
	lingerAfter     = 2 * time.Second  // a session that was given up must end within this, or the connection is closed
	sessionsAtOnce  = 6                // sshd allows 10 by default
	bytesAtMost     = 480 << 20        // sent over one connection before a new one is opened
	complaintAtMost = 16 << 10         // kept of the standard error of a command
)

// peer is one device as it is enrolled now, with its connection if there is one.
type peer struct {
	dialing chan struct{} // holds one token while a connection is looked for

	mu  sync.Mutex
	now *conn
}

// drop closes the connection, if there is one.
func (p *peer) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		p.now.close()
		p.now = nil
	}
}

// conn is one SSH connection.
type conn struct {
	client *ssh.Client
	net    net.Conn
	slots  chan struct{}
	gone   chan struct{} // closed when the connection has ended
	used   atomic.Int64  // Unix nanoseconds of the last use
	sent   atomic.Int64  // bytes uploaded
}

func (c *conn) close() { _ = c.net.Close() }

func (c *conn) touch() { c.used.Store(time.Now().UnixNano()) }

func (c *conn) ended() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// dialTCP is TCP that notices within about 20 s that the other side has vanished.
func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control: func(_, _ string, raw syscall.RawConn) error {
			// A kernel without the option keeps its own, longer limit.
			return raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 20_000)
			})
		},
	}
	return dialer.DialContext(ctx, network, address)
}

// connection returns the connection to the device that is kept, or a new one.
func (d *Driver) connection(ctx context.Context, dev site.Device) (c *conn, kept bool, err error) {
	pinned, err := pinnedKey(dev)
	if err != nil {
		return nil, false, err
	}
	p := d.peer(dev)
	select {
	case p.dialing <- struct{}{}:
		defer func() { <-p.dialing }()
	case <-ctx.Done():
		return nil, false, fmt.Errorf("cannot reach %s: %w", dev.ID, ctx.Err())
	}
	p.mu.Lock()
	c = p.now
	p.mu.Unlock()
	if c != nil && !c.ended() && c.sent.Load() < bytesAtMost {
		c.touch()
		return c, true, nil
	}
	if c, err = d.dial(ctx, dev, pinned); err != nil {
		return nil, false, err
	}
	p.mu.Lock()
	p.now = c
	p.mu.Unlock()
	return c, false, d.own(c)
}

// peer finds the entry of the device. Another key, user or address is another entry.
func (d *Driver) peer(dev site.Device) *peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := dev.Address + "\x00" + userOf(dev) + "\x00" + dev.HostKey
	p := d.peers[key]
	if p == nil {
		p = &peer{dialing: make(chan struct{}, 1)}
		d.peers[key] = p
	}
	return p
}

// own starts the two goroutines that watch a connection, unless the driver was closed meanwhile.
func (d *Driver) own(c *conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.close()
		_ = c.client.Wait()
		return errClosed
	}
	d.work.Go(func() {
		_ = c.client.Wait()
		close(c.gone)
	})
	d.work.Go(c.watch)
	return nil
}

// dial connects and logs in, within handshakeWithin and ctx.
func (d *Driver) dial(ctx context.Context, dev site.Device, pinned ssh.PublicKey) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	begin := time.Now()
	raw, err := d.reach(ctx, dev.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s at %s: %w", dev.ID, dev.Address, err)
	}
	var other ssh.PublicKey
	config := clientConfig(userOf(dev), algorithms(pinned.Type()))
	config.Auth = []ssh.AuthMethod{ssh.PublicKeys(d.opts.Signer)}
	config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if !bytes.Equal(key.Marshal(), pinned.Marshal()) {
			other = key
			return errors.New("not the pinned host key")
		}
		return nil
	}
	sc, chans, reqs, err := handshake(ctx, raw, dev.Address, config)
	if err != nil {
		_ = raw.Close()
		return nil, loginError(dev, pinned, other, err)
	}
	c := &conn{
		client: ssh.NewClient(sc, chans, reqs), net: raw,
		slots: make(chan struct{}, sessionsAtOnce), gone: make(chan struct{}),
	}
	c.touch()
	d.opts.Log.Debug("connected", "device", dev.ID, "address", dev.Address, "took", time.Since(begin).Round(time.Millisecond))
	return c, nil
}

// reach connects to the first of the addresses of host:port that takes a connection.
func (d *Driver) reach(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || net.ParseIP(host) != nil {
		return d.opts.Dial(ctx, "tcp", address)
	}
	all, err := d.names.of(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range all {
		var c net.Conn
		if c, err = d.opts.Dial(ctx, "tcp", net.JoinHostPort(ip, port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// clientConfig is what every connection of the box has in common.
func clientConfig(user string, hostKeys []string) *ssh.ClientConfig {
	return &ssh.ClientConfig{
		Config: ssh.Config{Ciphers: []string{
			ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES128CTR, ssh.CipherAES256CTR,
		}},
		User:              user,
		HostKeyAlgorithms: hostKeys,
		ClientVersion:     "SSH-2.0-nightfill",
	}
}

// handshake speaks SSH on raw until the login is over. A deadline on raw bounds what the library does not.
func handshake(ctx context.Context, raw net.Conn, address string, config *ssh.ClientConfig) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	if until, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(until); err != nil {
			return nil, nil, nil, err
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	sc, chans, reqs, err := ssh.NewClientConn(raw, address, config)
	if !stop() && err == nil {
		return nil, nil, nil, ctx.Err()
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return sc, chans, reqs, raw.SetDeadline(time.Time{})
}

// watch keeps the connection honest: one keep-alive at a time, and an end to a connection that
// does not answer or is not used. Closing the network connection is the only thing that frees
// whoever waits on it.
func (c *conn) watch() {
	defer c.close()
	tick := time.NewTicker(keepaliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.gone:
			return
		case <-tick.C:
		}
		if time.Since(time.Unix(0, c.used.Load())) > idleAfter && len(c.slots) == 0 {
			return
		}
		late := time.AfterFunc(keepaliveWithin, c.close)
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			return
		}
	}
}

// loginError says why a connection did not come to a login.
func loginError(dev site.Device, pinned, other ssh.PublicKey, err error) error {
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case other != nil:
		return devices.Failure(site.CodeIdentity, "%s at %s answers with another host key: %s, pinned is %s; if it was replaced on purpose: nightfill enrol %s",
			dev.ID, dev.Address, ssh.FingerprintSHA256(other), ssh.FingerprintSHA256(pinned), dev.ID)
	case errors.As(err, &negotiation) && isHostKey(negotiation):
		return devices.Failure(site.CodeIdentity, "%s at %s has no host key of the pinned type %s; if it was replaced on purpose: nightfill enrol %s",
			dev.ID, dev.Address, pinned.Type(), dev.ID)
	case isAuth(err):
		return devices.Failure(site.CodeAuth, "%s refuses the login of %s: is the box's key in its authorized keys?", dev.ID, userOf(dev))
	}
	return fmt.Errorf("cannot log in to %s at %s: %w", dev.ID, dev.Address, err)
}
