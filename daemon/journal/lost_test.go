package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is written to a file that is not under its name any more would be gone with the process: it is
// noticed before anything is acknowledged, and what was acknowledged is kept.
func TestFileTakenAwayWhileOpen(t *testing.T) {
	for _, tt := range []struct {
		name string
		take func(path string) error
		want string
	}{
		{"removed", os.Remove, "its file was removed or renamed"},
		{"renamed", func(path string) error { return os.Rename(path, path+".old") }, "its file was removed or renamed"},
		{"replaced", func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte("other"), fileMode), os.Rename(path+".x", path))
		}, "its file was replaced by another one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			j := mustOpen(t, small(dir))
			want := mustAppend(t, j, true, events(0, 50)...)
			if err := tt.take(j.Path()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := j.Append(events(50, 1), true)
				text := "the journal failed while in use: " + j.Path() + ": " + tt.want + "; what was on disk in it is saved as " + j.Path() + ".saved-"
				if !errors.Is(err, ErrFailed) || !strings.HasPrefix(err.Error(), text) {
					t.Fatalf("Append = %v, want %s...", err, text)
				}
			}
			j.Close()
			saved, err := filepath.Glob(j.Path() + ".saved-*")
			if err != nil || len(saved) != 1 {
				t.Fatalf("saved: %q, %v", saved, err)
			}
			if _, err := Open(context.Background(), small(dir)); err == nil {
				t.Error("a new journal was begun in the place of the one that was taken away")
			}
			if err := os.Rename(saved[0], j.Path()); err != nil { // as the error says
				t.Fatal(err)
			}
			if got := all(t, mustOpen(t, small(dir))); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%d records were saved, %d were acknowledged", len(got), len(want))
			}
		})
	}
}

// A journal that is gone, that is an older copy of itself or another box's is refused, with what to do.
func TestOtherFileWhileClosed(t *testing.T) {
	const other = "01KAPKC800GOLDENGOLDENG0LD"
	for _, tt := range []struct {
		name string
		harm func(path string, older []byte) error
		why  error
		want string
	}{
		{"gone", func(path string, _ []byte) error { return os.Remove(path) }, ErrGone,
			"it is gone, and this box wrote at least 60 records to it (stream STREAM): put the right one back, or let the box begin a new one with: nightfill journal set-aside --state DIR"},
		{"gone, and saved", func(path string, older []byte) error {
			return errors.Join(os.WriteFile(path+".saved-1", older, fileMode), os.WriteFile(path+".saved-2", older, fileMode), os.Remove(path))
		}, ErrGone,
			"it is gone, and this box wrote at least 60 records to it (stream STREAM): put the right one back, or let the box begin a new one with: nightfill journal set-aside --state DIR; " +
				"the newest that was saved of it is DIR/journal.db.saved-2"},
		{"older", func(path string, older []byte) error { return os.WriteFile(path, older, fileMode) }, ErrOlder,
			"it is an older copy of itself: it ends with record 50, and record 60 was on disk; going on with it would give numbers twice: " +
				"put the right one back, or let the box begin a new one with: nightfill journal set-aside --state DIR"},
		{"another", func(path string, _ []byte) error { return errors.Join(os.Remove(path), create(path, other, "")) }, ErrForeign,
			"it is another journal (stream " + other + ") than the one that this box wrote here (stream STREAM): " +
				"put the right one back, or let the box begin a new one with: nightfill journal set-aside --state DIR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			j := mustOpen(t, small(dir))
			mustAppend(t, j, true, events(0, 50)...)
			older, err := os.ReadFile(j.Path())
			if err != nil {
				t.Fatal(err)
			}
			mustAppend(t, j, true, events(50, 10)...)
			if err := errors.Join(j.Close(), tt.harm(j.Path(), older)); err != nil {
				t.Fatal(err)
			}
			what := strings.NewReplacer("STREAM", j.Stream(), "DIR", dir).Replace(tt.want)
			want := "cannot open the journal " + j.Path() + ": " + what + "; nothing was changed; look at it with: nightfill journal verify --state " + dir
			for range 2 {
				if _, err := Open(context.Background(), small(dir)); !errors.Is(err, tt.why) || err.Error() != want {
					t.Errorf("Open = %v\nwant %s", err, want)
				}
			}
			_, err = VerifyFile(context.Background(), j.Path(), "", nil)
			if want = "the journal " + j.Path() + " is not good: " + what; !errors.Is(err, tt.why) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("VerifyFile = %v\nwant %s", err, want)
			}
			if _, err := Quarantine(dir); err != nil {
				t.Fatalf("Quarantine = %v", err)
			}
			again := mustOpen(t, small(dir))
			if again.Stream() == j.Stream() || again.Last() != 0 {
				t.Errorf("after it was set aside: stream %s, %d records", again.Stream(), again.Last())
			}
			if _, err := again.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A copy that is made while the journal is open counts as on disk, so that an older one is noticed after a power cut too.
func TestOlderThanItsCopy(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, events(0, 5)...)
	older, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, true, events(5, 5)...)
	if _, err := j.Snapshot(t.Context(), t.TempDir(), 3); err != nil {
		t.Fatal(err)
	}
	box := t.TempDir() // as a power cut leaves it
	trace, err := os.ReadFile(j.lock.Name())
	if err := errors.Join(err, os.WriteFile(filepath.Join(box, lockName), trace, fileMode), os.WriteFile(filepath.Join(box, fileName), older, fileMode)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), small(box)); !errors.Is(err, ErrOlder) {
		t.Errorf("Open = %v", err)
	}
}

// The lock file of an earlier version is empty, and a damaged one tells nothing: the journal opens, and is noted.
func TestLockFileThatTellsNothing(t *testing.T) {
	for _, text := range []string{"", "stream", "stream 01KAPKC800GOLDENGOLDENG0LD record", strings.Repeat("\x00", traceSize), strings.Repeat("stream ", 400)} {
		dir := t.TempDir()
		j := mustOpen(t, small(dir))
		mustAppend(t, j, true, events(0, 5)...)
		if err := errors.Join(j.Close(), os.WriteFile(filepath.Join(dir, lockName), []byte(text), fileMode)); err != nil {
			t.Fatal(err)
		}
		again := mustOpen(t, small(dir))
		if got, want := recall(again.lock), (trace{j.Stream(), 5}); got != want {
			t.Errorf("after %.20q the lock file tells %+v, want %+v", text, got, want)
		}
	}
}
