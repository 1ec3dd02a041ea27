package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// disk is an ext4 in a file of this machine, which can lose its power.
type disk struct {
	t          *testing.T
	image, dir string
}

func newDisk(t *testing.T) *disk {
	for _, tool := range []string{"mount", "umount", "mkfs.ext4"} {
		if _, err := exec.LookPath(tool); err != nil || os.Getuid() != 0 || os.Getenv("NIGHTFILL_LAB") == "" {
			t.Skip("needs root, mkfs.ext4 and a machine whose file systems it may mount: see scripts/lab-test")
		}
	}
	d := &disk{t, filepath.Join(t.TempDir(), "disk"), t.TempDir()}
	if err := errors.Join(os.WriteFile(d.image, nil, fileMode), os.Truncate(d.image, 128<<20)); err != nil {
		t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-F", d.image)
	t.Cleanup(func() { _ = exec.Command("umount", "-q", d.dir).Run() })
	return d
}

func (d *disk) run(command ...string) {
	d.t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		d.t.Fatalf("%q: %v: %s", command, err, out)
	}
}

func (d *disk) mount() { d.run("mount", "-o", "loop", d.image, d.dir) }

func (d *disk) unmount() { d.run("umount", d.dir) }

// cut ends the disk: what was not flushed is lost, and every call fails from now on.
func (d *disk) cut() {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	const shutdown, withoutFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, withoutFlush); err != nil {
		d.t.Fatalf("this file system cannot be shut down: %v", err)
	}
}

// The disk goes away while records are appended, as in a power cut, and every call fails until the box starts
// again: no call hangs or takes the process along, and what was acknowledged is there when the disk is back.
func TestLabDiskGoesAway(t *testing.T) {
	d := newDisk(t)
	rng := rand.New(rand.NewPCG(5, 6))
	kept := 0
	for round := range 12 {
		d.mount()
		j, err := Open(context.Background(), small(d.dir))
		if err != nil {
			t.Fatalf("round %d, %d records acknowledged: %v", round, kept, err)
		}
		got := all(t, j)
		if len(got) < kept {
			t.Fatalf("round %d: %d records are left, %d were acknowledged", round, len(got), kept)
		}
		for i, r := range got {
			if want := event(i); r.Event.Device != want.Device || r.Event.Output != want.Output || !r.Event.At.Equal(want.At) {
				t.Fatalf("round %d: record %d is %+v", round, i+1, r)
			}
		}
		kept = len(got)
		ended := make(chan error)
		begun := make(chan struct{}, 1000)
		go func() {
			for {
				if _, err := j.Append(events(kept, 7), true); err != nil {
					ended <- err
					return
				}
				kept += 7
				begun <- struct{}{}
			}
		}()
		for range 1 + rng.IntN(40) {
			<-begun
		}
		d.cut()
		if err := <-ended; !strings.Contains(err.Error(), "input/output error") && !errors.Is(err, ErrFailed) {
			t.Errorf("round %d: Append on a dead disk = %v", round, err)
		}
		if _, err := j.Append(events(kept, 1), true); err == nil {
			t.Errorf("round %d: a record was acknowledged on a dead disk", round)
		}
		if _, err := j.Snapshot(context.Background(), d.dir, 3); err == nil {
			t.Errorf("round %d: a copy was made on a dead disk", round)
		}
		j.Close()
		if _, err := Open(context.Background(), small(d.dir)); err == nil || !strings.HasPrefix(err.Error(), "cannot open the journal ") {
			t.Errorf("round %d: Open on a dead disk = %v", round, err)
		}
		d.unmount()
	}
	t.Log(fmt.Sprint(kept, " records were acknowledged, and none is lost"))
}
