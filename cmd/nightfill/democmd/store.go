package democmd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/nightfill/nightfill/devices/fakessh"
)

// fragile is the till that cannot run the new version.
const fragile = "till-5"

// shop is the simulated store: devices that answer SSH and run real commands, each in a
// directory of its own.
type shop struct {
	dir   string
	hosts []*fakessh.Host
}

// role is what a device of the demo is for.
type role struct {
	id, group, capability, pkg string
}

func roles() []role {
	all := []role{{"srv-1", "backoffice", "cards", "payment-gw"}, {"srv-2", "backoffice", "cards", "payment-gw"}}
	for n := 1; n <= 6; n++ {
		all = append(all, role{fmt.Sprintf("till-%d", n), "lanes", "sell", "pos-app"})
	}
	return all
}

// openShop makes the devices, with the packages that they had yesterday.
func openShop(ctx context.Context, dir string, debs map[string]string) (*shop, error) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		return nil, fmt.Errorf("cannot make the demo's devices: they install real Debian packages, and this machine has no dpkg: %w", err)
	}
	public, err := makeKey(filepath.Join(dir, "id_ed25519"))
	if err != nil {
		return nil, err
	}
	s := &shop{dir: dir, hosts: make([]*fakessh.Host, len(roles()))}
	var group errgroup.Group
	for i, r := range roles() {
		group.Go(func() (err error) {
			s.hosts[i], err = furnish(ctx, dir, r, public, debs)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func furnish(ctx context.Context, dir string, r role, public ssh.PublicKey, debs map[string]string) (*fakessh.Host, error) {
	host, err := fakessh.Start(fakessh.Options{
		Dir: filepath.Join(dir, "devices", r.id), ID: r.id, Authorized: public, BootTime: 1500 * time.Millisecond,
		Groups: []string{r.group}, Can: []string{r.capability},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make %s: %w", r.id, err)
	}
	if out, err := host.Run(ctx, "dpkg -i "+debs[r.pkg]); err != nil {
		return host, fmt.Errorf("cannot install %s on %s: %w: %s", r.pkg, r.id, err, out)
	}
	canStart := ""
	if r.id == fragile {
		canStart = `grep -qx 4.2.0 "$NIGHTFILL_ROOT/usr/share/pos-app/version"`
	}
	return host, host.AddService(ctx, r.pkg, canStart)
}

func (s *shop) close() {
	for _, h := range s.hosts {
		if h != nil {
			_ = h.Close()
		}
	}
}

// makeKey writes the key with which the box logs in to the devices.
func makeKey(path string) (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "nightfill demo")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the demo's key: %w", err)
	}
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		return nil, err
	}
	return signer.PublicKey(), nil
}

// packages builds the .deb files of the demo and returns their paths by name and by
// name_version.
func packages(dir string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, p := range []struct {
		name, version string
		slow          time.Duration
	}{
		{"pos-app", "4.2.0", 0}, {"pos-app", "4.2.1", 1200 * time.Millisecond},
		{"payment-gw", "3.0.0", 0}, {"payment-gw", "3.1.0", 800 * time.Millisecond},
	} {
		postinst := fmt.Sprintf("[ ! -e \"$NIGHTFILL_ROOT/etc/services/%s\" ] || { sleep %.1f; systemctl restart %s || true; }", p.name, p.slow.Seconds(), p.name)
		var deb bytes.Buffer
		err := fakessh.BuildDeb(&deb, fakessh.Package{
			Name: p.name, Version: p.version, Files: map[string]string{"/usr/share/" + p.name + "/version": p.version + "\n"}, Postinst: postinst,
		})
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, p.name+"_"+p.version+"_all.deb")
		if err := os.WriteFile(path, deb.Bytes(), 0o644); err != nil {
			return nil, err
		}
		paths[p.name+"_"+p.version] = path
		if _, first := paths[p.name]; !first {
			paths[p.name] = path
		}
	}
	return paths, nil
}

// storeFile writes a store file for the shop: a window that is open now, and an opening
// soon after it.
func (s *shop) storeFile(catalogURL, brokerURL, readyAddress, consoleAddress string, now time.Time) (string, error) {
	var b strings.Builder
	start, end, opening := now.Add(-time.Minute), now.Add(50*time.Minute), now.Add(75*time.Minute)
	clock := func(t time.Time) string { return t.UTC().Format("15:04") }
	fmt.Fprintf(&b, "version: 1\nstore: {id: \"0142\", org: acme, name: Springfield East, timezone: UTC, ring: fleet, language: en}\n")
	fmt.Fprintf(&b, "opening: {mon-sun: %q}\n", clock(opening))
	fmt.Fprintf(&b, "window: {start: %q, end: %q, reserve: 15m}\n", clock(start), clock(end))
	fmt.Fprintf(&b, "clock: {trust: operator}\ncontacts: [{name: Night desk, phone: \"+1 555 0100\", for: [not_ready]}]\n")
	fmt.Fprintf(&b, "catalog: {url: %q, root: catalog/root.json}\nmqtt: {url: %q}\nssh: {key: id_ed25519}\n", catalogURL, brokerURL)
	b.WriteString("devices:\n")
	for i, h := range s.hosts {
		d := h.Device()
		fmt.Fprintf(&b, "  - {id: %s, class: %s, address: %q, user: %s, host_key: %q, groups: [%s], capabilities: [%s]}\n",
			d.ID, d.Class, d.Address, d.User, d.HostKey, roles()[i].group, roles()[i].capability)
	}
	b.WriteString("groups:\n  lanes: {min_up: 3, canary: true}\n  backoffice: {max_down: 1, before: [lanes]}\n")
	b.WriteString("readiness:\n  every: 30s\n  floor: {sell: 4, cards: 1}\n  checks:\n")
	for n, r := range roles() {
		fmt.Fprintf(&b, "    - {id: %s-%d, device: %s, kind: service, name: %s, capability: %s}\n", map[string]string{"sell": "POS", "cards": "CARD"}[r.capability], n+1, r.id, r.pkg, r.capability)
	}
	fmt.Fprintf(&b, "listen: {ready: %q, console: %q, agents: off, gossip: off, metrics: off}\nstate: state\n", readyAddress, consoleAddress)
	path := filepath.Join(s.dir, "store.yaml")
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}

// freeAddress is a loopback address that nobody listens on, with the usual port if possible.
func freeAddress(usual string) (string, error) {
	for _, address := range []string{"127.0.0.1:" + usual, "127.0.0.1:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String(), nil
	}
	return "", fmt.Errorf("cannot listen on 127.0.0.1: no port is free")
}
