// Package drivertest is the one suite that every driver passes: it turns the
// contract in package devices into rows of a test. It knows nothing of how a
// device is reached, and it refuses to be lenient for any driver: a driver that
// cannot pass a row does not keep the contract.
package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// Harness makes the devices that the suite is run on.
type Harness struct {
	// New makes a fresh device that answers, with nothing installed and nothing
	// running. It registers its own clean-up with t.
	New func(t *testing.T) *Host

	// Bubble, when set, runs the body of every row, for example synctest.Test:
	// the suite waits only on calls of the driver and on timers.
	Bubble func(t *testing.T, body func(t *testing.T))

	// Parallel runs the rows side by side; it does not go together with Bubble.
	Parallel bool
}

// Host is one device under test and the hands on it.
type Host struct {
	Driver  devices.Driver
	Device  site.Device
	Service string // a service that runs on it as long as no patch breaks it
	Patches Patches

	// Bytes returns the content of an artifact of one of the patches.
	Bytes func(a site.Artifact) io.ReaderAt
	// Let makes the installation of Patches.Waits end, if it runs.
	Let func()
	// Runs is how often the body of this installation was really begun, over all boots.
	Runs func(id devices.WorkID) int
	// Cut breaks every connection to the device at once and lets no new one in; Heal ends that.
	Cut, Heal func()
	// PowerCycle resets the device in the middle of whatever it does. It comes back by itself.
	PowerCycle func()
	// Reached tells how many connections the device accepted and how many
	// logins were tried on it. Nil: the device cannot tell, the rows that need it are skipped.
	Reached func() (connections, logins int)
}

// Patches are patches of which the suite knows what they do. All are for the
// class of the device, verified by the service of the Host, and can be taken back.
type Patches struct {
	Good   site.Patch // installs, prints "installed" and ends with 0
	Fails  site.Patch // prints "this cannot be installed" and ends with 3; changes nothing
	Waits  site.Patch // runs until Let is called, then ends with 0; never ends otherwise
	Breaks site.Patch // installs with 0, but the service is down afterwards; its rollback brings it back
}

// row is one promise of the contract.
type row struct {
	name  string
	needs func(h *Host) bool // nil: every device can show it
	body  func(t *testing.T, h *Host)
}

// Run holds the driver of the harness to the contract of package devices, each row on a fresh device.
func Run(t *testing.T, h Harness) {
	t.Helper()
	bubble := h.Bubble
	if bubble == nil {
		bubble = func(t *testing.T, body func(*testing.T)) { body(t) }
	}
	for _, r := range rows() {
		t.Run(strings.ReplaceAll(r.name, " ", "-"), func(t *testing.T) {
			if h.Parallel {
				t.Parallel()
			}
			bubble(t, func(t *testing.T) {
				host := h.New(t)
				if r.needs != nil && !r.needs(host) {
					t.Skip("this device cannot show it")
				}
				r.body(t, host)
			})
		})
	}
}

func rows() []row {
	counts := func(h *Host) bool { return h.Reached != nil }
	return []row{
		{name: "probe tells the boot and changes nothing", body: probeIsReadOnly},
		{name: "stage stores once and skips what is there", body: stageIsIdempotent},
		{name: "stage resumes after a cut", body: stageResumes},
		{name: "stage refuses wrong bytes", body: stageRefusesWrongBytes},
		{name: "status of an unknown id is none", body: statusOfUnknown},
		{name: "exit code and output are kept", body: exitCodeAndOutput},
		{name: "start twice runs once", body: startTwice},
		{name: "twenty starts at once run once", body: concurrentStarts},
		{name: "result survives a dropped connection", body: resultSurvivesCut},
		{name: "timeout is enforced on the device", body: timeoutOnDevice},
		{name: "reset in the middle is interrupted", body: resetInTheMiddle},
		{name: "another owner is refused while work runs", body: otherOwnerIsBusy},
		{name: "reboot changes the boot and the same id never twice", body: rebootOnce},
		{name: "gate tells open from closed", body: gates},
		{name: "a good patch verifies, is recorded and can be taken back", body: goodPatch},
		{name: "a patch that breaks the service fails verification and is proven off", body: breakingPatch},
		{name: "a service is started anew", body: restartsService},
		{name: "a wrong host key is an identity error and nothing is sent", needs: counts, body: wrongHostKey},
		{name: "a device without a pinned key is not contacted", needs: counts, body: notEnrolled},
		{name: "checks answer", body: checks},
		{name: "calls end with their context", body: callsEndWithContext},
	}
}

