package fake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
)

// rig is a store with one device in a bubble.
type rig struct {
	*fake.Store
	t      *testing.T
	device site.Device
	begin  time.Time
	before site.Observation
	works  int
}

// base is a device on which everything takes a round time and a call takes none.
func base() fake.Device {
	return fake.Device{
		ID: "srv-1", Class: site.LinuxServer, Packages: map[string]string{"pos-app": "1.0", "libc": "2"}, Services: []string{"db", "pos"},
		InstallTakes: 4 * time.Minute, VerifyTakes: time.Minute, RevertTakes: 5 * time.Minute, RebootTakes: 3 * time.Minute,
		Bandwidth: 1000,
	}
}

// bubble runs a test on a fresh store under virtual time.
func bubble(t *testing.T, d fake.Device, body func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := fake.NewStore(fake.Options{Seed: 7})
		r := &rig{Store: s, t: t, device: s.Add(d), begin: time.Now().Round(0)}
		r.before, _ = s.Probe(t.Context(), r.device)
		body(t, r)
	})
}

func (r *rig) truth() fake.Truth { return r.Truth(r.device.ID) }

func (r *rig) stage(p site.Patch) {
	r.t.Helper()
	for _, list := range [][]site.Artifact{p.Artifacts, p.Rollback.Artifacts} {
		for _, a := range list {
			if err := r.Stage(r.t.Context(), r.device, a, fake.Weightless{}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// begins starts one piece of work that may last an hour.
func (r *rig) begins(kind devices.Kind, p site.Patch) devices.WorkID {
	r.t.Helper()
	r.works++
	w := devices.Work{
		ID: devices.WorkID(string(kind) + "-" + time.Now().Format("150405") + "-" + string(rune('a'+r.works%26))), Kind: kind,
		Patch: p, Before: r.before, Timeout: time.Hour, Owner: "box",
	}
	if err := r.Start(r.t.Context(), r.device, w); err != nil {
		r.t.Fatal(err)
	}
	return w.ID
}

// ends waits for the end of work, through everything that befalls the device.
func (r *rig) ends(id devices.WorkID) devices.Progress {
	r.t.Helper()
	for range 1000 {
		if p, err := r.Status(r.t.Context(), r.device, id); err == nil && p.Phase.Ended() {
			return p
		}
	}
	r.t.Fatalf("%s did not end", id)
	return devices.Progress{}
}

func (r *rig) does(kind devices.Kind, p site.Patch) devices.Progress {
	r.t.Helper()
	return r.ends(r.begins(kind, p))
}

// wants compares the end of a piece of work.
func (r *rig) wants(kind devices.Kind, p site.Patch, phase devices.Phase, exit int) {
	r.t.Helper()
	if got := r.does(kind, p); got.Phase != phase || got.ExitCode != exit {
		r.t.Errorf("%s: %s with %d, want %s with %d; output:\n%s", kind, got.Phase, got.ExitCode, phase, exit, got.Output)
	}
}

// restart orders a restart and waits for another boot, at most for so long.
func (r *rig) restart(limit time.Duration) bool {
	r.t.Helper()
	old := r.truth().BootID
	r.works++
	if err := r.Reboot(r.t.Context(), r.device, devices.WorkID("reboot-"+string(rune('a'+r.works)))); err != nil {
		r.t.Fatal(err)
	}
	for begin := time.Now(); time.Since(begin) < limit; {
		if o, err := r.Probe(r.t.Context(), r.device); err == nil && o.BootID != old {
			return true
		}
		r.pass(time.Second)
	}
	return false
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

// after is the moment so long after the beginning of the test.
func (r *rig) after(d time.Duration) time.Time { return r.begin.Add(d) }

// took returns how long a call took.
func took(call func()) time.Duration {
	begin := time.Now()
	call()
	return time.Since(begin)
}

func wantCode(t *testing.T, err error, code site.Code) {
	t.Helper()
	var r *site.Reason
	switch {
	case code == "" && (err == nil || errors.As(err, &r)):
		t.Errorf("error is %v, want one without a code", err)
	case code != "" && (!errors.As(err, &r) || r.Code != code):
		t.Errorf("error is %v, want the code %s", err, code)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
