package daemon

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

// One address has only so many connections, which takes nothing from others, and a closed one makes room.
func TestOneAddressIsNoCrowd(t *testing.T) {
	p := &pipes{lines: make(chan net.Conn), done: make(chan struct{})}
	c := newCrowd(p)
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
