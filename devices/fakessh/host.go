package fakessh

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/site"
)

// Options describe a simulated device.
type Options struct {
	Dir        string        // its root; made when it is missing, kept by Close
	ID         string        // the device's id in the store
	Authorized ssh.PublicKey // the one key that may log in; nil lets nobody in
	User       string        // the login, default "patch"
	Listen     string        // default "127.0.0.1:0"
	BootTime   time.Duration // how long it is away when it restarts, default 300 ms
	Rekey      uint64        // after so many bytes of a connection new keys are made; 0 = as the library does
	Groups     []string
	Can        []string // its capabilities
}

// Host is a simulated device that answers SSH. It is safe for concurrent use.
type Host struct {
	*Machine
	opts   Options
	key    ssh.Signer
	listen net.Listener
	work   sync.WaitGroup

	mu          sync.Mutex
	conns       map[net.Conn]struct{}
	cut, down   bool
	closed      bool
	boots       int
	connections int
	logins      int
}

// Start makes the device and lets it listen. The host key is kept in Dir: a device that is started
// again is the same device.
func Start(o Options) (*Host, error) {
	if o.User == "" {
		o.User = "patch"
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.BootTime == 0 {
		o.BootTime = 300 * time.Millisecond
	}
	h := &Host{opts: o, conns: map[net.Conn]struct{}{}}
	var err error
	if h.Machine, err = NewMachine(o.Dir, h.PowerCycle); err != nil {
		return nil, err
	}
	if h.key, err = HostKey(h.path("etc/ssh_host_ed25519_key")); err == nil {
		h.listen, err = net.Listen("tcp", o.Listen)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start the device %s: %w", o.ID, err), h.Machine.Close())
	}
	h.work.Go(h.accept)
	return h, nil
}

// HostKey reads the private key in path, or makes a new one there.
func HostKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			return nil, err
		}
		text = pem.EncodeToMemory(block)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(text)
}

// PinnedForm is a public key as a store file pins it.
func PinnedForm(key ssh.PublicKey) string {
	return key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal())
}

// Device is the device as a store file would describe it.
func (h *Host) Device() site.Device {
	return site.Device{
		ID: h.opts.ID, Class: site.LinuxServer, Address: h.listen.Addr().String(), User: h.opts.User,
		HostKey: PinnedForm(h.key.PublicKey()), Groups: h.opts.Groups, Capabilities: h.opts.Can,
	}
}

// Cut breaks every connection and lets no new one in. What runs on the device goes on.
func (h *Host) Cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = true
	h.drop()
}

// Heal ends a Cut.
func (h *Host) Heal() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = false
}

// PowerCycle resets the device: every process ends at once, and it comes back with another boot id
// after its boot time. A reset during a reset does nothing more.
func (h *Host) PowerCycle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.down {
		return
	}
	h.down = true
	h.drop()
	h.work.Go(func() {
		h.Kill()
		select {
		case <-h.stop:
			return
		case <-time.After(h.opts.BootTime):
		}
		h.Kill()
		err := h.Boot()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.down = err != nil // a device whose disk is gone does not come back
		h.boots++
	})
}

// Reached tells how many connections were accepted and how many logins were tried.
func (h *Host) Reached() (connections, logins int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.connections, h.logins
}

// Boots is how often the device came back from a restart.
func (h *Host) Boots() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boots
}

// Close ends the device and everything that runs on it. Its directory stays.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.drop()
	h.mu.Unlock()
	errs := errors.Join(h.listen.Close(), h.Machine.Close())
	h.work.Wait()
	h.Kill()
	return errs
}

// drop closes every connection with a reset, as a cable that is pulled does not, but a device that dies does.
func (h *Host) drop() {
	for c := range h.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
	clear(h.conns)
}

func (h *Host) accept() {
	for {
		c, err := h.listen.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		if h.closed || h.cut || h.down {
			h.mu.Unlock()
			_ = c.Close()
			continue
		}
		h.connections++
		h.conns[c] = struct{}{}
		h.work.Go(func() {
			h.serve(c)
			_ = c.Close()
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.conns, c)
		})
		h.mu.Unlock()
	}
}

func (h *Host) config() *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if meta.User() == h.opts.User && h.opts.Authorized != nil && bytes.Equal(key.Marshal(), h.opts.Authorized.Marshal()) {
				return nil, nil
			}
			return nil, fmt.Errorf("the key of %s is not authorised", meta.User())
		},
		AuthLogCallback: func(ssh.ConnMetadata, string, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.logins++
		},
	}
	config.RekeyThreshold = h.opts.Rekey
	config.AddHostKey(h.key)
	return config
}