// patience bounds every wait of the suite for something that must happen.
const patience = 90 * time.Second

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// work makes a Work that fits the device.
func (h *Host) work(id string, kind devices.Kind, p site.Patch) devices.Work {
	return devices.Work{ID: devices.WorkID(id), Kind: kind, Patch: p, Timeout: time.Minute, Owner: "suite"}
}

// stage puts every artifact of the patch on the device.
func (h *Host) stage(t *testing.T, p site.Patch) {
	t.Helper()
	for _, list := range [][]site.Artifact{p.Artifacts, p.Rollback.Artifacts} {
		for _, a := range list {
			if err := h.Driver.Stage(bounded(t), h.Device, a, h.Bytes(a)); err != nil {
				t.Fatalf("Stage(%s): %v", a.Name, err)
			}
		}
	}
}

func (h *Host) start(t *testing.T, w devices.Work) {
	t.Helper()
	if err := h.Driver.Start(bounded(t), h.Device, w); err != nil {
		t.Fatalf("Start(%s): %v", w.ID, err)
	}
}

// run starts the work and waits for its end.
func (h *Host) run(t *testing.T, w devices.Work) devices.Progress {
	t.Helper()
	h.start(t, w)
	return h.ended(t, w.ID)
}

// ended waits until the work has ended; errors of Status mean only "not known now".
func (h *Host) ended(t *testing.T, id devices.WorkID) devices.Progress {
	t.Helper()
	var p devices.Progress
	eventually(t, fmt.Sprintf("end of %s", id), func(ctx context.Context) error {
		var err error
		if p, err = h.Driver.Status(ctx, h.Device, id); err != nil {
			return err
		}
		if !p.Phase.Ended() {
			return fmt.Errorf("phase is %s", p.Phase)
		}
		return nil
	})
	return p
}

func (h *Host) probe(t *testing.T) site.Observation {
	t.Helper()
	o, err := h.Driver.Probe(bounded(t), h.Device)
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	return o
}

// anotherBoot waits until the device answers with a boot id that is not old.
func (h *Host) anotherBoot(t *testing.T, old string) site.Observation {
	t.Helper()
	var o site.Observation
	eventually(t, "another boot", func(ctx context.Context) error {
		var err error
		if o, err = h.Driver.Probe(ctx, h.Device); err != nil {
			return err
		}
		if o.BootID == old {
			return errors.New("still the old boot")
		}
		return nil
	})
	return o
}

// eventually asks again, with a short pause, until ask returns nil.
func eventually(t *testing.T, what string, ask func(context.Context) error) {
	t.Helper()
	ctx := bounded(t)
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s did not happen within %s: %v", what, patience, err)
		case <-pause.C:
		}
	}
}

func wantCode(t *testing.T, err error, code site.Code) {
	t.Helper()
	var r *site.Reason
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("error is %v, want one with the code %s", err, code)
	}
}

func wantDone(t *testing.T, what string, p devices.Progress, exit int) {
	t.Helper()
	if p.Phase != devices.PhaseDone || p.ExitCode != exit {
		t.Fatalf("%s: phase %s, exit code %d, want done with %d; output:\n%s", what, p.Phase, p.ExitCode, exit, p.Output)
	}
}

var bootID = regexp.MustCompile(`^[0-9a-f-]{36}$`)
