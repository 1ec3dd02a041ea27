package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRealDisks runs on small file systems of its own, for which it needs a user namespace or root.
func TestRealDisks(t *testing.T) {
	cmd := exec.Command(self(t, "")[0], "on-small-disks", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch code := cmd.ProcessState.ExitCode(); {
	case cmd.ProcessState == nil || code == 77:
		t.Skipf("no file system of one's own here: %v %s", err, out)
	case code != 0:
		t.Errorf("%v\n%s", err, out)
	}
}

// onSmallDisks is the child of TestRealDisks.
func onSmallDisks(dir string) int {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Println(err)
		return 77
	}
	for _, disk := range []struct {
		name, options string
		play          func(dir string) error
	}{
		{"full", "size=3m", untilFull},
		{"full at each page", "size=64m", fullAtEachPage},
		{"without inodes", "size=16m,nr_inodes=6", withoutInodes},
		{"without inodes for a new one", "size=16m,nr_inodes=2", nothingNew},
	} {
		if err := syscall.Mount("none", dir, "tmpfs", 0, disk.options); err != nil {
			fmt.Println(err)
			return 77
		}
		if err := disk.play(dir); err != nil {
			fmt.Printf("%s: %v\n", disk.name, err)
			return 1
		}
		if err := syscall.Unmount(dir, 0); err != nil {
			fmt.Printf("%s: something is left open: %v\n", disk.name, err)
			return 1
		}
	}
	return 0
}

func untilFull(dir string) error {
	j, err := Open(context.Background(), Options{Dir: dir, Ballast: 1 << 20})
	if err != nil || !j.Ballast().Held {
		return fmt.Errorf("open: %v", err)
	}
	acknowledged, dropped := 0, 0
	for {
		if _, err = j.Append(events(acknowledged, 50), true); err != nil {
			break
		}
		acknowledged += 50
		if dropped == 0 && !j.Ballast().Held {
			dropped = acknowledged
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || dropped == 0 || acknowledged-dropped < 100 {
		return fmt.Errorf("after %d records, %d with the ballast: %v", acknowledged, dropped, err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=16m"); err != nil {
		return err
	}
	if _, err = j.Append(events(acknowledged, 50), true); err != nil {
		return fmt.Errorf("when there is space again: %v", err)
	}
	if err := j.Close(); err != nil {
		return err
	}
	sum, err := VerifyFile(context.Background(), j.Path(), "", nil)
	if err == nil && sum.Records != uint64(acknowledged+50) {
		err = fmt.Errorf("%d records, %d were acknowledged", sum.Records, acknowledged+50)
	}
	return err
}

// fullAtEachPage lets the disk fill up at every page that an append writes: what was acknowledged is there, what
// was not is not, and it goes on when there is space.
func fullAtEachPage(dir string) error {
	j, err := Open(context.Background(), small(dir))
	if err != nil {
		return err
	}
	acknowledged, refused := 0, 0
	for pages := range 24 {
		if err := leave(dir, int64(pages)*pageSize); err != nil {
			return err
		}
		for {
			_, err := j.Append(events(acknowledged, 20), true)
			if errors.Is(err, syscall.ENOSPC) || err != nil && strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
				break
			} else if err != nil {
				return fmt.Errorf("%d pages free: %w", pages, err)
			}
			acknowledged += 20
		}
		refused++
		sum, err := VerifyFile(context.Background(), copyOf(j.Path(), dir), "", nil)
		if err != nil || sum.Records != uint64(acknowledged) || j.Last() != uint64(acknowledged) {
			return fmt.Errorf("%d pages free: %d records on disk, %d visible, %d acknowledged: %w", pages, sum.Records, j.Last(), acknowledged, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		return err
	}
	if _, err := j.Append(events(acknowledged, 20), true); err != nil || acknowledged < 100 || refused != 24 {
		return fmt.Errorf("when there is space again, after %d records: %w", acknowledged, err)
	}
	return j.Close()
}

// leave makes a file so large that the disk has so many bytes left.
func leave(dir string, free int64) error {
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	var fs syscall.Statfs_t
	info, err := f.Stat()
	if err := errors.Join(err, syscall.Statfs(dir, &fs)); err != nil {
		return err
	}
	size := info.Size() + int64(fs.Bavail)*int64(fs.Bsize) - free
	if size <= info.Size() {
		return f.Truncate(size)
	}
	return syscall.Fallocate(int(f.Fd()), 0, 0, size)
}

// copyOf copies a file to where there is space, beside the small disk.
func copyOf(path, dir string) string {
	data, _, err := readUsed(path)
	out := filepath.Join(filepath.Dir(dir), "copied.db")
	if err := errors.Join(err, os.WriteFile(out, data, fileMode)); err != nil {
		return err.Error()
	}
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(out, info.Size())
	}
	if err != nil {
		return err.Error()
	}
	return out
}

// withoutInodes uses up every file that the disk may hold: appending needs none, and a copy says what it lacks.
func withoutInodes(dir string) error {
	j, err := Open(context.Background(), Options{Dir: dir, Ballast: 1 << 20})
	if err != nil {
		return err
	}
	for n := 0; err == nil; n++ {
		err = os.WriteFile(filepath.Join(dir, fmt.Sprint("file", n)), nil, fileMode)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	if _, err := j.Append(events(0, 500), true); err != nil {
		return err
	}
	if _, err := j.Snapshot(context.Background(), dir, 3); err == nil || !strings.HasPrefix(err.Error(), "cannot copy the journal: ") || !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("a copy without a file: %w", err)
	}
	if _, err := j.Append(events(500, 5), true); err != nil {
		return err
	}
	if err := j.Close(); err != nil {
		return err
	}
	if j, err = Open(context.Background(), small(dir)); err != nil || j.Last() != 505 {
		return fmt.Errorf("opened again: %w", err)
	}
	return j.Close()
}

// nothingNew has room for the lock, and for no journal.
func nothingNew(dir string) error {
	_, err := Open(context.Background(), small(dir))
	want := "cannot open the journal " + filepath.Join(dir, fileName) + ": making a new one: open " + filepath.Join(dir, newName) +
		": no space left on device; nothing was changed; look at it with: nightfill journal verify --state " + dir
	if err == nil || err.Error() != want {
		return fmt.Errorf("opened: %w, want %s", err, want)
	}
	return nil
}
