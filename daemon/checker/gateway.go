package checker

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Ping asks an address for an echo; nil = it came. It returns soon after ctx ends.
type Ping func(ctx context.Context, ip netip.Addr) error

const (
	pingAgain = time.Second
	lookAgain = 250 * time.Millisecond
	// neighbourAfter is when an entry of the kernel's table of neighbours proves something: a packet
	// makes the kernel ask a neighbour again within 5 s, and give it up after three questions of 1 s each.
	neighbourAfter = 9 * time.Second
	complete       = 0x2 // flag of an entry that has an address
)

// gateway looks whether the way out of the box's network answers: to an echo, to a connection
// (a refusal is an answer), or to the question for its hardware address.
func (c *Checker) gateway(ctx context.Context, check site.Check, limit time.Duration) (site.CheckOutcome, string) {
	ip, err := netip.ParseAddr(check.Address)
	if check.Address == "" {
		ip, err = defaultGateway(filepath.Join(c.opts.Proc, "net", "route"))
	}
	if err != nil {
		return site.Unknown, err.Error()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan string, 4)
	var wg sync.WaitGroup
	try := func(how string, look func() bool) {
		wg.Go(func() {
			if look() {
				answers <- how
				cancel() // one answer is enough
			}
		})
	}
	neighbour := noNeighbour
	try("an echo", func() bool { return c.opts.Ping(ctx, ip) == nil })
	for _, port := range []string{"53", "80"} {
		try("port "+port, func() bool { return c.connects(ctx, net.JoinHostPort(ip.String(), port)) })
	}
	try("the question for its hardware address", func() bool {
		neighbour = c.neighbour(ctx, ip)
		return neighbour == isNeighbour
	})
	wg.Wait()
	select {
	case how := <-answers:
		return site.Pass, fmt.Sprintf("the gateway %s answers to %s", ip, how)
	default:
	}
	if neighbour == perhapsNeighbour {
		return site.Unknown, fmt.Sprintf("the gateway %s answers to no echo and on no port, and %s is too short to see its hardware address; write timeout: 10s", ip, limit)
	}
	return site.Fail, fmt.Sprintf("the gateway %s does not answer within %s", ip, limit)
}

// connects reports whether a host answers a connection, be it by refusing it.
func (c *Checker) connects(ctx context.Context, address string) bool {
	conn, err := c.opts.Dial(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
		return true
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// standing in the kernel's table of neighbours.
type proximity int

const (
	noNeighbour      proximity = iota
	perhapsNeighbour           // it was there before, and the kernel has not asked it again yet
	isNeighbour
)

// neighbour has the kernel ask for the hardware address of ip, and reads what came of it.
func (c *Checker) neighbour(ctx context.Context, ip netip.Addr) proximity {
	conn, err := c.opts.Dial(ctx, "udp", net.JoinHostPort(ip.String(), "9")) // the port that throws everything away
	if err != nil {
		return noNeighbour
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0}); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		return noNeighbour
	}
	begun, ticker := time.Now(), time.NewTicker(lookAgain)
	defer ticker.Stop()
	found := noNeighbour
	for {
		found = noNeighbour
		if inTable(filepath.Join(c.opts.Proc, "net", "arp"), ip) {
			found = perhapsNeighbour
			if time.Since(begun) >= neighbourAfter {
				return isNeighbour
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return found
		}
	}
}

// inTable reports whether the table of neighbours has a hardware address of ip.
func inTable(path string, ip netip.Addr) bool {
	found := false
	_ = eachRow(path, func(f []string) bool {
		var flags int
		_, err := fmt.Sscanf(f[2], "0x%x", &flags)
		found = f[0] == ip.String() && err == nil && flags&complete != 0
		return !found
	})
	return found
}

// defaultGateway reads where packets to everywhere go.
func defaultGateway(path string) (netip.Addr, error) {
	var gateway netip.Addr
	err := eachRow(path, func(f []string) bool {
		raw, err := hex.DecodeString(f[2])
		if f[1] != "00000000" || err != nil || len(raw) != 4 || f[2] == "00000000" {
			return true
		}
		var ip [4]byte
		binary.LittleEndian.PutUint32(ip[:], binary.BigEndian.Uint32(raw))
		gateway = netip.AddrFrom4(ip)
		return false
	})
	if err != nil {
		return gateway, fmt.Errorf("cannot read the box's routes: %w", err)
	}
	if !gateway.IsValid() {
		return gateway, errors.New("the box has no default route: its own cable or address is missing")
	}
	return gateway, nil
}

// eachRow calls f with the fields of each row of a table of the kernel, until f returns false. The
// first line is the heading.
func eachRow(path string, f func(fields []string) bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Scan()
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) >= 4 && !f(fields) {
			return nil
		}
	}
	return lines.Err()
}
