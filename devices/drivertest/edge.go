package drivertest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// everyCall makes each call of the driver once and returns the errors by the name of the call.
func everyCall(ctx context.Context, h *Host, d site.Device) map[string]error {
	a, data := blob(1000)
	_, probe := h.Driver.Probe(ctx, d)
	_, status := h.Driver.Status(ctx, d, "edge")
	_, _, check := h.Driver.Check(ctx, d, site.Check{ID: "C-1", Kind: site.CheckCommand, Command: []string{"true"}})
	return map[string]error{
		"Probe":  probe,
		"Stage":  h.Driver.Stage(ctx, d, a, bytes.NewReader(data)),
		"Start":  h.Driver.Start(ctx, d, h.work("edge", devices.Install, h.Patches.Good)),
		"Status": status,
		"Reboot": h.Driver.Reboot(ctx, d, "edge-reboot"),
		"Check":  check,
	}
}

func wrongHostKey(t *testing.T, h *Host) {
	pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	d := h.Device
	d.HostKey = pub.Type() + " " + base64.StdEncoding.EncodeToString(pub.Marshal())
	for call, err := range everyCall(bounded(t), h, d) {
		t.Logf("%s: %v", call, err)
		wantCode(t, err, site.CodeIdentity)
	}
	if _, logins := h.Reached(); logins != 0 {
		t.Errorf("%d logins were tried on a device with another key", logins)
	}
	nothingHappened(t, h)
}

func notEnrolled(t *testing.T, h *Host) {
	d := h.Device
	d.HostKey = ""
	for call, err := range everyCall(bounded(t), h, d) {
		t.Logf("%s: %v", call, err)
		wantCode(t, err, site.CodeNotEnrolled)
	}
	if connections, _ := h.Reached(); connections != 0 {
		t.Errorf("%d connections were made to a device that is not enrolled", connections)
	}
	nothingHappened(t, h)
}

// nothingHappened asks the device itself, with its right key, whether any call of everyCall reached it.
func nothingHappened(t *testing.T, h *Host) {
	t.Helper()
	p, err := h.Driver.Status(bounded(t), h.Device, "edge")
	if err != nil || p.Phase != devices.PhaseNone {
		t.Errorf("Status of the refused work is %+v, %v; want none", p, err)
	}
}

func checks(t *testing.T, h *Host) {
	for _, c := range []struct {
		name  string
		check site.Check
		want  site.CheckOutcome
	}{
		{"running service", site.Check{Kind: site.CheckService, Name: h.Service}, site.Pass},
		{"unknown service", site.Check{Kind: site.CheckService, Name: "no-such-service"}, site.Fail},
		{"command that passes", site.Check{Kind: site.CheckCommand, Command: []string{"true"}}, site.Pass},
		{"command that fails", site.Check{Kind: site.CheckCommand, Command: []string{"false"}}, site.Fail},
		{"enough room", site.Check{Kind: site.CheckDisk, Path: "/", MinFree: "1KiB"}, site.Pass},
		{"not enough room", site.Check{Kind: site.CheckDisk, MinFree: "1000000TiB"}, site.Fail},
		{"a share of room", site.Check{Kind: site.CheckDisk, MinFree: "100%"}, site.Fail},
		{"a package that is not there", site.Check{Kind: site.CheckVersion, Package: "no-such-package", AtLeast: "1"}, site.Fail},
		{"clock", site.Check{Kind: site.CheckClock, MaxSkew: site.Duration(time.Hour)}, site.Pass},
	} {
		c.check.ID = "C-1"
		got, seen, err := h.Driver.Check(bounded(t), h.Device, c.check)
		if err != nil || got != c.want || seen == "" {
			t.Errorf("%s: %s, seen %q, error %v; want %s and what was seen", c.name, got, seen, err, c.want)
		}
	}
}

func callsEndWithContext(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	w := h.work("patient", devices.Install, h.Patches.Waits)
	h.start(t, w)

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if p, err := h.Driver.Status(ctx, h.Device, w.ID); err == nil && p.Phase != devices.PhaseRunning {
		t.Errorf("Status within 300 ms is %+v, want running or an error", p)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Status with a context of 300 ms took %s", took)
	}

	over, end := context.WithCancel(context.Background())
	end()
	begin = time.Now()
	for call, err := range everyCall(over, h, h.Device) {
		if err == nil {
			t.Errorf("%s with a context that is over returned nil", call)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("calls with a context that is over took %s", took)
	}
	h.Let()
	wantDone(t, "the work", h.ended(t, w.ID), 0)
}
