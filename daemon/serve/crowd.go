package serve

import (
	"net"
	"sync"
)

// crowd takes only so many connections: of one address, so that one device of the network cannot use up those of all
// others, and together, so that what the rest of the program opens is left to it. The machine itself may have as many
// of those as it likes.
type crowd struct {
	net.Listener
	perAddress int           // 0 = any number
	room       chan struct{} // holds one for each connection; nil = any number
	shut       chan struct{} // closed by Close
	once       func()
	mu         sync.Mutex // held for memory only
	of         map[string]int
}

func newCrowd(l net.Listener, perAddress, room int) *crowd {
	c := &crowd{Listener: l, perAddress: perAddress, shut: make(chan struct{}), of: map[string]int{}}
	c.once = sync.OnceFunc(func() { close(c.shut) })
	if room > 0 {
		c.room = make(chan struct{}, room)
	}
	return c
}

// Accept returns the next connection that may stay. While there is room for none it waits, and so does who comes;
// one too many of an address is closed without a word.
func (c *crowd) Accept() (net.Conn, error) {
	if !c.come() {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: c.Addr(), Err: net.ErrClosed}
	}
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			c.part()
			return nil, err
		}
		host, counted := c.counted(conn)
		if !counted || c.enter(host) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() {
				if counted {
					c.leave(host)
				}
				c.part()
			})}, nil
		}
		_ = conn.Close()
	}
}

// Close closes the listener and ends what waits for room.
func (c *crowd) Close() error {
	c.once()
	return c.Listener.Close()
}

// come takes room for one connection; false when the listener was closed before there was any.
func (c *crowd) come() bool {
	if c.room == nil {
		return true
	}
	select {
	case c.room <- struct{}{}:
		return true
	case <-c.shut:
		return false
	}
}

// part gives the room for one connection back.
func (c *crowd) part() {
	if c.room != nil {
		<-c.room
	}
}

// counted is the address of a connection, and whether it may have only so many.
func (c *crowd) counted(conn net.Conn) (string, bool) {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	return host, c.perAddress > 0 && err == nil && !loopback(host) && net.ParseIP(host) != nil
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
