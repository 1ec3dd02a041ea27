package sshhost_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/drivertest"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// newSigner makes a login key.
func newSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// scripts are patches of the kind script and the text of their artifacts.
type scripts struct {
	text map[string]string // digest -> text
}

// artifact makes an artifact of a shell text.
func (s *scripts) artifact(name, text string) site.Artifact {
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:])
	if s.text == nil {
		s.text = map[string]string{}
	}
	s.text[digest] = text
	return site.Artifact{Name: name, SHA256: digest, Size: int64(len(text))}
}

func (s *scripts) bytes(a site.Artifact) io.ReaderAt { return strings.NewReader(s.text[a.SHA256]) }

// service is what the test devices run.
const service = "pos-app"

func (s *scripts) patch(id, install, rollback string) site.Patch {
	count := "echo \"$NIGHTFILL_WORK\" >>\"$NIGHTFILL_ROOT/var/log/nightfill-runs\"\n"
	return site.Patch{
		ID: id, Install: site.Install{Kind: site.InstallScript}, Classes: []site.Class{site.LinuxServer},
		Artifacts: []site.Artifact{s.artifact(id+".sh", "#!/bin/sh\n"+count+install+"\n")},
		Rollback:  site.Rollback{Class: site.RollbackScript, Artifacts: []site.Artifact{s.artifact(id+"-back.sh", rollback+"\n")}},
		Verify:    []site.Verify{{Service: service}},
	}
}

func (s *scripts) patches() drivertest.Patches {
	return drivertest.Patches{
		Good:   s.patch("good", "echo installed", "true"),
		Fails:  s.patch("fails", "echo 'this cannot be installed'; exit 3", "true"),
		Waits:  s.patch("waits", `while [ ! -e "$NIGHTFILL_ROOT/var/lib/let" ]; do sleep 0.05; done`, "true"),
		Breaks: s.patch("breaks", "systemctl stop "+service, "systemctl start "+service),
	}
}

// console runs a shell command on a device without its SSH server.
type console func(command string) (string, error)

// hands fills in what every harness does through the console.
func (s *scripts) hands(t *testing.T, h *drivertest.Host, run console) *drivertest.Host {
	must := func(command string) string {
		out, err := run(command)
		if err != nil {
			t.Fatalf("console %q: %v: %s", command, err, out)
		}
		return out
	}
	h.Service, h.Patches, h.Bytes = service, s.patches(), s.bytes
	h.Let = func() { must(`: >"$NIGHTFILL_ROOT/var/lib/let"`) }
	h.Runs = func(id devices.WorkID) int {
		return strings.Count(must(`cat "$NIGHTFILL_ROOT/var/log/nightfill-runs" 2>/dev/null || true`), string(id)+"\n")
	}
	return h
}

// fake starts a simulated device and a driver for it.
func fake(t *testing.T) (*fakessh.Host, *sshhost.Driver) {
	t.Helper()
	signer := newSigner(t)
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	driver := sshhost.New(sshhost.Options{Signer: signer})
	t.Cleanup(func() {
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := host.AddService(context.Background(), service, ""); err != nil {
		t.Fatal(err)
	}
	return host, driver
}

func TestConformanceOnSimulatedDevices(t *testing.T) {
	drivertest.Run(t, drivertest.Harness{Parallel: true, New: func(t *testing.T) *drivertest.Host {
		host, driver := fake(t)
		s := &scripts{}
		return s.hands(t, &drivertest.Host{
			Driver: driver, Device: host.Device(),
			Cut: host.Cut, Heal: host.Heal, PowerCycle: host.PowerCycle, Reached: host.Reached,
		}, func(command string) (string, error) { return host.Run(context.Background(), command) })
	}})
}
