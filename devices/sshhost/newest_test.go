package sshhost_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// shutOut is what a device answers to a box that is not the newest any more.
const shutOut = "srv-1 is busy: box bbbbbbbbbbbbbbbb, which was set up later than this one, works on it. Only if this one is to do so: " +
	"stop the other, remove the file box from this one's state folder and start nightfilld again"

var (
	olderBox = sshhost.Options{Box: "aaaaaaaaaaaaaaaa", Since: time.Unix(1_700_000_000, 0)}
	newerBox = sshhost.Options{Box: "bbbbbbbbbbbbbbbb", Since: time.Unix(1_700_000_001, 0)}
	anewBox  = sshhost.Options{Box: "cccccccccccccccc", Since: time.Unix(1_700_000_002, 0)} // the older one, after a person set it up anew
)

// TestNewestBoxOnly has two boxes come to one device, as after a box was replaced and the old one is switched on again.
func TestNewestBoxOnly(t *testing.T) {
	signer := newSigner(t)
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	newestBoxOnly(t, host.Dir(), func(o sshhost.Options) (*sshhost.Driver, site.Device) {
		o.Signer = signer
		driver := sshhost.New(o)
		t.Cleanup(func() { _ = driver.Close() })
		return driver, host.Device()
	})
}

func TestNewestBoxOnlyOnOpenSSH(t *testing.T) {
	s, signer, key := openSSHServer(t)
	newestBoxOnly(t, s.Dir(), func(o sshhost.Options) (*sshhost.Driver, site.Device) {
		h := s.host(t, signer, key, o)
		return h.Driver.(*sshhost.Driver), h.Device
	})
}

func newestBoxOnly(t *testing.T, dir string, reach func(sshhost.Options) (*sshhost.Driver, site.Device)) {
	older, device := reach(olderBox)
	newer, deviceOfNewer := reach(newerBox)
	anew, deviceOfAnew := reach(anewBox)
	wantRun(t, older, device, "first")
	wantRun(t, newer, deviceOfNewer, "second")
	wantShutOut(t, older, device, shutOut)
	wantRun(t, newer, deviceOfNewer, "third")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if p, err := older.Status(ctx, device, "first"); err != nil || p.Phase != devices.PhaseDone {
		t.Errorf("what the older box had begun is %+v, %v", p, err)
	}
	if err := older.Start(ctx, device, workOf(t, older, device, "first")); err != nil {
		t.Errorf("what the older box had begun is begun again: %v", err)
	}
	wantRun(t, anew, deviceOfAnew, "fourth")
	if err := newer.Reboot(ctx, deviceOfNewer, "restart"); err == nil {
		t.Error("the newer box restarts a device that works for a still newer one")
	}
	kept := filepath.Join(dir, "var/lib/nightfill/box")
	if got, err := os.ReadFile(kept); err != nil || string(got) != "1700000002 cccccccccccccccc\n" {
		t.Errorf("the device keeps %q, %v", got, err)
	}
	for _, damaged := range []string{"", "?", "12 34 56\n\n", "x bbbbbbbbbbbbbbbb"} {
		if err := os.WriteFile(kept, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRun(t, anew, deviceOfAnew, devices.WorkID("after-damage-"+string(rune('a'+len(damaged)))))
	}
}

// workOf is a script as work of this id, and it is staged.
func workOf(t *testing.T, driver *sshhost.Driver, device site.Device, id devices.WorkID) devices.Work {
	t.Helper()
	s := &scripts{}
	p := s.patch(string(id), "echo installed", "true")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := driver.Stage(ctx, device, p.Artifacts[0], s.bytes(p.Artifacts[0])); err != nil {
		t.Fatalf("Stage: %v", err)
	}
	return devices.Work{ID: id, Kind: devices.Install, Patch: p, Timeout: time.Minute, Owner: "suite"}
}

func wantRun(t *testing.T, driver *sshhost.Driver, device site.Device, id devices.WorkID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := driver.Start(ctx, device, workOf(t, driver, device, id)); err != nil {
		t.Fatalf("Start of %s: %v", id, err)
	}
	p, err := driver.Status(ctx, device, id)
	for err == nil && !p.Phase.Ended() {
		p, err = driver.Status(ctx, device, id)
	}
	if err != nil || p.Phase != devices.PhaseDone || p.ExitCode != 0 {
		t.Fatalf("%s is %+v, %v", id, p, err)
	}
}

// wantShutOut wants that a box may neither begin anything nor restart the device, and leaves no lock.
func wantShutOut(t *testing.T, driver *sshhost.Driver, device site.Device, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w := workOf(t, driver, device, "not-this")
	wantCode(t, driver.Start(ctx, device, w), site.CodeBusy, text)
	wantCode(t, driver.Reboot(ctx, device, "not-this-either"), site.CodeBusy, text)
	for _, id := range []devices.WorkID{"not-this", "not-this-either"} {
		if p, err := driver.Status(ctx, device, id); err != nil || p.Phase != devices.PhaseNone {
			t.Errorf("%s, which was refused, is %+v, %v", id, p, err)
		}
	}
}

func wantCode(t *testing.T, err error, code site.Code, text string) {
	t.Helper()
	var reason *site.Reason
	if !errors.As(err, &reason) || reason.Code != code || reason.Text != text {
		t.Errorf("the answer is %v, want %s: %s", err, code, text)
	}
}
