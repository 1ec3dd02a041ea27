package drivertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

func probeIsReadOnly(t *testing.T, h *Host) {
	first, second := h.probe(t), h.probe(t)
	if !bootID.MatchString(first.BootID) || first.BootID != second.BootID {
		t.Errorf("boot ids of two looks: %q and %q, want one valid id", first.BootID, second.BootID)
	}
	if first.Device != h.Device.ID || first.At.IsZero() || first.Clock.IsZero() || first.DiskFree <= 0 {
		t.Errorf("the observation lacks the device, a time or the free space: %+v", first)
	}
	if len(second.Recorded) != 0 || len(second.Broken) != 0 {
		t.Errorf("a fresh device has %v recorded and %v broken", second.Recorded, second.Broken)
	}
}

// blob is an artifact of size random bytes.
func blob(size int) (site.Artifact, []byte) {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(uint64(size), 1))
	for i := 0; i+8 <= size; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	sum := sha256.Sum256(b)
	return site.Artifact{Name: "blob.bin", SHA256: hex.EncodeToString(sum[:]), Size: int64(size)}, b
}

// counting counts the bytes that a driver takes and calls at once when the offset was passed.
type counting struct {
	data []byte
	at   int64
	hook func()

	mu   sync.Mutex
	read int64
	done bool
}

// ReadAt implements io.ReaderAt.
func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(c.data).ReadAt(p, off)
	c.mu.Lock()
	c.read += int64(n)
	fire := c.hook != nil && !c.done && off+int64(n) > c.at
	c.done = c.done || fire
	c.mu.Unlock()
	if fire {
		c.hook()
	}
	return n, err
}

func (c *counting) total() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read
}

func stageIsIdempotent(t *testing.T, h *Host) {
	for _, size := range []int{0, 1, 100_000} {
		a, data := blob(size)
		for range 2 {
			if err := h.Driver.Stage(bounded(t), h.Device, a, bytes.NewReader(data)); err != nil {
				t.Fatalf("Stage of %d bytes: %v", size, err)
			}
		}
		again := &counting{data: data}
		if err := h.Driver.Stage(bounded(t), h.Device, a, again); err != nil || again.total() != 0 {
			t.Errorf("Stage of %d bytes that are there: read %d bytes, error %v; want none", size, again.total(), err)
		}
	}
}

func stageResumes(t *testing.T, h *Host) {
	a, data := blob(12 << 20)
	cut := &counting{data: data, at: 9 << 20, hook: h.Cut}
	if err := h.Driver.Stage(bounded(t), h.Device, a, cut); err == nil {
		t.Fatal("Stage over a link that was cut returned nil")
	}
	h.Heal()
	rest := &counting{data: data}
	if err := h.Driver.Stage(bounded(t), h.Device, a, rest); err != nil {
		t.Fatalf("Stage after the cut: %v", err)
	}
	if rest.total() >= a.Size {
		t.Errorf("Stage after the cut read %d of %d bytes, want only the rest", rest.total(), a.Size)
	}
}

func stageRefusesWrongBytes(t *testing.T, h *Host) {
	a, data := blob(200_000)
	wrong := bytes.Clone(data)
	wrong[100_000] ^= 1
	wantCode(t, h.Driver.Stage(bounded(t), h.Device, a, bytes.NewReader(wrong)), site.CodeStageFailed)
	if err := h.Driver.Stage(bounded(t), h.Device, a, io.NewSectionReader(bytes.NewReader(data[:1000]), 0, 1000)); err == nil {
		t.Error("Stage of fewer bytes than the artifact has returned nil")
	}
	if err := h.Driver.Stage(bounded(t), h.Device, a, bytes.NewReader(data)); err != nil {
		t.Errorf("Stage of the right bytes afterwards: %v", err)
	}
}

func statusOfUnknown(t *testing.T, h *Host) {
	p, err := h.Driver.Status(bounded(t), h.Device, "never-heard-of")
	if err != nil || p.Phase != devices.PhaseNone {
		t.Errorf("Status is %+v, %v; want none", p, err)
	}
}

