package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	berrors "go.etcd.io/bbolt/errors"

	bolt "go.etcd.io/bbolt"
)

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	first := mustAppend(t, j, true, event(0))
	buffered := mustAppend(t, j, false, event(1))
	full := true
	j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
		if full {
			return &os.PathError{Op: "write", Path: j.path, Err: syscall.ENOSPC}
		}
		return transact(db, fn)
	}
	want := "cannot write the journal in " + dir + ": write " + j.path + ": no space left on device: free some space there; what was acknowledged is safe"
	for range 2 {
		if _, err := j.Append(events(2, 2), true); !errors.Is(err, syscall.ENOSPC) || err.Error() != want {
			t.Errorf("Append = %v, want %s", err, want)
		}
	}
	if j.Last() != 2 || j.Durable() != 1 {
		t.Errorf("Last, Durable = %d, %d after failed appends; want 2, 1", j.Last(), j.Durable())
	}
	more := mustAppend(t, j, false, event(3))
	if err := j.SetCursor("uplink", 1); err != nil {
		t.Fatal(err)
	}
	full = false
	last := mustAppend(t, j, true, event(4))
	j.Close()
	j = mustOpen(t, small(dir))
	got := all(t, j)
	for i, want := range []string{first[0].Hash, buffered[0].Hash, more[0].Hash, last[0].Hash} {
		if len(got) != 4 || got[i].Hash != want {
			t.Fatalf("after the disk was full the journal holds %v", got)
		}
	}
	if seq, _ := j.Cursor("uplink"); seq != 1 {
		t.Errorf("cursor = %d, want 1", seq)
	}
}

// Records that need not be durable are taken while the disk is full, but not without bound.
func TestDiskFullForLong(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	update := j.update
	j.update = func(*bolt.DB, func(*bolt.Tx) error) error { return syscall.ENOSPC }
	e := event(1)
	e.Output = strings.Repeat("x", 50_000)
	n := 0
	for ; n < 100; n++ {
		if _, err := j.Append(append(events(0, 1), e), false); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			break
		}
	}
	if n < 10 || n == 100 {
		t.Fatalf("%d appends were held in memory", n)
	}
	j.update = update
	mustAppend(t, j, true, event(2))
	if got := len(all(t, j)); got != 2*n+1 {
		t.Errorf("%d records, want %d", got, 2*n+1)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{syscall.EIO, "cannot write the journal in DIR: input/output error; what was acknowledged is safe"},
		{syscall.EDQUOT, "cannot write the journal in DIR: disk quota exceeded: free some space there; what was acknowledged is safe"},
		{errors.New("file sync error: no space left on device"),
			"cannot write the journal in DIR: file sync error: no space left on device: free some space there; what was acknowledged is safe"},
		{berrors.ErrMaxSizeReached,
			"cannot write the journal in DIR: it has reached its limit of 1073741824 bytes: it shrinks when headquarters has stored its records; what was acknowledged is safe"},
	} {
		j := mustOpen(t, small(t.TempDir()))
		j.update = func(*bolt.DB, func(*bolt.Tx) error) error { return tt.err }
		_, err := j.Append(events(0, 1), true)
		if want := strings.Replace(tt.want, "DIR", j.opts.Dir, 1); err == nil || err.Error() != want {
			t.Errorf("Append = %v, want %s", err, want)
		}
		j.update = transact
		mustAppend(t, j, true, event(0))
	}
}

// When the disk fails after the index page was written, nobody knows what is on it: the journal says so and stops.
func TestUnknownOutcome(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, event(0))
	j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
		return errors.Join(transact(db, fn), syscall.EIO)
	}
	_, err := j.Append(events(1, 1), true)
	want := "the journal failed while in use: " + j.path + ": it is not known whether the last write reached the disk: input/output error; " +
		"stop nightfilld and look at it with: nightfill journal verify --state " + dir
	if !errors.Is(err, ErrFailed) || err.Error() != want {
		t.Errorf("Append = %v, want %s", err, want)
	}
	if _, err := j.Append(events(1, 1), false); !errors.Is(err, ErrFailed) {
		t.Errorf("Append after that = %v", err)
	}
	if j.Last() != 1 {
		t.Errorf("a record of unknown fate is visible")
	}
	j.Close()
	if n := len(all(t, mustOpen(t, small(dir)))); n != 2 {
		t.Errorf("%d records after a restart, want 2", n)
	}
}

func TestBallast(t *testing.T) {
	dir := t.TempDir()
	opts := small(dir)
	opts.Ballast = 1 << 20
	j := mustOpen(t, opts)
	if info, err := os.Stat(filepath.Join(dir, ballastName)); err != nil || info.Size() != 1<<20 || info.Sys().(*syscall.Stat_t).Blocks < 1<<11 {
		t.Fatalf("the ballast takes up no space: %v, %v", info, err)
	}
	calls := 0
	j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
		if calls++; calls == 1 {
			return syscall.ENOSPC
		}
		return transact(db, fn)
	}
	mustAppend(t, j, true, event(0))
	if got, want := j.Ballast(), (BallastState{Size: 1 << 20}); got != want {
		t.Errorf("Ballast = %+v, want %+v", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, ballastName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast is still there: %v", err)
	}
	j.tidy()
	if got := j.Ballast(); !got.Held {
		t.Errorf("Ballast = %+v when there is space again", got)
	}
	j.Close()
	opts.Ballast = 1 << 60
	if j = mustOpen(t, opts); j.Ballast().Held {
		t.Error("a ballast that does not fit is held")
	}
}

// What a power cut leaves is for a real disk to show, in TestLabDiskGoesAway; that nobody asked for less is seen here.
func TestEveryTransactionIsSynced(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	if j.db.NoSync || j.db.NoGrowSync || boltOptions(0, nil).NoSync || boltOptions(0, nil).NoGrowSync {
		t.Error("records are acknowledged before they are on disk")
	}
}
