package serve

import (
	"net"
	"testing"
)

// far is one end of a connection from an address.
type far struct {
	net.Conn
	from net.Addr
}

func (f far) RemoteAddr() net.Addr { return f.from }

const perAddress = 64

// pipes are connections that a test hands in.
type pipes struct {
	lines chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.lines:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestPagesAreNoCrowd has a page that says so limit its connections.
func TestPagesAreNoCrowd(t *testing.T) {
	open, err := Open([]Page{{Name: "one", Address: "127.0.0.1:0", PerAddress: 3}, {Name: "two", Address: "127.0.0.1:0"}}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range open {
		defer l.Close()
	}
	if c, ok := open[0].Listener.(*crowd); !ok || c.perAddress != 3 {
		t.Errorf("the first page is served by %T", open[0].Listener)
	}
	if _, ok := open[1].Listener.(*crowd); ok {
		t.Error("a page without a limit has one")
	}
}

// One address has only so many connections, which takes nothing from others, and a closed one makes room.
func TestOneAddressIsNoCrowd(t *testing.T) {
	p := &pipes{lines: make(chan net.Conn), done: make(chan struct{})}
	c := newCrowd(p, perAddress)
	taken := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			taken <- conn
		}
	}()
	dial := func(from string) (ours net.Conn) {
		ours, theirs := net.Pipe()
		p.lines <- far{theirs, &net.TCPAddr{IP: net.ParseIP(from), Port: 4000}}
		return ours
	}
	var first net.Conn
	for n := range perAddress {
		dial("10.77.0.66")
		if conn := <-taken; n == 0 {
			first = conn
		}
	}
	if _, err := dial("10.77.0.66").Read(make([]byte, 1)); err == nil {
		t.Error("one too many is let in")
	}
	for range 2 * perAddress {
		dial("127.0.0.1")
		<-taken
	}
	dial("10.77.0.67")
	<-taken
	for range 2 {
		_ = first.Close()
	}
	dial("10.77.0.66")
	<-taken
	if _, err := dial("10.77.0.66").Read(make([]byte, 1)); err == nil {
		t.Error("a connection that was closed twice made room for two")
	}
	close(p.done)
	<-ended
}
