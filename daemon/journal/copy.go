package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Backup writes a consistent copy of the journal to w: a journal file with everything that is visible now.
// Appending goes on while a slow w takes its time, as the copy is made on disk first.
func (j *Journal) Backup(w io.Writer) error {
	tmp, err := j.copyTo(j.opts.Dir, copyPattern)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	f, err := os.Open(tmp)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// Verify checks a copy of the open journal, as VerifyFile does with a closed one.
func (j *Journal) Verify(ctx context.Context) (Summary, error) {
	tmp, err := j.copyTo(j.opts.Dir, copyPattern)
	if err != nil {
		return Summary{}, err
	}
	defer os.Remove(tmp)
	sum, err := j.checkCopy(ctx, tmp)
	sum.Path = j.path
	if err != nil {
		return sum, fmt.Errorf("the journal %s is not good: %w", j.path, err)
	}
	return sum, nil
}

// checkCopy checks a copy of the open journal like a file that is to be opened.
func (j *Journal) checkCopy(ctx context.Context, path string) (Summary, error) {
	sum, err := runCheck(ctx, path, j.opts.CheckCommand, j.opts.CheckLimit)
	if err == nil {
		err = ofStore(j.opts.Dir, sum.Store, j.opts.Store)
	}
	return sum, err
}

// copyTo makes a copy under a temporary name in dir.
func (j *Journal) copyTo(dir, pattern string) (path string, err error) {
	j.io.Lock()
	defer j.io.Unlock()
	if err := j.flush(true); err != nil {
		return "", err
	}
	j.note()
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", fmt.Errorf("cannot copy the journal: %w", err)
	}
	err = j.view(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("cannot copy the journal to %s: %w", dir, errors.Join(err, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// Snapshot puts a copy of the journal into dir, checked like a file that is to be opened, and returns its name.
// It keeps the newest keep snapshots of this journal there; those of another stream belong to a journal that
// somebody set aside and are left alone. After a crash there is no half snapshot under a snapshot's name. Only one call at a time may use dir.
func (j *Journal) Snapshot(ctx context.Context, dir string, keep int) (path string, err error) {
	left, err := filepath.Glob(filepath.Join(dir, snapshotPattern))
	if err != nil {
		return "", err
	}
	tmp, err := j.copyTo(dir, snapshotPattern)
	if err != nil {
		return "", err
	}
	sum, err := j.checkCopy(ctx, tmp)
	if err == nil {
		path = filepath.Join(dir, fmt.Sprintf("journal-%s-%020d.db", sum.Stream, sum.Last))
		err = settle(tmp, path)
	}
	if err != nil {
		return "", fmt.Errorf("cannot keep a snapshot of the journal in %s: %w", dir, errors.Join(err, os.Remove(tmp)))
	}
	old, err := filepath.Glob(filepath.Join(dir, "journal-"+j.stream+"-*.db"))
	if err != nil {
		return path, err
	}
	slices.Sort(old)
	for _, name := range append(left, old[:max(0, len(old)-max(1, keep))]...) {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return path, fmt.Errorf("cannot remove an old snapshot: %w", err)
		}
	}
	return path, nil
}

// Quarantine sets the journal in dir aside under another name, which it returns, so that the next Open makes
// a new one with a new stream. It is for a person who has decided so: a store without its journal knows
// nothing of what was done, and has to ask every device. It refuses while a daemon has the journal open. Of a
// journal that is gone it only forgets that it was there, and returns no name.
func Quarantine(dir string) (newName string, err error) {
	path := filepath.Join(dir, fileName)
	lock, err := lockDir(context.Background(), dir, fileLockWait)
	if err == nil {
		newName, err = setAside(path, recall(lock))
		if err == nil {
			err = errors.Join(lock.Truncate(0), lock.Sync())
		}
		err = errors.Join(err, lock.Close())
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", notGood(path, err)
	}
	if err != nil {
		return "", fmt.Errorf("cannot set the journal %s aside: %w", path, err)
	}
	return newName, nil
}

func setAside(path string, was trace) (string, error) {
	switch _, err := os.Lstat(path); {
	case errors.Is(err, os.ErrNotExist) && was.stream != "":
		return "", nil
	case err != nil:
		return "", err
	}
	name := path + badInfix + stamp(time.Now())
	if _, err := os.Lstat(name); err == nil {
		return "", fmt.Errorf("%s is there already", name)
	}
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	return name, syncPath(filepath.Dir(path))
}

// stamp is a moment as a part of a file name.
func stamp(t time.Time) string {
	return strings.ReplaceAll(t.UTC().Format("20060102T150405.000"), ".", "") + "Z"
}
