package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The names in the state directory.
const (
	fileName    = "journal.db"
	lockName    = "journal.lock"
	newName     = "journal.db.new"
	copyPattern = "journal.db.copy-*"
	badInfix    = ".bad-"
	savedInfix  = ".saved-"

	snapshotPattern = "snapshot.tmp-*"

	fileMode = 0o600
)

const (
	initialMap = 64 << 20 // mapped at once, so that growing seldom has to wait for readers
	growStep   = 1 << 20  // how much the file grows by
	lockPoll   = 20 * time.Millisecond
)

func boltOptions(maxSize int64, open func(string, int, os.FileMode) (*os.File, error)) *bolt.Options {
	return &bolt.Options{
		Timeout:         lockWait,
		NoFreelistSync:  true, // fewer pages a record; opening walks every page instead
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: initialMap,
		PageSize:        pageSize, // whatever the machine's is: a file may move to another box
		MaxSize:         int(maxSize),
		OpenFile:        open,
		NoStatistics:    true,
	}
}

// create makes an empty journal under another name and moves it into place once it is on disk, so that a
// power cut leaves either no journal or a whole one.
func create(path, stream, store string) error {
	tmp := filepath.Join(filepath.Dir(path), newName)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := bolt.Open(tmp, fileMode, boltOptions(0, nil))
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketJournal, bucketRecords, bucketCheckpoint} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketJournal).Put(keyHeader, header{Format: Format, Tx: tx.ID(), Stream: stream, Store: store}.encode())
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return settle(tmp, path)
}

// settle syncs the file tmp, gives it its name and syncs the directory.
func settle(tmp, path string) error {
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// syncPath brings a file or a directory to disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// flock takes a lock on an open file, and gives up with ErrInUse after wait.
func flock(ctx context.Context, f *os.File, how int, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if time.Now().After(deadline) {
			return refuse(ErrInUse, "another process has held it for %v: another nightfilld may be running", wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// lockDir makes this process the only one that uses the journal in dir, until the file is closed.
func lockDir(ctx context.Context, dir string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if err := flock(ctx, f, syscall.LOCK_EX, wait); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openBolt opens the database and also returns its file, which bbolt keeps to itself.
func openBolt(path string, maxSize int64) (db *bolt.DB, file *os.File, err error) {
	open := func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
		file = f
		return f, err
	}
	err = guard(func() (err error) {
		db, err = bolt.Open(path, fileMode, boltOptions(maxSize, open))
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, refuse(ErrInUse, "another process has held it for %v: another nightfilld may be running", lockWait)
	case err != nil:
		return nil, nil, err
	}
	db.AllocSize = growStep
	return db, file, nil
}

// crashError is a panic or a memory fault that guard caught.
type crashError struct{ what any }

func (e *crashError) Error() string { return fmt.Sprintf("reading it went wrong: %v", e.what) }

// guard runs fn, which touches the mapped file, and turns its panics into errors. A page of the file that is
// not there any more faults; without SetPanicOnFault that would be the end of the process.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &crashError{what: r}
		}
	}()
	return fn()
}