func exitCodeAndOutput(t *testing.T, h *Host) {
	for _, c := range []struct {
		patch site.Patch
		exit  int
		says  string
	}{{h.Patches.Good, 0, "installed"}, {h.Patches.Fails, 3, "this cannot be installed"}} {
		h.stage(t, c.patch)
		w := h.work("out-"+c.patch.ID, devices.Install, c.patch)
		p := h.run(t, w)
		wantDone(t, c.patch.ID, p, c.exit)
		if !strings.Contains(p.Output, c.says) || len(p.Output) > 4096 {
			t.Errorf("output of %s is %q (%d bytes), want %q in at most 4 KiB", c.patch.ID, p.Output, len(p.Output), c.says)
		}
		again, err := h.Driver.Status(bounded(t), h.Device, w.ID)
		if err != nil || again != p {
			t.Errorf("a second Status is %+v, %v; want the same as the first: %+v", again, err, p)
		}
	}
}

func startTwice(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Good)
	w := h.work("twice", devices.Install, h.Patches.Good)
	h.start(t, w)
	h.start(t, w)
	wantDone(t, "the work", h.ended(t, w.ID), 0)
	h.start(t, w)
	wantDone(t, "the work, started again after its end", h.ended(t, w.ID), 0)
	if n := h.Runs(w.ID); n != 1 {
		t.Errorf("it ran %d times, want 1", n)
	}
}

func concurrentStarts(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	w := h.work("crowd", devices.Install, h.Patches.Waits)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := h.Driver.Start(bounded(t), h.Device, w); err != nil {
				t.Errorf("Start: %v", err)
			}
		})
	}
	all.Wait()
	h.Let()
	wantDone(t, "the work", h.ended(t, w.ID), 0)
	if n := h.Runs(w.ID); n != 1 {
		t.Errorf("it ran %d times, want 1", n)
	}
}

func resultSurvivesCut(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	w := h.work("cut", devices.Install, h.Patches.Waits)
	h.start(t, w)
	h.Cut()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if p, err := h.Driver.Status(ctx, h.Device, w.ID); err == nil {
		t.Errorf("Status over a cut link is %+v, want an error", p)
	}
	h.Let()
	h.Heal()
	wantDone(t, "the work", h.ended(t, w.ID), 0)
	h.start(t, w)
	if n := h.Runs(w.ID); n != 1 {
		t.Errorf("it ran %d times, want 1", n)
	}
}

func timeoutOnDevice(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	w := h.work("slow", devices.Install, h.Patches.Waits)
	w.Timeout = 2 * time.Second
	if p := h.run(t, w); p.Phase != devices.PhaseTimedOut {
		t.Fatalf("phase is %s, want timed_out; output:\n%s", p.Phase, p.Output)
	}
	h.stage(t, h.Patches.Good)
	next := h.work("next", devices.Install, h.Patches.Good)
	next.Owner = "another"
	wantDone(t, "the next work, of another owner", h.run(t, next), 0)
}

func resetInTheMiddle(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	boot := h.probe(t).BootID
	w := h.work("reset", devices.Install, h.Patches.Waits)
	h.start(t, w)
	h.PowerCycle()
	h.anotherBoot(t, boot)
	h.start(t, w)
	if p := h.ended(t, w.ID); p.Phase != devices.PhaseInterrupted {
		t.Fatalf("phase is %s, want interrupted", p.Phase)
	}
	if n := h.Runs(w.ID); n > 1 {
		t.Errorf("it ran %d times, want at most once", n)
	}
	h.stage(t, h.Patches.Good)
	next := h.work("next", devices.Install, h.Patches.Good)
	next.Owner = "another"
	wantDone(t, "the next work, of another owner", h.run(t, next), 0)
}

