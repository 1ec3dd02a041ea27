package sshhost_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// labDeb is a package of the lab's repository.
func (l labHost) deb(t *testing.T, version string) (site.Artifact, []byte) {
	t.Helper()
	name := "pos-app_" + version + "_amd64.deb"
	data, err := os.ReadFile(filepath.Join(l.dir, "repo/pool", name))
	if err != nil {
		t.Skipf("the lab has no packages: %v", err)
	}
	sum := sha256.Sum256(data)
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}, data
}

// TestLabPackages puts packages that go wrong in every way on a whole Debian host, and takes each back.
func TestLabPackages(t *testing.T) {
	l := newLab(t)
	dev, driver := l.device(t, "patch"), sshhost.New(sshhost.Options{Signer: l.signer(t)})
	defer driver.Close()
	l.must(t, "exec", l.name, "sh", "-c", "rm -rf /var/lib/nightfill /etc/init.d/pos-app; dpkg --purge --force-all pos-app >/dev/null 2>&1; true")
	old, oldData := l.deb(t, "1.0.0")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	do := func(t *testing.T, kind devices.Kind, id string, p site.Patch, before site.Observation, timeout time.Duration) devices.Progress {
		t.Helper()
		w := devices.Work{ID: devices.WorkID(id + "-" + string(kind)), Kind: kind, Patch: p, Before: before, Timeout: timeout, Owner: "box"}
		if err := driver.Start(ctx, dev, w); err != nil {
			t.Fatalf("Start(%s): %v", w.ID, err)
		}
		for {
			call, end := context.WithTimeout(ctx, 20*time.Second)
			got, err := driver.Status(call, dev, w.ID)
			end()
			if err == nil && got.Phase.Ended() {
				t.Logf("%s: %s %d, %s: %s", w.ID, got.Phase, got.ExitCode, got.Took, strings.TrimSpace(got.Output))
				return got
			}
			if ctx.Err() != nil {
				t.Fatal(ctx.Err())
			}
		}
	}
	stage := func(t *testing.T, a site.Artifact, data []byte) {
		t.Helper()
		if err := driver.Stage(ctx, dev, a, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	patch := func(version string, a site.Artifact) site.Patch {
		return site.Patch{
			ID: "pos-app-" + version, Install: site.Install{Kind: site.InstallDeb}, Applies: site.Applies{Package: "pos-app", Below: version},
			Artifacts: []site.Artifact{a}, Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{old}},
			Verify: []site.Verify{{Service: "pos-app"}, {HTTP: "http://127.0.0.1:7001/"}, {TCP: "127.0.0.1:7001"}},
		}
	}
	stage(t, old, oldData)
	if got := do(t, devices.Install, "old", patch("1.0.0", old), site.Observation{}, time.Minute); got.ExitCode != 0 {
		t.Fatal("the old version cannot be installed")
	}
	for _, c := range []struct {
		version string
		phase   devices.Phase
		good    bool
		soak    time.Duration
		limit   time.Duration
	}{
		{version: "1.1.0", phase: devices.PhaseDone, good: true, limit: time.Minute},
		{version: "9.1.0", phase: devices.PhaseDone, limit: time.Minute},
		{version: "9.2.0", phase: devices.PhaseDone, limit: time.Minute},
		{version: "9.3.0", phase: devices.PhaseTimedOut, limit: 4 * time.Second},
		{version: "9.6.0", phase: devices.PhaseDone, limit: time.Minute},
		{version: "9.7.0", phase: devices.PhaseInterrupted, limit: time.Minute},
		{version: "9.8.0", phase: devices.PhaseDone, soak: 7 * time.Second, limit: time.Minute},
		{version: "9.9.0", phase: devices.PhaseDone, limit: time.Minute},
	} {
		t.Run(c.version, func(t *testing.T) {
			a, data := l.deb(t, c.version)
			p := patch(c.version, a)
			p.Duration.Soak = site.Duration(c.soak)
			stage(t, a, data)
			before, err := driver.Probe(ctx, dev)
			if err != nil || before.Packages["pos-app"] != "1.0.0" {
				t.Fatalf("before: %v, %v", before.Packages["pos-app"], err)
			}
			id := "v" + c.version
			if got := do(t, devices.Install, id, p, before, c.limit); got.Phase != c.phase {
				t.Errorf("install: phase %s, want %s", got.Phase, c.phase)
			}
			if got := do(t, devices.Verify, id, p, before, c.soak+5*time.Second); (got.ExitCode == 0) != c.good {
				t.Errorf("verify: %+v", got)
			}
			if got := do(t, devices.Revert, id, p, before, time.Minute); got.ExitCode != 0 || got.Phase != devices.PhaseDone {
				t.Errorf("revert: %+v", got)
			}
			p.Duration.Soak = 0
			if got := do(t, devices.Prove, id, p, before, 15*time.Second); got.ExitCode != 0 || got.Phase != devices.PhaseDone {
				t.Errorf("prove: %+v", got)
			}
		})
	}
}
