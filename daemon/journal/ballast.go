package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
)

const (
	ballastName    = "ballast"
	ballastNewName = "ballast.new"
)

// BallastState says whether the reserve of disk space is there. When it is not, the disk was full, and the
// next time that it fills up the journal cannot be written: nothing new should be started.
type BallastState struct {
	Size int64 // as wished for; 0 when the journal keeps none
	Held bool
}

// Ballast returns the state of the reserve.
func (j *Journal) Ballast() BallastState { return j.ballast.State() }

// ballast is a file that only takes up space. Its methods other than State are called by one goroutine at a time.
type ballast struct {
	dir  string
	size int64
	held atomic.Bool
}

func newBallast(dir string, size int64) *ballast { return &ballast{dir: dir, size: max(0, size)} }

// State may be asked from anywhere.
func (b *ballast) State() BallastState { return BallastState{Size: b.size, Held: b.held.Load()} }

// fill makes the file, unless less than its size again would be left on the disk then.
func (b *ballast) fill() error {
	path, tmp := filepath.Join(b.dir, ballastName), filepath.Join(b.dir, ballastNewName)
	if b.size == 0 {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.Size() == b.size {
		b.held.Store(true)
		return nil
	}
	for _, old := range []string{path, tmp} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(b.dir, &fs); err != nil {
		return err
	}
	if free := int64(fs.Bavail) * int64(fs.Bsize); free/2 < b.size {
		return fmt.Errorf("only %d bytes are free", free)
	}
	if err := occupy(tmp, b.size); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	b.held.Store(true)
	return nil
}

// refill tries to have the file again and reports whether it has it now and had it not before.
func (b *ballast) refill() bool {
	return b.size > 0 && !b.held.Load() && b.fill() == nil
}

// drop gives the space back and reports whether there was any.
func (b *ballast) drop() bool {
	return b.held.Swap(false) && os.Remove(filepath.Join(b.dir, ballastName)) == nil
}

// occupy makes a file of size bytes that really has its blocks.
func occupy(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		err = writeZeros(f, size)
	}
	return errors.Join(err, f.Close())
}

func writeZeros(f *os.File, size int64) error {
	zeros := make([]byte, 1<<16)
	for size > 0 {
		n, err := f.Write(zeros[:min(size, int64(len(zeros)))])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return f.Sync()
}