func otherOwnerIsBusy(t *testing.T, h *Host) {
	h.stage(t, h.Patches.Waits)
	h.stage(t, h.Patches.Good)
	mine := h.work("mine", devices.Install, h.Patches.Waits)
	theirs := h.work("theirs", devices.Install, h.Patches.Good)
	theirs.Owner = "another"
	h.start(t, mine)
	wantCode(t, h.Driver.Start(bounded(t), h.Device, theirs), site.CodeBusy)
	if p, err := h.Driver.Status(bounded(t), h.Device, theirs.ID); err != nil || p.Phase != devices.PhaseNone {
		t.Errorf("the refused work is %+v, %v; want none", p, err)
	}
	h.start(t, mine)
	h.Let()
	wantDone(t, "my work", h.ended(t, mine.ID), 0)
	wantDone(t, "their work", h.run(t, theirs), 0)
}

func rebootOnce(t *testing.T, h *Host) {
	boot := h.probe(t).BootID
	if err := h.Driver.Reboot(bounded(t), h.Device, "reboot-1"); err != nil {
		t.Fatalf("Reboot: %v", err)
	}
	now := h.anotherBoot(t, boot)
	if !bootID.MatchString(now.BootID) {
		t.Errorf("boot id after the restart is %q", now.BootID)
	}
	if err := h.Driver.Reboot(bounded(t), h.Device, "reboot-1"); err != nil {
		t.Fatalf("Reboot with the same id: %v", err)
	}
	h.stage(t, h.Patches.Waits)
	w := h.work("witness", devices.Install, h.Patches.Waits)
	w.Timeout = 3 * time.Second
	if p := h.run(t, w); p.Phase != devices.PhaseTimedOut {
		t.Errorf("work begun after the second Reboot: phase %s, want timed_out", p.Phase)
	}
	if again := h.probe(t).BootID; again != now.BootID {
		t.Error("the same id restarted the device twice")
	}
}

func gates(t *testing.T, h *Host) {
	p := h.Patches.Good
	p.Gates = []site.Gate{{Command: []string{"true"}}}
	wantDone(t, "an open gate", h.run(t, h.work("open", devices.Gate, p)), 0)
	p.Gates = append(p.Gates, site.Gate{Command: []string{"false"}})
	closed := h.run(t, h.work("closed", devices.Gate, p))
	if closed.Phase != devices.PhaseDone || closed.ExitCode == 0 || !strings.Contains(closed.Output, "false") {
		t.Errorf("a closed gate: %+v; want an exit code and output that names the command", closed)
	}
}

func goodPatch(t *testing.T, h *Host) {
	p := h.Patches.Good
	h.stage(t, p)
	before := h.probe(t)
	wantDone(t, "install", h.run(t, h.work("g1", devices.Install, p)), 0)
	wantDone(t, "verify", h.run(t, h.work("g2", devices.Verify, p)), 0)
	if got := h.probe(t).Recorded[p.ID]; got == "" {
		t.Error("a verified patch is not recorded on the device")
	}
	wantDone(t, "revert", h.run(t, h.work("g3", devices.Revert, p)), 0)
	if got, ok := h.probe(t).Recorded[p.ID]; ok {
		t.Errorf("a patch that was taken back is still recorded as %q", got)
	}
	prove := h.work("g4", devices.Prove, p)
	prove.Before = before
	wantDone(t, "prove", h.run(t, prove), 0)
}

func breakingPatch(t *testing.T, h *Host) {
	p := h.Patches.Breaks
	h.stage(t, p)
	before := h.probe(t)
	wantDone(t, "install", h.run(t, h.work("b1", devices.Install, p)), 0)
	verify := h.work("b2", devices.Verify, p)
	verify.Timeout = 3 * time.Second
	seen := h.run(t, verify)
	if seen.Phase != devices.PhaseTimedOut && (seen.Phase != devices.PhaseDone || seen.ExitCode == 0) {
		t.Fatalf("verification of a broken service: %+v; want a failure", seen)
	}
	if !strings.Contains(seen.Output, h.Service) {
		t.Errorf("output of the verification is %q, want it to name %s", seen.Output, h.Service)
	}
	if _, ok := h.probe(t).Recorded[p.ID]; ok {
		t.Error("a patch that failed verification is recorded")
	}
	wantDone(t, "revert", h.run(t, h.work("b3", devices.Revert, p)), 0)
	prove := h.work("b4", devices.Prove, p)
	prove.Before = before
	wantDone(t, "prove", h.run(t, prove), 0)
}
