package serve

import (
	"net"
	"sync"
)

// crowd takes only so many connections from one address, so that one device of the network cannot use up those of
// all others. The machine itself may have as many as it likes.
type crowd struct {
	net.Listener
	perAddress int
	mu         sync.Mutex // held for memory only
	of         map[string]int
}

func newCrowd(l net.Listener, perAddress int) *crowd {
	return &crowd{Listener: l, perAddress: perAddress, of: map[string]int{}}
}

// Accept returns the next connection that may stay. One too many is closed without a word.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
		if err != nil || loopback(host) || net.ParseIP(host) == nil {
			return conn, nil
		}
		if c.enter(host) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { c.leave(host) })}, nil
		}
		_ = conn.Close()
	}
}

func (c *crowd) enter(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[host] >= c.perAddress {
		return false
	}
	c.of[host]++
	return true
}

func (c *crowd) leave(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[host]--; c.of[host] == 0 {
		delete(c.of, host)
	}
}

// guest is a connection that is counted until it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close closes the connection, which may be done more than once.
func (g *guest) Close() error {
	g.leave()
	return g.Conn.Close()
}
