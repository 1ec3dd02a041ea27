package serve

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
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
	c := newCrowd(p, perAddress, 0)
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

// Rows 74 and 84 of the fault catalogue: a page has room for so many connections, this machine's too. Who comes then
// waits, unheard, until one has ended; a listener that is closed waits for nobody.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room = 5
		p := &pipes{lines: make(chan net.Conn), done: make(chan struct{})}
		c := newCrowd(p, 2, room)
		ended := make(chan error)
		var all []net.Conn
		go func() {
			for {
				conn, err := c.Accept()
				if err != nil {
					ended <- err
					return
				}
				all = append(all, conn)
			}
		}()
		come := func(from string) (net.Conn, bool) {
			ours, theirs := net.Pipe()
			timer := time.NewTimer(time.Minute)
			defer timer.Stop()
			select {
			case p.lines <- far{theirs, &net.TCPAddr{IP: net.ParseIP(from), Port: 4000}}:
				synctest.Wait()
				return ours, true
			case <-timer.C:
				return nil, false
			}
		}
		for _, from := range []string{"127.0.0.1", "127.0.0.1", "10.77.0.1", "10.77.0.1"} {
			come(from)
		}
		if turned, _ := come("10.77.0.1"); turned == nil || len(all) != 4 {
			t.Fatalf("%d are let in", len(all))
		}
		come("127.0.0.1")
		if _, ok := come("10.77.0.2"); ok || len(all) != room {
			t.Errorf("%d have room in %d", len(all), room)
		}
		_ = all[3].Close()
		_ = all[3].Close()
		if _, ok := come("10.77.0.2"); !ok || len(all) != room+1 {
			t.Error("one that ended made no room")
		}
		if _, ok := come("10.77.0.3"); ok {
			t.Error("one that was closed twice made room for two")
		}
		_ = c.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("it ends with %v", err)
		}
		for _, conn := range all {
			_ = conn.Close()
		}
		if len(c.room) != 0 || len(c.of) != 0 {
			t.Errorf("%d and %v are left", len(c.room), c.of)
		}
	})
}
