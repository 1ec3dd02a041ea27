package sshhost_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// shutOut is what a device answers to a box that is not the newest any more.
const shutOut = "srv-1 is busy: box bbbbbbbbbbbbbbbb works on it, which was set up later than this one or took it over. Only if this one is to do so: " +
	"stop the other, then: nightfill takeover srv-1 --reason R"

var (
	olderBox = sshhost.Options{Box: "aaaaaaaaaaaaaaaa", Since: time.Unix(1_700_000_000, 0)}
	newerBox = sshhost.Options{Box: "bbbbbbbbbbbbbbbb", Since: time.Unix(1_700_000_001, 0)}
	anewBox  = sshhost.Options{Box: "cccccccccccccccc", Since: time.Unix(1_700_000_002, 0)} // the older one, after a person set it up anew
)

// TestNewestBoxOnly has two boxes come to one device, as after a box was replaced and the old one is switched on again.
func TestNewestBoxOnly(t *testing.T) {
	t.Parallel()
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

func TestNewestBoxOnlyOnDropbear(t *testing.T) {
	s, signer, key := dropbearTools(t).server(t)
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

var (
	aheadBox = sshhost.Options{Box: "bbbbbbbbbbbbbbbb", Since: time.Unix(4_000_000_000, 0)} // its clock was many years ahead
	rightBox = sshhost.Options{Box: "dddddddddddddddd", Since: time.Unix(1_800_000_000, 0)} // which replaces it
	laterBox = sshhost.Options{Box: "eeeeeeeeeeeeeeee", Since: time.Unix(1_900_000_000, 0)}
)

// TestTakeOver has a box set up by a clock that is years ahead, and another one that replaces it.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	signer := newSigner(t)
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	takeOver(t, host.Dir(), func(o sshhost.Options) (*sshhost.Driver, site.Device) {
		o.Signer = signer
		driver := sshhost.New(o)
		t.Cleanup(func() { _ = driver.Close() })
		return driver, host.Device()
	})
}

func TestTakeOverOnOpenSSH(t *testing.T) {
	s, signer, key := openSSHServer(t)
	takeOver(t, s.Dir(), func(o sshhost.Options) (*sshhost.Driver, site.Device) {
		h := s.host(t, signer, key, o)
		return h.Driver.(*sshhost.Driver), h.Device
	})
}

func TestTakeOverOnDropbear(t *testing.T) {
	s, signer, key := dropbearTools(t).server(t)
	takeOver(t, s.Dir(), func(o sshhost.Options) (*sshhost.Driver, site.Device) {
		h := s.host(t, signer, key, o)
		return h.Driver.(*sshhost.Driver), h.Device
	})
}

func takeOver(t *testing.T, dir string, reach func(sshhost.Options) (*sshhost.Driver, site.Device)) {
	ahead, deviceOfAhead := reach(aheadBox)
	right, device := reach(rightBox)
	later, deviceOfLater := reach(laterBox)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wantRun(t, ahead, deviceOfAhead, "first")
	wantShutOut(t, right, device, shutOut)
	running := workThat(t, ahead, deviceOfAhead, "long", "sleep 2")
	if err := ahead.Start(ctx, deviceOfAhead, running); err != nil {
		t.Fatal(err)
	}
	wantCode(t, right.TakeOver(ctx, device), site.CodeBusy, "srv-1 is busy: work long of suite runs on it")
	wantKept(t, dir, "4000000000 bbbbbbbbbbbbbbbb\n")
	awaitEnd(t, ahead, deviceOfAhead, "long")
	for range 2 { // the second time there is nothing to take over
		if err := right.TakeOver(ctx, device); err != nil {
			t.Fatalf("TakeOver: %v", err)
		}
		wantKept(t, dir, "4000000001 dddddddddddddddd\n")
	}
	wantRun(t, right, device, "second")
	shutOutNow := strings.ReplaceAll(shutOut, aheadBox.Box, rightBox.Box)
	wantShutOut(t, ahead, deviceOfAhead, shutOutNow) // it is switched on again
	wantShutOut(t, later, deviceOfLater, shutOutNow) // and nobody has said that this one may
	if err := later.TakeOver(ctx, deviceOfLater); err != nil {
		t.Fatalf("TakeOver: %v", err)
	}
	wantRun(t, later, deviceOfLater, "third")
	wantShutOut(t, right, device, strings.ReplaceAll(shutOut, aheadBox.Box, laterBox.Box))
	for _, damaged := range []string{"", "?", "x bbbbbbbbbbbbbbbb", "0799 bbbbbbbbbbbbbbbb"} {
		if err := os.WriteFile(filepath.Join(dir, "var/lib/nightfill/box"), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := later.TakeOver(ctx, deviceOfLater); err != nil {
			t.Fatalf("TakeOver where the device keeps %q: %v", damaged, err)
		}
		wantKept(t, dir, "1900000000 eeeeeeeeeeeeeeee\n")
	}
}

// wantKept wants what the device keeps of its newest box.
func wantKept(t *testing.T, dir, want string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(dir, "var/lib/nightfill/box")); err != nil || string(got) != want {
		t.Errorf("the device keeps %q, %v; want %q", got, err, want)
	}
}

// workOf is a script as work of this id, and it is staged.
func workOf(t *testing.T, driver *sshhost.Driver, device site.Device, id devices.WorkID) devices.Work {
	t.Helper()
	return workThat(t, driver, device, id, "echo installed")
}

// workThat is work of this id that does so.
func workThat(t *testing.T, driver *sshhost.Driver, device site.Device, id devices.WorkID, does string) devices.Work {
	t.Helper()
	s := &scripts{}
	p := s.patch(string(id), does, "true")
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
	awaitEnd(t, driver, device, id)
}

// awaitEnd waits until work has ended well.
func awaitEnd(t *testing.T, driver *sshhost.Driver, device site.Device, id devices.WorkID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
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
