package main_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/daemon/control/client"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/patchfile"
	"github.com/nightfill/nightfill/sync/publish"
)

const (
	loadDevices  = 200
	loadTablets  = 200
	loadConsoles = 20
	loadFor      = 25 * time.Second
	loadPassword = "three blue bicycles"
)

// BenchmarkLoad looks at the same part of a night of 200 devices twice: with one tablet that asks, and
// with 200 tablets that ask thirty times as often as the READY page does and 20 consoles that follow
// everything. The box is a process of its own, and the devices are another that gives way to it. Tablets
// and consoles share the processors with the box, so they see it slower than in a store.
func BenchmarkLoad(b *testing.B) {
	for range b.N {
		base := loadNight(b, 1, 0)
		full := loadNight(b, loadTablets, loadConsoles)
		printLoad(base, full)
		b.ReportMetric(full.cpu/base.cpu, "cpu/base")
		b.ReportMetric(full.inBox.Seconds()*1000, "ready-p99-ms")
	}
}

// loaded is what a part of a night was like.
type loaded struct {
	records  uint64 // of the journal, at its end
	settled  int
	cpu      float64 // s
	resident float64 // MB
	polled   polled
	inBox    time.Duration // 99 of 100 answers of the READY page, at most
	heard    []heard       // by each console
}

func printLoad(base, full loaded) {
	fmt.Printf("\n%d devices, 2 patches each, the first %.0f s of their night\n", loadDevices, loadFor.Seconds())
	fmt.Printf("%-58s %12s %12s %8s\n", "", "1 tablet", fmt.Sprintf("%d and %d", loadTablets, loadConsoles), "ratio")
	row := func(what string, base, full float64) {
		fmt.Printf("%-58s %12.2f %12.2f %7.2fx\n", what, base, full, full/base)
	}
	ms := func(l loaded, q float64) float64 { return l.polled.quantile(q).Seconds() * 1000 }
	row("the night: records in the journal", float64(base.records), float64(full.records))
	row("the night: patches settled", float64(base.settled), float64(full.settled))
	row("nightfilld: CPU s", base.cpu, full.cpu)
	row("nightfilld: MB resident at most", base.resident, full.resident)
	row("READY: answers a second", base.polled.rate(), full.polled.rate())
	row("READY: ms of the box for 99 of 100, at most (wanted: 50)", base.inBox.Seconds()*1000, full.inBox.Seconds()*1000)
	row("READY: ms as tablets see it here, half of them within", ms(base, 0.5), ms(full, 0.5))
	row("READY: ms as tablets see it here, 99 of 100 within", ms(base, 0.99), ms(full, 0.99))
	var all heard
	for _, h := range full.heard {
		all.events, all.documents, all.gaps, all.lost, all.doubled = all.events+h.events, all.documents+h.documents, all.gaps+h.gaps, all.lost+h.lost, all.doubled+h.doubled
		all.late = max(all.late, h.late)
	}
	fmt.Printf("READY: %d answers, %d failed; %.2f ms of nightfilld for each, with all that it told the consoles\n",
		len(full.polled.took), full.polled.failed, 1000*(full.cpu-base.cpu)/(full.polled.rate()*loadFor.Seconds()))
	fmt.Printf("%d consoles: %d records, %d documents, %d left out, %d lost, %d doubled; all had everything %v after the end\n",
		loadConsoles, all.events, all.documents, all.gaps, all.lost, all.doubled, all.late.Round(time.Millisecond))
}

// loadStore is a store of simulated devices in this process, and its box.
type loadStore struct {
	tb                     testing.TB
	count                  int    // of devices
	down                   string // how many may be away
	on                     string // the address of the pages
	netns                  string // the network that all of it is in; "" = this machine's
	dir                    string
	hosts                  []site.Device
	ready, console, metric int // ports
	box                    *program
	control                *client.Client
}

// loadNight runs a part of a night, with so many tablets and consoles.
func loadNight(b *testing.B, tablets, consoles int) loaded {
	s := &loadStore{tb: b, dir: b.TempDir(), count: loadDevices, down: "10%", on: "127.0.0.1"}
	s.arrange()
	s.box = start(b, s.dir, "nightfilld", filepath.Join(built(b), "nightfilld"), "--config", "store.yaml", "--log-level", "warn")
	defer s.control.Close()
	until(b, quick, "nightfilld answers", func() (bool, string) {
		_, err := s.control.AddUser(b.Context(), wire.UserAsked{Name: "a.khan", Role: site.UserTech, Password: loadPassword})
		return err == nil && answers(s.ready) && answers(s.console), fmt.Sprint(err)
	})
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	follow, poll := s.follow(ctx, consoles), s.poll(ctx, tablets)
	until(b, patient, "the night is open", func() (bool, string) {
		status, err := s.control.Status(ctx)
		return err == nil && status.Night != nil && status.Night.Open, fmt.Sprint(err)
	})
	before := usage(b, s.box.cmd.Process.Pid).cpu
	pause(loadFor)
	used := usage(b, s.box.cmd.Process.Pid)
	status, err := s.control.Status(ctx)
	s.must(err)
	l := loaded{records: status.Night.Rev, settled: status.Night.Settled, cpu: used.cpu - before, resident: used.resident, heard: follow(status.Night.Rev)}
	stop()
	l.polled, l.inBox = poll(), s.inBox()
	if code := s.box.stop(); code != 0 {
		b.Errorf("nightfilld ended with %d", code)
	}
	return l
}

// arrange starts the devices, publishes the catalog and writes the store file.
func (s *loadStore) arrange() {
	s.devices()
	s.ready, s.console, s.metric = freePort(s.tb), freePort(s.tb), freePort(s.tb)
	s.catalog()
	s.file()
	s.control = client.Dial(filepath.Join(s.dir, "state", "control.sock"))
}

