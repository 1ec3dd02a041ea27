package daemon

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/patchfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// lab is a store in a folder: devices in this process, a signed catalog, a store file.
type lab struct {
	t       testing.TB
	dir     string
	public  ssh.PublicKey
	hosts   []*fakessh.Host
	ready   string
	check   string            // the command of each device's check, as YAML
	patches map[string]string // name -> patch file
}

func newLab(t testing.TB, devices int) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), ready: "off", check: `["true"]`, patches: map[string]string{}}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	l.must(err)
	block, err := ssh.MarshalPrivateKey(private, "test")
	l.must(err)
	l.write("id_ed25519", string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromSigner(private)
	l.must(err)
	l.public = signer.PublicKey()
	for n := range devices {
		h, err := fakessh.Start(fakessh.Options{Dir: filepath.Join(l.dir, "devices", fmt.Sprint(n)), ID: fmt.Sprintf("till-%d", n+1), Authorized: l.public})
		l.must(err)
		t.Cleanup(func() { _ = h.Close() })
		l.hosts = append(l.hosts, h)
	}
	return l
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) write(name, text string) string {
	path := filepath.Join(l.dir, name)
	l.must(os.MkdirAll(filepath.Dir(path), 0o755))
	l.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// script adds a patch that appends a line to a file on the device, once, and takes a while over it.
func (l *lab) script(id, body string) {
	l.write("patches/"+id+".sh", "#!/bin/sh\n"+body+"\n")
	l.patches[id] = l.write("patches/"+id+".yaml", fmt.Sprintf(
		"id: %s\ntitle: %s\ninstall: {kind: script}\nartifacts: [%s.sh]\nrollback: {class: none}\nduration: {install: 30s, verify: 5s, rollback: 10s}\nowner: owner\n", id, id, id))
}

// publish signs and publishes all patches and returns the catalog's folder.
func (l *lab) publish() string {
	l.t.Helper()
	keys, err := keyfile.Open(l.dir+"/keys", keyfile.FixedPassword(""))
	l.must(err)
	l.must(publish.Init(publish.InitOptions{Dir: l.dir + "/hq", KeyDir: l.dir + "/keys", Keys: keys, Now: time.Now()}))
	return l.publishMore()
}

// publishMore signs and publishes the patches that are new.
func (l *lab) publishMore() string {
	l.t.Helper()
	repo, err := publish.Open(l.dir + "/hq")
	l.must(err)
	keys, err := keyfile.Open(repo.KeyDir(), keyfile.FixedPassword(""))
	l.must(err)
	owner, err := keyfile.Read(l.dir+"/keys/owner-1", keyfile.FixedPassword(""))
	l.must(err)
	for id, file := range l.patches {
		patch, files, err := patchfile.Read(file)
		l.must(err)
		l.must(repo.Add(patch, files))
		l.must(repo.Release(id, site.RingFleet, nil))
	}
	_, err = repo.Sign(owner, time.Now(), nil)
	l.must(err)
	_, err = repo.Publish(l.t.Context(), publish.Options{Out: l.dir + "/catalog", Keys: keys, Now: time.Now()})
	l.must(err)
	return l.dir + "/catalog"
}

func (l *lab) storeFile() config.Config {
	l.t.Helper()
	now := time.Now().UTC()
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nstore: {id: \"7\", org: acme, name: Test, timezone: UTC}\nopening: {mon-sun: %q}\n", now.Add(3*time.Hour).Format("15:04"))
	fmt.Fprintf(&b, "window: {start: %q, end: %q, reserve: 5m}\nclock: {trust: operator}\n", now.Add(-2*time.Minute).Format("15:04"), now.Add(2*time.Hour).Format("15:04"))
	fmt.Fprintf(&b, "catalog: {url: \"file://%s/catalog/\", root: catalog/root.json}\nssh: {key: id_ed25519}\ndevices:\n", l.dir)
	for _, h := range l.hosts {
		d := h.Device()
		fmt.Fprintf(&b, "  - {id: %s, class: linux-server, address: %q, user: %s, host_key: %q, capabilities: [sell]}\n", d.ID, d.Address, d.User, d.HostKey)
	}
	b.WriteString("readiness:\n  floor: {sell: 1}\n  checks:\n")
	for n, h := range l.hosts {
		fmt.Fprintf(&b, "    - {id: POS-%d, device: %s, kind: command, command: %s, capability: sell}\n", n+1, h.Device().ID, l.check)
	}
	fmt.Fprintf(&b, "listen: {ready: %q, console: off, agents: off, gossip: off, metrics: off}\nstate: state\n", l.ready)
	cfg, err := config.Load(l.write("store.yaml", b.String()))
	l.must(err)
	return cfg
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// start runs a box and returns what stops it.
func (l *lab) start(cfg config.Config) (*Daemon, func()) {
	l.t.Helper()
	d, err := New(l.t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-ended; err != nil {
				l.t.Errorf("the box ended with %v", err)
			}
		}
	}
	l.t.Cleanup(stop)
	return d, stop
}

// until waits for the box to know something.
func (l *lab) until(d *Daemon, what string, holds func(run.State) bool) {
	l.t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		changed := d.Changed()
		if holds(d.State()) {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			l.t.Fatalf("never came to: %s; the night is %+v", what, d.State().Night)
		}
	}
}

