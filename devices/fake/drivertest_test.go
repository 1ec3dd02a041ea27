package fake_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/drivertest"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

// content is what an artifact of a test holds: its own name.
func content(a site.Artifact) io.ReaderAt { return bytes.NewReader([]byte(a.Name)) }

func artifact(name string) site.Artifact {
	sum := sha256.Sum256([]byte(name))
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(name))}
}

// posApp is a patch of the package pos-app from 1.0 to 2.0, or of no package at all when it is a script.
func posApp(id string, kind site.InstallKind) site.Patch {
	p := site.Patch{
		ID: id, Install: site.Install{Kind: kind}, Artifacts: []site.Artifact{artifact(id + ".bin")},
		Rollback: site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{artifact(id + "-back.bin")}},
		Verify:   []site.Verify{{Service: "pos"}},
	}
	if kind == site.InstallDeb {
		p.Applies = site.Applies{Package: "pos-app", Below: "2.0"}
		p.Rollback.Class = site.RollbackDowngrade
	}
	return p
}

func TestContract(t *testing.T) {
	for _, kind := range []site.InstallKind{site.InstallDeb, site.InstallScript} {
		for _, skew := range []time.Duration{0, time.Millisecond} {
			t.Run(string(kind)+" with a skew of "+skew.String(), func(t *testing.T) {
				drivertest.Run(t, drivertest.Harness{Bubble: synctest.Test, New: func(*testing.T) *drivertest.Host {
					return newHost(kind, skew)
				}})
			})
		}
	}
}

func newHost(kind site.InstallKind, skew time.Duration) *drivertest.Host {
	store := fake.NewStore(fake.Options{Seed: 1, Skew: skew})
	d := store.Add(fake.Device{
		ID: "srv-1", Class: site.LinuxServer, Packages: map[string]string{"pos-app": "1.0"}, Services: []string{"pos"},
		Latency: 20 * time.Millisecond, InstallTakes: time.Second, VerifyTakes: time.Second, RevertTakes: time.Second, RebootTakes: 20 * time.Second,
	})
	patches := drivertest.Patches{
		Good: posApp("good", kind), Fails: posApp("fails", kind), Waits: posApp("waits", kind), Breaks: posApp("breaks", kind),
	}
	store.Script("", "fails", fake.Script{Install: fake.Outcome{Exit: 3, Leaves: fake.Unchanged, Output: "this cannot be installed\n"}})
	store.Script("", "waits", fake.Script{Install: fake.Outcome{Hangs: true}})
	store.Script("", "breaks", fake.Script{Install: fake.Outcome{StopsServices: true}})
	return &drivertest.Host{
		Driver: store, Device: d, Service: "pos", Patches: patches, Bytes: content,
		Let:        func() { store.Let(d.ID, "waits") },
		Runs:       func(id devices.WorkID) int { return store.Truth(d.ID).CountWork(id) },
		Cut:        func() { store.Cut(d.ID) },
		Heal:       func() { store.Heal(d.ID) },
		PowerCycle: func() { store.PowerCycle(d.ID) },
		Reached: func() (int, int) {
			truth := store.Truth(d.ID)
			return truth.Connections, truth.Logins
		},
	}
}
