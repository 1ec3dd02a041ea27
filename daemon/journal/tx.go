package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// transact is one read-write transaction. After a panic nothing is rolled back: bbolt would read the damaged
// pages again, in a goroutine that nobody can guard.
func transact(db *bolt.DB, fn func(*bolt.Tx) error) error {
	tx, err := db.Begin(true)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// view runs fn in a read transaction. fn copies what it needs and calls nobody. io is held.
func (j *Journal) view(fn func(tx *bolt.Tx) error) error {
	return j.enter(func() error {
		tx, err := j.db.Begin(false)
		if err != nil {
			return err
		}
		return errors.Join(fn(tx), tx.Rollback())
	})
}

// write carries out one transaction that leaves the file with the header next. When it fails, the file is as
// before, or the journal is given up. io is held.
func (j *Journal) write(next header, fill func(tx *bolt.Tx) error) error {
	err := j.attempt(&next, fill)
	if noSpace(err) && j.usable() == nil && j.ballast.drop() {
		j.nudge() // Run has to look for space again, sooner than it thought
		j.opts.Log.Error("the disk is full: the journal's reserve is given up; free some space", "dir", j.opts.Dir)
		err = j.attempt(&next, fill)
	}
	if err != nil {
		return cannotWrite(j.opts.Dir, j.opts.MaxSize, err)
	}
	j.stored = next
	return nil
}

func (j *Journal) attempt(next *header, fill func(tx *bolt.Tx) error) error {
	err := j.enter(func() error {
		return j.update(j.db, func(tx *bolt.Tx) error {
			if err := fill(tx); err != nil {
				return err
			}
			next.Tx = tx.ID()
			return tx.Bucket(bucketJournal).Put(keyHeader, next.encode())
		})
	})
	if err == nil || j.usable() != nil {
		return err
	}
	var now header
	again := j.view(func(tx *bolt.Tx) (err error) {
		now, err = readHeader(tx)
		return err
	})
	if again != nil {
		return again
	}
	if string(now.encode()) != string(j.stored.encode()) {
		return j.giveUp(fmt.Errorf("it is not known whether the last write reached the disk: %w", err))
	}
	return err
}

// enter lets fn talk to bbolt. A fault or panic in there is the end of this Journal, as bbolt keeps its
// locks then; so is a record or page that is not what was written. io is held.
func (j *Journal) enter(fn func() error) error {
	if err := j.usable(); err != nil {
		return err
	}
	if err := j.intact(); err != nil {
		return j.giveUp(j.save(err))
	}
	err := guard(fn)
	var crash *crashError
	if errors.As(err, &crash) {
		j.wedged = true
		return j.giveUp(err)
	}
	if errors.Is(err, ErrBrokenChain) || errors.Is(err, ErrDamaged) {
		return j.giveUp(err)
	}
	return err
}

// intact notices that somebody has made the open file shorter than what is mapped of it, before that faults, and
// that it is not under its name any more: what is written then would be gone with this process.
func (j *Journal) intact() error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size < j.size {
		return fmt.Errorf("its file was cut from %d to %d bytes", j.size, size)
	}
	j.size = size
	switch named, err := os.Lstat(j.path); {
	case errors.Is(err, os.ErrNotExist):
		return &lostError{"its file was removed or renamed"}
	case err != nil:
		return err
	case !os.SameFile(info, named):
		return &lostError{"its file was replaced by another one"}
	}
	return nil
}

// lostError is that the file is open and not under its name any more.
type lostError struct{ what string }

func (e *lostError) Error() string { return e.what }

// save keeps what is on disk of a file that is open and has lost its name, under a name that nobody reads by itself,
// and says so in the error. It is all there is left of it. io is held.
func (j *Journal) save(why error) error {
	var lost *lostError
	if !errors.As(why, &lost) {
		return why
	}
	name, tmp := j.path+savedInfix+stamp(time.Now()), filepath.Join(j.opts.Dir, newName)
	err := writeAll(tmp, io.NewSectionReader(j.file, 0, j.size))
	if err == nil {
		err = settle(tmp, name)
	}
	if err != nil {
		return fmt.Errorf("%w, and what was in it could not be saved: %w", why, err)
	}
	return fmt.Errorf("%w; what was on disk in it is saved as %s", why, name)
}

// writeAll makes a file of all that r has.
func writeAll(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// giveUp makes every later call fail, and Run end, and returns the error that they get. The file stays as it is.
func (j *Journal) giveUp(why error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = fmt.Errorf("%w: %s: %w; stop nightfilld and look at it with: nightfill journal verify --state %s",
			ErrFailed, j.path, why, j.opts.Dir)
		j.opts.Log.Error("the journal cannot be used any more", "path", j.path, "error", why)
		j.notify()
		j.nudge() // whoever runs it has to know now: a start checks the file, and goes on or says why not
	}
	return j.failed
}
