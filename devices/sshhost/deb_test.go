package sshhost_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// deb is a built package as an artifact.
type deb struct {
	site.Artifact
	data []byte
}

func build(t *testing.T, p fakessh.Package) deb {
	t.Helper()
	var b bytes.Buffer
	if err := fakessh.BuildDeb(&b, p); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return deb{site.Artifact{Name: p.Name + "_" + p.Version + "_all.deb", SHA256: hex.EncodeToString(sum[:]), Size: int64(b.Len())}, b.Bytes()}
}

// posApp is a version of the package of the service pos-app.
func posApp(t *testing.T, version, canStart, postinst string) deb {
	return build(t, fakessh.Package{
		Name: "pos-app", Version: version,
		Files:    map[string]string{"/etc/services/pos-app": canStart + "\n", "/usr/share/pos-app/version": version + "\n"},
		Postinst: postinst + "\nsystemctl restart pos-app || true",
	})
}

// bench is one simulated device and what a test does with it.
type bench struct {
	t      *testing.T
	host   *fakessh.Host
	driver *sshhost.Driver
	n      int
}

func (b *bench) stage(debs ...deb) {
	b.t.Helper()
	for _, d := range debs {
		if err := b.driver.Stage(context.Background(), b.host.Device(), d.Artifact, bytes.NewReader(d.data)); err != nil {
			b.t.Fatalf("Stage(%s): %v", d.Name, err)
		}
	}
}

func (b *bench) do(kind devices.Kind, p site.Patch, before site.Observation, timeout time.Duration) devices.Progress {
	b.t.Helper()
	b.n++
	w := devices.Work{ID: devices.WorkID("w-" + string(rune('a'+b.n))), Kind: kind, Patch: p, Before: before, Timeout: timeout, Owner: "box"}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.driver.Start(ctx, b.host.Device(), w); err != nil {
		b.t.Fatalf("Start(%s): %v", kind, err)
	}
	for {
		got, err := b.driver.Status(ctx, b.host.Device(), w.ID)
		if err != nil {
			b.t.Fatalf("Status(%s): %v", kind, err)
		}
		if got.Phase.Ended() {
			return got
		}
	}
}

func (b *bench) probe() site.Observation {
	b.t.Helper()
	o, err := b.driver.Probe(context.Background(), b.host.Device())
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if _, err := os.Stat("/usr/bin/dpkg"); err != nil {
		t.Skip("dpkg is not installed")
	}
	host, driver := fake(t)
	return &bench{t: t, host: host, driver: driver}
}

// upgrade is a patch from old to new.
func upgrade(old, new deb, below string) site.Patch {
	return site.Patch{
		ID: "pos-app-" + below, Install: site.Install{Kind: site.InstallDeb}, Applies: site.Applies{Package: "pos-app", Below: below},
		Artifacts: []site.Artifact{new.Artifact},
		Rollback:  site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{old.Artifact}},
		Verify:    []site.Verify{{Service: service}},
	}
}

func TestPackages(t *testing.T) {
	cases := []struct {
		name    string
		can     string // whether the new version's service can start
		post    string // what its postinst does first
		install int
		verify  int
		says    string   // the verification's output
		broken  []string // after the installation
	}{
		{name: "good", can: "true", says: "proven: pos-app-2.0 is on"},
		{name: "service does not start", can: "false", verify: 1, says: "service pos-app is not running (failed)"},
		{name: "postinst fails", can: "true", post: "echo 'cannot migrate'; exit 1", install: 1, verify: 1,
			says: "package pos-app is 2.0 (install ok half-configured)", broken: []string{"pos-app"}},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			old, new := posApp(t, "1.0", "true", ""), posApp(t, "2.0", c.can, c.post)
			p := upgrade(old, new, "2.0")
			b.stage(old, new)
			first := p
			first.ID, first.Applies.Below, first.Artifacts = "pos-app-1.0", "1.0", []site.Artifact{old.Artifact}
			if got := b.do(devices.Install, first, site.Observation{}, time.Minute); got.ExitCode != 0 || got.Phase != devices.PhaseDone {
				t.Fatalf("install of the old version: %+v", got)
			}
			before := b.probe()
			if before.Packages["pos-app"] != "1.0" {
				t.Fatalf("packages before: %v", before.Packages)
			}
			if got := b.do(devices.Install, p, before, time.Minute); got.Phase != devices.PhaseDone || got.ExitCode != c.install {
				t.Fatalf("install: %+v, want exit code %d", got, c.install)
			}
			if after := b.probe(); strings.Join(after.Broken, " ") != strings.Join(c.broken, " ") {
				t.Errorf("broken packages: %v, want %v", after.Broken, c.broken)
			}
			got := b.do(devices.Verify, p, before, 2*time.Second)
			if got.Phase != devices.PhaseDone || got.ExitCode != c.verify || !strings.Contains(got.Output, c.says) {
				t.Fatalf("verify: %+v, want exit code %d and %q", got, c.verify, c.says)
			}
			if digest := b.probe().Recorded[p.ID]; (digest == policy.Digest(p)) != (c.verify == 0) {
				t.Errorf("recorded %q after a verification that ended with %d", digest, c.verify)
			}
			if got := b.do(devices.Revert, p, before, time.Minute); got.Phase != devices.PhaseDone || got.ExitCode != 0 {
				t.Fatalf("revert: %+v", got)
			}
			if got := b.do(devices.Prove, p, before, 5*time.Second); got.Phase != devices.PhaseDone || got.ExitCode != 0 {
				t.Fatalf("prove: %+v", got)
			}
			after := b.probe()
			if after.Packages["pos-app"] != "1.0" || len(after.Broken) != 0 || len(after.Recorded) != 0 {
				t.Errorf("afterwards: %v, broken %v, recorded %v", after.Packages, after.Broken, after.Recorded)
			}
		})
	}
}

