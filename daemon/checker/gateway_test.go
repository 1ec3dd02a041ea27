package checker

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site"
)

const (
	routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
		"eth0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n" +
		"eth0\t00000000\t01004D0A\t0003\t0\t0\t100\t00000000\n"
	arp = "IP address       HW type     Flags       HW address            Mask     Device\n" +
		"10.77.0.1        0x1         0x2         02:00:00:00:00:01     *        eth0\n" +
		"10.77.0.9        0x1         0x0         00:00:00:00:00:00     *        eth0\n"
)

// proc is what the kernel tells of a network.
func proc(t *testing.T, routes, arp string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "net"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"route": routes, "arp": arp} {
		if err := os.WriteFile(filepath.Join(dir, "net", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// quiet is a connection that takes everything and says nothing.
type quiet struct{ net.Conn }

func (quiet) Write(p []byte) (int, error) { return len(p), nil }
func (quiet) Close() error                { return nil }

func TestGateway(t *testing.T) {
	table := proc(t, routes, arp)
	alone := proc(t, "Iface\tDestination\n", "IP address\n")
	never := func(ctx context.Context, _ netip.Addr) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name    string
		proc    string
		address string
		limit   time.Duration
		ping    Ping
		tcp     error // of a connection; nil = it waits for ever
		outcome site.CheckOutcome
		seen    string
	}{
		{"echo", table, "", 0, func(context.Context, netip.Addr) error { return nil }, nil, site.Pass, "the gateway 10.77.0.1 answers to an echo"},
		{"refusal", table, "10.77.0.7", 0, never, syscall.ECONNREFUSED, site.Pass, "the gateway 10.77.0.7 answers to port 53"},
		{"hardware address", table, "", 0, never, nil, site.Pass, "the gateway 10.77.0.1 answers to the question for its hardware address"},
		{"hardware address, too short a look", table, "", 3 * time.Second, never, syscall.EHOSTUNREACH,
			site.Unknown, "the gateway 10.77.0.1 answers to no echo and on no port, and 3s is too short to see its hardware address; write timeout: 10s"},
		{"no hardware address", table, "10.77.0.9", 0, never, nil, site.Fail, "the gateway 10.77.0.9 does not answer within 10s"},
		{"not in the table", table, "10.77.0.8", 0, never, syscall.EHOSTUNREACH, site.Fail, "the gateway 10.77.0.8 does not answer within 10s"},
		{"the box has no network", alone, "", 0, never, syscall.ENETUNREACH, site.Unknown, "the box has no default route: its own cable or address is missing"},
		{"no table", "/no/such/proc", "", 0, never, nil, site.Unknown, "cannot read the box's routes: open /no/such/proc/net/route: no such file or directory"},
		{"no address", table, "gw", 0, never, nil, site.Unknown, `ParseAddr("gw"): unable to parse IP`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options()
				o.Proc, o.Ping = tt.proc, tt.ping
				o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					switch _, port, _ := net.SplitHostPort(address); {
					case network == "udp":
						return quiet{}, nil
					case tt.tcp == nil || port == "80" && tt.outcome == site.Pass:
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return nil, tt.tcp
				}
				expect(t, one(t, o, site.Check{ID: "NET-1", Kind: site.CheckGateway, Address: tt.address, Timeout: site.Duration(tt.limit)}), tt.outcome, tt.seen)
			})
		})
	}
}

// TestGatewayOnThisMachine asks the loopback: with an echo where the kernel lets, else by a refusal.
func TestGatewayOnThisMachine(t *testing.T) {
	r := one(t, options(), site.Check{ID: "NET-1", Kind: site.CheckGateway, Address: "127.0.0.1"})
	expect(t, r, site.Pass, "the gateway 127.0.0.1 answers to ...")
	err := echo(t.Context(), netip.MustParseAddr("127.0.0.1"))
	if err != nil && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM) {
		t.Errorf("echo of the loopback: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := echo(ctx, netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("an address of nobody echoes")
	}
	if err := echo(t.Context(), netip.MustParseAddr("::1")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("echo over IPv6: %v", err)
	}
}

func TestEchoRequest(t *testing.T) {
	msg := echoRequest(0x1234)
	sum := uint32(0)
	for i := 0; i < len(msg); i += 2 {
		sum += uint32(msg[i])<<8 + uint32(msg[i+1])
	}
	if sum != 0xffff || len(msg) != 8 || msg[0] != 8 {
		t.Errorf("%x has the sum %x", msg, sum)
	}
	if isReply(msg) || !isReply(append([]byte{0}, msg[1:]...)) || isReply([]byte{0}) {
		t.Error("a request is taken for a reply, or a reply for none")
	}
}
