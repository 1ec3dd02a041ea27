package main_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The network of a flood: the box, and who floods it; tablet is another address of the same machine.
const (
	floodBox, floodFrom, floodTablet = "10.213.7.1", "10.213.7.2", "10.213.7.3"
	floodBudget                      = 2 * time.Second // in which the READY page answers a tablet
)

// TestLabFlood is row 74 of the fault catalogue: a device of the network scans the ports of the box, connects to its pages
// and stays, sends garbage in UDP, and begins connections from many addresses that it never goes on with. The night is
// as any other, and the READY page answers a tablet in time.
func TestLabFlood(t *testing.T) {
	s := hardshipStore(t, func(s *loadStore) { s.netns, s.on = floodNet(t), floodBox })
	bad := strings.Replace(s.netns, "box", "bad", 1)
	s.box = start(t, s.dir, "nightfilld", "ip", "netns", "exec", s.netns, filepath.Join(built(t), "nightfilld"), "--config", "store.yaml")
	ready := fmt.Sprintf("http://%s:%d/ready.json", floodBox, s.ready)
	tablet := &http.Client{Timeout: 3 * floodBudget, Transport: &http.Transport{DisableKeepAlives: true, DialContext: from(bad, floodTablet)}}
	until(t, quick, "the READY page answers", func() (bool, string) {
		_, err := timed(t.Context(), tablet, ready)
		return err == nil, fmt.Sprint(err)
	})
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	dial := from(bad, floodFrom)
	for n := range 120 {
		flood.Go(func() { hold(ctx, dial, fmt.Sprintf("%s:%d", floodBox, []int{s.ready, s.console}[n%2])) })
	}
	flood.Go(func() { scan(ctx, dial) })
	flood.Go(func() { garbage(ctx, t, dial) })
	flood.Go(func() { halfOpen(ctx, t, bad, s.ready) })
	var slow, asked int
	flood.Go(func() {
		for pulse := time.NewTicker(3 * tick); ; asked++ {
			select {
			case <-ctx.Done():
				pulse.Stop()
				return
			case <-pulse.C:
			}
			if began, err := time.Now(), error(nil); ctx.Err() == nil {
				if _, err = timed(ctx, tablet, ready); (err != nil || time.Since(began) > floodBudget) && ctx.Err() == nil {
					slow++
				}
			}
		}
	})
	s.wantNight(t)
	stop()
	flood.Wait()
	t.Logf("of %d answers %d came late or not at all", asked, slow)
	if asked < 10 || slow*20 > asked {
		t.Errorf("of %d answers %d came late or not at all", asked, slow)
	}
}

// floodNet makes two machines with a cable between them, and returns the name of the box.
func floodNet(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a flood needs a network of its own, and so root")
	}
	box, bad, end := fmt.Sprintf("nfbox%d", os.Getpid()), fmt.Sprintf("nfbad%d", os.Getpid()), fmt.Sprintf("nfx%d", os.Getpid())
	run := func(line string) error {
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", line, err, out)
		}
		return err
	}
	if err := run("ip netns add " + box); err != nil {
		t.Skipf("this machine makes no network of its own: %v", err)
	}
	t.Cleanup(func() { _ = run("ip netns del " + box + "; ip netns del " + bad) })
	for _, line := range []string{
		"ip netns add " + bad,
		"ip -n " + box + " link add " + end + " type veth peer name " + end + " netns " + bad,
		"ip -n " + box + " addr add " + floodBox + "/24 dev " + end,
		"ip -n " + bad + " addr add " + floodFrom + "/24 dev " + end,
		"ip -n " + bad + " addr add " + floodTablet + "/24 dev " + end,
		"ip -n " + box + " link set lo up && ip -n " + box + " link set " + end + " up && ip -n " + bad + " link set " + end + " up",
	} {
		if err := run(line); err != nil {
			t.Fatal(err)
		}
	}
	return box
}

// dialer connects as net.Dialer.DialContext does.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// from connects from an address in a network.
func from(netns, ip string) dialer {
	return func(ctx context.Context, network, address string) (c net.Conn, err error) {
		inside := inNetns(netns, func() {
			var local net.Addr = &net.TCPAddr{IP: net.ParseIP(ip)}
			if network == "udp" {
				local = &net.UDPAddr{IP: net.ParseIP(ip)}
			}
			c, err = (&net.Dialer{LocalAddr: local, Timeout: time.Second}).DialContext(ctx, network, address)
		})
		if inside != nil {
			return nil, inside
		}
		return c, err
	}
}

// inNetns calls do on a thread that is in a network. The thread ends with its goroutine.
func inNetns(netns string, do func()) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else gets this thread
		f, err := os.Open("/run/netns/" + netns)
		if err == nil {
			if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err == nil {
				do()
			}
			_ = f.Close()
		}
		done <- err
	}()
	return <-done
}

// hold connects, says nothing and stays, again and again.
func hold(ctx context.Context, dial dialer, address string) {
	for ctx.Err() == nil {
		if c, err := dial(ctx, "tcp", address); err == nil {
			end := context.AfterFunc(ctx, func() { _ = c.Close() })
			_, _ = c.Read(make([]byte, 1))
			end()
			_ = c.Close()
		}
		pause(tick)
	}
}

// scan tries one port after the other.
func scan(ctx context.Context, dial dialer) {
	for port := 1; ctx.Err() == nil; port = port%65535 + 1 {
		if c, err := dial(ctx, "tcp", fmt.Sprintf("%s:%d", floodBox, port)); err == nil {
			_, _ = c.Write([]byte("\x16\x03\x01 garbage\r\n"))
			_ = c.Close()
		}
	}
}

// garbage sends datagrams to every port.
func garbage(ctx context.Context, t *testing.T, dial dialer) {
	text := make([]byte, 1200)
	for port := 1; ctx.Err() == nil; port = port%65000 + 1 {
		c, err := dial(ctx, "udp", fmt.Sprintf("%s:%d", floodBox, port))
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		for range 20 {
			_, _ = c.Write(text)
		}
		_ = c.Close()
	}
}

// halfOpen begins connections from addresses that nobody has.
func halfOpen(ctx context.Context, t *testing.T, netns string, port int) {
	fd, err := -1, error(nil)
	if inside := inNetns(netns, func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW) }); inside != nil || err != nil {
		t.Error(inside, err)
		return
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Addr: [4]byte(net.ParseIP(floodBox).To4())}
	sent := 0
	for pulse := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-pulse.C {
		for range 20 {
			if err := unix.Sendto(fd, syn(port), 0, to); err == nil {
				sent++
			}
		}
	}
	t.Logf("%d connections were begun and left", sent)
	if sent == 0 {
		t.Error("no connection was begun")
	}
}

// syn is a packet that begins a connection from some address.
func syn(port int) []byte {
	p := make([]byte, 40)
	p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_TCP
	binary.BigEndian.PutUint16(p[2:], 40)
	copy(p[12:], net.IPv4(10, 213, 7, byte(20+rand.N(200))).To4())
	copy(p[16:], net.ParseIP(floodBox).To4())
	tcp := p[20:]
	binary.BigEndian.PutUint16(tcp, uint16(1024+rand.N(60000)))
	binary.BigEndian.PutUint16(tcp[2:], uint16(port))
	binary.BigEndian.PutUint32(tcp[4:], rand.Uint32())
	tcp[12], tcp[13] = 5<<4, 2
	binary.BigEndian.PutUint16(tcp[14:], 1024)
	sum := uint32(unix.IPPROTO_TCP + len(tcp))
	for i := 12; i < 40; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(tcp[16:], ^uint16(sum))
	return p
}