func TestServiceThatWasDownBeforeIsNotAskedForAfterwards(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, new := posApp(t, "1.0", "false", ""), posApp(t, "2.0", "false", "")
	p := upgrade(old, new, "2.0")
	b.stage(old, new)
	first := p
	first.ID, first.Artifacts = "pos-app-1.0", []site.Artifact{old.Artifact}
	b.do(devices.Install, first, site.Observation{}, time.Minute)
	before := b.probe()
	b.do(devices.Install, p, before, time.Minute)
	b.do(devices.Revert, p, before, time.Minute)
	if got := b.do(devices.Prove, p, before, 5*time.Second); got.ExitCode != 0 || got.Phase != devices.PhaseDone {
		t.Errorf("prove: %+v, want it to pass: the service was down before, too", got)
	}
}

// A database of packages that cannot be read, as after a power cut, says nothing: no package counts as absent.
func TestUnreadPackages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, new := posApp(t, "1.0", "true", ""), posApp(t, "2.0", "true", "")
	s := &scripts{}
	spoil := s.artifact("spoil.sh", `echo spoilt >"$NIGHTFILL_ROOT/var/lib/dpkg/status"`)
	b.stage(old, new)
	if err := b.driver.Stage(context.Background(), b.host.Device(), spoil, s.bytes(spoil)); err != nil {
		t.Fatal(err)
	}
	before := b.probe()
	if before.Error != nil || before.Packages["pos-app"] != "" {
		t.Fatalf("before: %+v", before)
	}
	b.do(devices.Install, site.Patch{ID: "spoil", Install: site.Install{Kind: site.InstallScript}, Artifacts: []site.Artifact{spoil}}, before, time.Minute)
	after := b.probe()
	if after.BootID != before.BootID || after.Error == nil ||
		after.Error.String() != "it cannot say which packages it has: dpkg cannot read its database; look at it with: dpkg --audit [no_answer]" {
		t.Errorf("looked at: %+v", after)
	}
	p := upgrade(old, new, "2.0")
	if got := b.do(devices.Prove, p, before, 2*time.Second); got.Phase == devices.PhaseDone && got.ExitCode == 0 {
		t.Errorf("that nothing is installed is proven: %+v", got)
	}
	check := site.Check{ID: "V", Kind: site.CheckVersion, Device: b.host.Device().ID, Package: "pos-app", AtMost: "9"}
	outcome, seen, err := b.driver.Check(context.Background(), b.host.Device(), check)
	if err != nil || outcome != site.Unknown || seen != "dpkg cannot read its database on the device" {
		t.Errorf("checked: %s %q, %v", outcome, seen, err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := &scripts{}
	a := s.artifact("motd", "closed at night\n")
	p := site.Patch{ID: "motd-1", Install: site.Install{Kind: site.InstallFile, Path: "/etc/new/motd", Mode: "0600"}, Artifacts: []site.Artifact{a},
		Rollback: site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{s.artifact("back.sh", `rm -f "$NIGHTFILL_ROOT/etc/new/motd"`)}}}
	for _, a := range []site.Artifact{p.Artifacts[0], p.Rollback.Artifacts[0]} {
		if err := b.driver.Stage(context.Background(), b.host.Device(), a, s.bytes(a)); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []devices.Kind{devices.Install, devices.Verify} {
		if got := b.do(kind, p, site.Observation{}, 5*time.Second); got.ExitCode != 0 {
			t.Fatalf("%s: %+v", kind, got)
		}
	}
	info, err := os.Stat(b.host.Dir() + "/etc/new/motd")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v; want mode 0600", info, err)
	}
	if got := b.do(devices.Prove, p, site.Observation{}, time.Second); got.ExitCode == 0 || !strings.Contains(got.Output, "wanted none") {
		t.Errorf("prove while the file is there: %+v, want a failure", got)
	}
	for _, kind := range []devices.Kind{devices.Revert, devices.Prove} {
		if got := b.do(kind, p, site.Observation{}, 5*time.Second); got.ExitCode != 0 {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestDamagedArtifactIsNotInstalled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, new := posApp(t, "1.0", "true", ""), posApp(t, "2.0", "true", "")
	b.stage(old, new)
	path := b.host.Dir() + "/var/lib/nightfill/stage/" + new.SHA256 + "/" + new.Name
	if err := os.WriteFile(path, []byte("rot"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.do(devices.Install, upgrade(old, new, "2.0"), site.Observation{}, time.Minute)
	if got.ExitCode != 90 || !strings.Contains(got.Output, "was damaged on the device") {
		t.Errorf("install of a damaged package: %+v", got)
	}
}

func TestEndlessOutputIsCapped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := &scripts{}
	p := s.patch("loud", "i=0; while [ $i -lt 200 ]; do dd if=/dev/zero bs=65536 count=4 2>/dev/null; i=$((i+1)); done; echo the end", "true")
	a := p.Artifacts[0]
	if err := b.driver.Stage(context.Background(), b.host.Device(), a, s.bytes(a)); err != nil {
		t.Fatal(err)
	}
	got := b.do(devices.Install, p, site.Observation{}, time.Minute)
	if got.ExitCode != 0 || !strings.HasSuffix(got.Output, "the end\n") || len(got.Output) > 4096 {
		t.Errorf("phase %s, exit code %d, %d bytes of output that end with %q", got.Phase, got.ExitCode, len(got.Output), got.Output[max(0, len(got.Output)-20):])
	}
	out, err := b.host.Run(context.Background(), `cat "$NIGHTFILL_ROOT"/var/lib/nightfill/work/*/out.? | wc -c`)
	if err != nil || len(strings.TrimSpace(out)) > 7 {
		t.Errorf("the device kept %s bytes of 50 MiB, want less than 10 MB", strings.TrimSpace(out))
	}
}

func TestSymbolicLinksAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.host.Run(context.Background(), `mkdir -p "$NIGHTFILL_ROOT/var/lib/nightfill" && ln -s /tmp "$NIGHTFILL_ROOT/var/lib/nightfill/work"`); err != nil {
		t.Fatal(err)
	}
	err := b.driver.Reboot(context.Background(), b.host.Device(), "r-1")
	if err == nil || !strings.Contains(err.Error(), "is a symbolic link; remove it") {
		t.Errorf("error is %v, want a refusal because of the link", err)
	}
}

func TestBackgroundProcessDoesNotHoldTheResult(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := &scripts{}
	p := s.patch("daemon", "sleep 30 & echo started", "true")
	a := p.Artifacts[0]
	if err := b.driver.Stage(context.Background(), b.host.Device(), a, s.bytes(a)); err != nil {
		t.Fatal(err)
	}
	got := b.do(devices.Install, p, site.Observation{}, 20*time.Second)
	if got.Phase != devices.PhaseDone || got.ExitCode != 0 || !strings.Contains(got.Output, "started") || got.Took > 10*time.Second {
		t.Errorf("work that left a daemon behind: %+v, want done at once", got)
	}
}

func TestLostRunner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := &scripts{}
	p := s.patch("orphan", "sleep 60", "true")
	a := p.Artifacts[0]
	ctx := context.Background()
	if err := b.driver.Stage(ctx, b.host.Device(), a, s.bytes(a)); err != nil {
		t.Fatal(err)
	}
	w := devices.Work{ID: "orphan", Kind: devices.Install, Patch: p, Timeout: time.Minute, Owner: "box"}
	if err := b.driver.Start(ctx, b.host.Device(), w); err != nil {
		t.Fatal(err)
	}
	kill := `w="$NIGHTFILL_ROOT/var/lib/nightfill/work/orphan"; for i in 1 2 3 4 5 6 7 8 9 10; do read -r a b c d <"$w/pid" && [ "$c" != - ] && break; sleep 0.1; done; kill -9 $a $c; kill -9 -$c`
	if out, err := b.host.Run(ctx, kill); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for {
		got, err := b.driver.Status(ctx, b.host.Device(), w.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Phase.Ended() {
			if got.Phase != devices.PhaseLost {
				t.Errorf("phase is %s, want lost", got.Phase)
			}
			return
		}
	}
}