// loadDir names the folder of the devices to the process that they are in, and loadCount how many there are.
const (
	loadDir   = "NIGHTFILL_LOAD_DEVICES"
	loadCount = "NIGHTFILL_LOAD_COUNT"
)

// devices starts the devices, in a process of their own that gets what the others leave of the processors:
// in a store they are machines of their own.
func (s *loadStore) devices() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	s.must(err)
	block, err := ssh.MarshalPrivateKey(private, "load")
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.dir, "id_ed25519"), pem.EncodeToMemory(block), 0o600))
	args := []string{"nice", "-n", "19", os.Args[0], "-test.run=^TestLoadDevices$", "-test.v"}
	if s.netns != "" {
		args = append([]string{"ip", "netns", "exec", s.netns}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), loadDir+"="+s.dir, loadCount+"="+strconv.Itoa(s.count))
	in, err := cmd.StdinPipe()
	s.must(err)
	s.must(cmd.Start())
	s.tb.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			s.tb.Errorf("the devices ended with %v", err)
		}
	})
	until(s.tb, patient, "the devices listen", func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(s.dir, "devices.json"))
		if err != nil {
			return false, err.Error()
		}
		s.hosts = decode[[]site.Device](s.tb, text)
		return true, ""
	})
}

// TestLoadDevices is the process of the devices, until its standard input ends.
func TestLoadDevices(t *testing.T) {
	dir := os.Getenv(loadDir)
	if dir == "" {
		t.Skip("the devices of BenchmarkLoad and of the tests of hardship")
	}
	text, err := os.ReadFile(filepath.Join(dir, "id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	count, err := strconv.Atoi(os.Getenv(loadCount))
	if err != nil {
		t.Fatal(err)
	}
	var all []site.Device
	for n := range count {
		id := fmt.Sprintf("till-%d", n+1)
		h, err := fakessh.Start(fakessh.Options{Dir: filepath.Join(dir, "devices", id), ID: id, Authorized: signer.PublicKey()})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		all = append(all, h.Device())
	}
	text, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "devices.new"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "devices.new"), filepath.Join(dir, "devices.json")); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func (s *loadStore) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

// catalog publishes two patches for every device.
func (s *loadStore) catalog() {
	password := keyfile.FixedPassword("")
	keys, err := keyfile.Open(s.dir+"/keys", password)
	s.must(err)
	s.must(publish.Init(publish.InitOptions{Dir: s.dir + "/hq", KeyDir: s.dir + "/keys", Keys: keys, Now: time.Now()}))
	repo, err := publish.Open(s.dir + "/hq")
	s.must(err)
	for _, id := range []string{"menu", "settings"} {
		file := filepath.Join(s.dir, id+".yaml")
		s.must(os.WriteFile(filepath.Join(s.dir, id+".sh"), []byte("#!/bin/sh\nsleep 1\n"), 0o600))
		s.must(os.WriteFile(file, fmt.Appendf(nil, "id: %s\ntitle: New %s\ninstall: {kind: script}\nartifacts: [%s.sh]\n"+
			"rollback: {class: none}\nduration: {install: 30s, verify: 5s, rollback: 10s}\nowner: owner\n", id, id, id), 0o600))
		patch, files, err := patchfile.Read(file)
		s.must(err)
		s.must(repo.Add(patch, files))
		s.must(repo.Release(id, site.RingFleet, nil))
	}
	owner, err := keyfile.Read(s.dir+"/keys/owner-1", password)
	s.must(err)
	_, err = repo.Sign(owner, time.Now(), nil)
	s.must(err)
	_, err = repo.Publish(s.tb.Context(), publish.Options{Out: s.dir + "/catalog", Keys: keys, Now: time.Now()})
	s.must(err)
}

// file writes the store file.
func (s *loadStore) file() {
	now := time.Now().UTC()
	var b strings.Builder
	clock := func(after time.Duration) string { return now.Add(after).Format("15:04") }
	fmt.Fprintf(&b, "version: 1\nstore: {id: \"0142\", org: acme, name: Springfield East, timezone: UTC}\nopening: {mon-sun: %q}\n", clock(3*time.Hour))
	fmt.Fprintf(&b, "window: {start: %q, end: %q, reserve: 5m}\nclock: {trust: operator}\n", clock(-2*time.Minute), clock(2*time.Hour))
	fmt.Fprintf(&b, "catalog: {url: \"file://%s/catalog/\", root: catalog/root.json}\nssh: {key: id_ed25519}\ndevices:\n", s.dir)
	for _, d := range s.hosts {
		fmt.Fprintf(&b, "  - {id: %s, class: linux-server, address: %q, user: %s, host_key: %q, groups: [lanes], capabilities: [sell]}\n", d.ID, d.Address, d.User, d.HostKey)
	}
	fmt.Fprintf(&b, "groups:\n  lanes: {max_down: %s}\nreadiness:\n  floor: {sell: 1}\n  checks:\n", s.down)
	for n, d := range s.hosts {
		fmt.Fprintf(&b, "    - {id: POS-%d, device: %s, kind: tcp, address: %q, capability: sell}\n", n+1, d.ID, d.Address)
	}
	fmt.Fprintf(&b, "listen: {ready: \"%s:%d\", console: \"%s:%d\", agents: off, gossip: off, metrics: \"127.0.0.1:%d\"}\nstate: state\n", s.on, s.ready, s.on, s.console, s.metric)
	s.must(os.WriteFile(filepath.Join(s.dir, "store.yaml"), []byte(b.String()), 0o600))
}