func (l *lab) lines(h *fakessh.Host, name string) int {
	out, err := h.Run(l.t.Context(), "wc -l <\"$NIGHTFILL_ROOT/"+name+"\"")
	l.must(err)
	var n int
	_, err = fmt.Sscan(out, &n)
	l.must(err)
	return n
}

func closed(s run.State) bool { return s.Night != nil && !s.Night.Open() }

func TestNightOnSimulatedDevices(t *testing.T) {
	l := newLab(t, 3)
	l.script("motd", `echo once >>"$NIGHTFILL_ROOT/motd"`)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	l.ready = free.Addr().String()
	l.must(free.Close())
	l.publish()
	d, _ := l.start(l.storeFile())
	l.until(d, "the end of the night", closed)
	for j := range d.State().Night.Jobs() {
		if j.State != site.Done {
			t.Errorf("%s on %s is %s: %v", j.Patch, j.Device, j.State, j.Reason)
		}
	}
	for _, h := range l.hosts {
		if n := l.lines(h, "motd"); n != 1 {
			t.Errorf("the script ran %d times on %s", n, h.Device().ID)
		}
	}
	next, err := d.Forecast(t.Context(), time.Time{})
	l.must(err)
	left := next.Report
	if len(next.Plan.Lanes) != 0 || len(left) != 3 || left[0].Reason.Code != site.CodeNotApplicable {
		t.Errorf("what is done is planned again: %+v %+v", next.Plan.Lanes, left)
	}
	l.until(d, "a verdict", func(s run.State) bool { return s.Verdict == site.Ready })
	response, err := http.Get("http://" + l.ready + "/ready.txt")
	l.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	l.must(err)
	if response.Header.Get("X-Ready") != "ready" || !strings.HasPrefix(string(body), "READY") {
		t.Errorf("the page says %q %q", response.Header.Get("X-Ready"), body)
	}
	if _, err := d.journal.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	l.replays(d)
}

// TestRestartInTheNight stops the box while a script runs on every device: it runs on there, and
// the next box takes it up without running it again.
func TestRestartInTheNight(t *testing.T) {
	l := newLab(t, 2)
	l.script("slow", `echo once >>"$NIGHTFILL_ROOT/slow"; sleep 1.5; echo end >>"$NIGHTFILL_ROOT/slow"`)
	l.publish()
	cfg := l.storeFile()
	first, stop := l.start(cfg)
	l.until(first, "two scripts under way", func(s run.State) bool {
		claimed := 0
		for _, j := range run.Recover(s) {
			if j.Intent.Step == run.Install && j.Claimed {
				claimed++
			}
		}
		return claimed == 2
	})
	stop()
	second, _ := l.start(cfg)
	l.until(second, "the end of the night", closed)
	for j := range second.State().Night.Jobs() {
		if j.State != site.Done || j.Attempts[run.Install] != 1 {
			t.Errorf("%s is %s after %d installations: %v", j.Device, j.State, j.Attempts[run.Install], j.Reason)
		}
	}
	for _, h := range l.hosts {
		if n := l.lines(h, "slow"); n != 2 {
			t.Errorf("the script wrote %d lines on %s", n, h.Device().ID)
		}
	}
	l.replays(second)
}

// TestJournalIsLostInTheNight sets the journal aside while a script runs on a device: the new
// journal knows nothing, the device knows all, and nothing runs twice.
func TestJournalIsLostInTheNight(t *testing.T) {
	l := newLab(t, 1)
	l.script("slow", `echo once >>"$NIGHTFILL_ROOT/slow"; sleep 1.5; echo end >>"$NIGHTFILL_ROOT/slow"`)
	l.publish()
	cfg := l.storeFile()
	first, stop := l.start(cfg)
	l.until(first, "a script under way", func(s run.State) bool {
		open := run.Recover(s)
		return len(open) == 1 && open[0].Intent.Step == run.Install && open[0].Claimed
	})
	copied, err := filepath.Glob(filepath.Join(cfg.State, "copies", "journal-*.db"))
	l.must(err)
	if len(copied) == 0 {
		t.Error("there is no copy of the journal")
	}
	stream := first.journal.Stream()
	stop()
	_, err = journal.Quarantine(cfg.State)
	l.must(err)
	second, _ := l.start(cfg)
	l.until(second, "the end of the night", closed)
	if j := jobs(second)[0]; j.State != site.Done || second.journal.Stream() == stream {
		t.Errorf("%s is %s in stream %s: %v", j.Patch, j.State, second.journal.Stream(), j.Reason)
	}
	if n := l.lines(l.hosts[0], "slow"); n != 2 {
		t.Errorf("the script wrote %d lines", n)
	}
}

