package live

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Limits are what is given to those who connect.
type Limits struct {
	PerAddress int           // sockets of one address
	Sockets    int           // in all
	Frame      int64         // bytes of a frame that a browser may send
	Write      time.Duration // for one frame to be taken
	Ping       time.Duration // between pings
	Silence    time.Duration // without a frame, after which a socket is dead
	Behind     uint64        // records that a reader may be behind before some are left out
}

// Usual returns the limits of a box in a store.
func Usual() Limits {
	return Limits{
		PerAddress: 20, Sockets: 64, Frame: 64 << 10, Write: 10 * time.Second, Ping: 15 * time.Second, Silence: 40 * time.Second, Behind: 5000,
	}
}

// ownOrigin reports whether a websocket is opened by a page of this console. A program that names no
// origin is no page.
func ownOrigin(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && origin.Scheme == "https" && origin.Host != "" && origin.Host == r.Host
}

// addressOf is where a request comes from, without its port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// gate counts the sockets.
type gate struct {
	limits Limits
	inside sync.WaitGroup

	mu     sync.Mutex // held for memory only
	closed bool
	all    int
	of     map[string]int
}

func newGate(l Limits) *gate { return &gate{limits: l, of: map[string]int{}} }

// enter lets a socket of an address in, unless there are too many.
func (g *gate) enter(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.all >= g.limits.Sockets || g.of[address] >= g.limits.PerAddress {
		return false
	}
	g.inside.Add(1)
	g.all++
	g.of[address]++
	return true
}

func (g *gate) leave(address string) {
	defer g.inside.Done()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.of[address]--; g.of[address] == 0 {
		delete(g.of, address)
	}
}

// shut lets nobody in any more.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}