// jobs are those of the newest night.
func jobs(d *Daemon) []run.Job { return slices.Collect(d.State().Night.Jobs()) }

// TestNightIsExtended: patches that arrive while the window is open are done in the same
// night, and what was tried is not tried again.
func TestNightIsExtended(t *testing.T) {
	l := newLab(t, 1)
	l.script("first", `echo once >>"$NIGHTFILL_ROOT/first"; exit 1`)
	l.script("second", "true")
	spare := l.patches["second"]
	delete(l.patches, "second")
	l.publish()
	d, _ := l.start(l.storeFile())
	l.until(d, "the end of the night", closed)
	l.patches["second"] = spare
	l.publishMore()
	if _, changed, err := d.Refresh(t.Context()); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	l.until(d, "the second patch", func(s run.State) bool { return closed(s) && s.Night.Total() == 2 })
	if job := jobs(d)[1]; job.Patch != "second" || job.State != site.Done {
		t.Errorf("the night went on with %+v", job)
	}
	if n := l.lines(l.hosts[0], "first"); n != 1 {
		t.Errorf("the first patch ran %d times", n)
	}
	l.replays(d)
}

// TestRefusals holds the words with which the box refuses to start.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(l *lab, cfg *config.Config)
		want  string
	}{
		{"no key", func(l *lab, cfg *config.Config) { cfg.SSH.Key = l.dir + "/none" },
			"cannot read the key for the devices (ssh.key in the store file): open DIR/none: no such file or directory; make one with: ssh-keygen -t ed25519 -N '' -f DIR/none"},
		{"bad key", func(l *lab, cfg *config.Config) { cfg.SSH.Key = l.write("bad", "hello\n") },
			"cannot use DIR/bad (ssh.key in the store file): ssh: no key found; it must be a private key without a passphrase"},
		{"state is a file", func(l *lab, cfg *config.Config) { cfg.State = l.write("file", "x") },
			"cannot make the state directory: mkdir DIR/file: not a directory"},
		{"broken journal", func(l *lab, cfg *config.Config) {
			l.write("state/journal.db", "not a journal, but a text of some length\n")
		},
			"nightfill journal verify --state DIR/state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 1)
			l.script("motd", "true")
			l.publish()
			cfg := l.storeFile()
			c.spoil(l, &cfg)
			_, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
			if err == nil {
				t.Fatal("it started")
			}
			if got := strings.ReplaceAll(err.Error(), l.dir, "DIR"); got != c.want && !(strings.HasPrefix(c.want, "nightfill ") && strings.Contains(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAddressInUse(t *testing.T) {
	l := newLab(t, 1)
	l.script("motd", "true")
	l.publish()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	defer taken.Close()
	l.ready = taken.Addr().String()
	d, err := New(t.Context(), Options{Config: l.storeFile(), Version: "test", Log: quiet()})
	l.must(err)
	err = d.Run(t.Context())
	want := fmt.Sprintf("cannot listen on %s (listen.ready in the store file): listen tcp %s: bind: address already in use; choose another address or write off", l.ready, l.ready)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestTrim forgets old records, keeps what they said, and the chain still verifies.
func TestTrim(t *testing.T) {
	l := newLab(t, 1)
	l.script("motd", "true")
	l.publish()
	cfg := l.storeFile()
	d, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	hold := site.Hold{Device: site.AllDevices, Until: time.Now().Add(time.Hour), Reason: "stock-taking", Actor: "ann"}
	l.must(d.ledger.Add(
		run.Event{Kind: run.HoldSet, At: time.Now().Add(-2 * keepRecords), Hold: &hold},
		run.Event{Kind: run.DaemonStarted, At: time.Now()},
	))
	l.must(d.trim(time.Now().Add(-keepRecords)))
	if first := d.journal.First(); first != 2 {
		t.Errorf("the first record is %d", first)
	}
	if _, err := d.journal.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	l.must(d.journal.Close())
	again, err := New(t.Context(), Options{Config: cfg, Version: "test", Log: quiet()})
	l.must(err)
	defer again.journal.Close()
	if got := again.State().Holds[site.AllDevices]; got.Reason != hold.Reason || again.State().Seq != 2 {
		t.Errorf("after trimming the state is %+v", again.State())
	}
}
