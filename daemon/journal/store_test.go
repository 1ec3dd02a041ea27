package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

func of(store, dir string) Options {
	o := small(dir)
	o.Store = store
	return o
}

func renamed(from, to string) run.Event {
	return run.Event{Kind: run.StoreRenamed, At: testTime, Actor: "ann", Text: "moved", Renamed: &run.Renaming{From: from, To: to}}
}

// A journal is opened for its own store only, and nothing of it is changed for another one.
func TestJournalOfAnotherStore(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, of("acme/0141", dir))
	mustAppend(t, j, true, events(0, 5)...)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	what := "it is of the store acme/0141, and this box is acme/0142: put the right one back, or mend store.id and store.org in the store file; " +
		"if the store has a new id, say so with: nightfill journal rename --from acme/0141 --to acme/0142 --reason REASON --state " + dir
	want := "cannot open the journal " + j.Path() + ": " + what + "; nothing was changed; look at it with: nightfill journal verify --state " + dir
	var refused *Refusal
	if _, err := Open(t.Context(), of("acme/0142", dir)); !errors.Is(err, ErrOtherStore) || !errors.As(err, &refused) || err.Error() != want {
		t.Errorf("Open = %v\nwant %s", err, want)
	}
	for _, command := range [][]string{nil, self(t, "check")} {
		want := "the journal " + j.Path() + " is not good: " + what
		if _, err := VerifyFile(t.Context(), j.Path(), "acme/0142", command); !errors.Is(err, ErrOtherStore) || err.Error() != want {
			t.Errorf("VerifyFile = %v\nwant %s", err, want)
		}
		for _, store := range []string{"", "acme/0141"} {
			if sum, err := VerifyFile(t.Context(), j.Path(), store, command); err != nil || sum.Store != "acme/0141" {
				t.Errorf("VerifyFile for %q = %+v, %v", store, sum, err)
			}
		}
	}
	if after, err := os.ReadFile(j.Path()); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was changed: %v", err)
	}
	for _, store := range []string{"acme/0141", ""} {
		if again := mustOpen(t, of(store, dir)); again.stored.Store != "acme/0141" || again.Last() != 5 || again.Close() != nil {
			t.Errorf("opened for %q it is of %q and has %d records", store, again.stored.Store, again.Last())
		}
	}
}

// A journal of an earlier version says nothing of its store. A look leaves it so; the next start stamps it, once.
func TestJournalWithoutAStoreIsStamped(t *testing.T) {
	dir := t.TempDir()
	old, err := os.ReadFile(filepath.Join("testdata", "format-1.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, old, fileMode); err != nil {
		t.Fatal(err)
	}
	sum, err := VerifyFile(t.Context(), path, "acme/0142", nil)
	if err != nil || sum.Store != "" {
		t.Fatalf("VerifyFile = %+v, %v", sum, err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, old) {
		t.Fatalf("a look changed it: %v", err)
	}
	j := mustOpen(t, of("acme/0142", dir))
	if j.Stream() != sum.Stream || j.Last() != sum.Last {
		t.Errorf("stamped it is stream %s with %d records, it was %+v", j.Stream(), j.Last(), sum)
	}
	mustAppend(t, j, true, events(0, 1)...)
	stamped, err := j.Verify(t.Context())
	if err != nil || stamped.Store != "acme/0142" || stamped.Last != sum.Last+1 {
		t.Errorf("Verify = %+v, %v", stamped, err)
	}
	kept := t.TempDir()
	name, err := j.Snapshot(t.Context(), kept, 1)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := VerifyFile(t.Context(), name, "acme/0141", nil); !errors.Is(err, ErrOtherStore) {
		t.Errorf("a copy is taken for another store's: %+v, %v", sum, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), of("acme/0141", dir)); !errors.Is(err, ErrOtherStore) {
		t.Errorf("Open = %v", err)
	}
}

// A journal goes to another store by a record, keeps its stream and its numbers, and says so only once.
func TestRename(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, of("acme/0141", dir))
	mustAppend(t, j, true, events(0, 5)...)
	opts := of("acme/0141", dir)
	event := renamed("acme/0141", "acme/0142")
	_, err := Rename(t.Context(), opts, "acme/0142", event)
	if want := "cannot open the journal " + j.Path() + ": another process has held it for 1ms: another nightfilld may be running; nothing was changed; see: systemctl status nightfilld"; !errors.Is(err, ErrInUse) || err.Error() != want {
		t.Errorf("Rename of an open journal = %v\nwant %s", err, want)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Rename(t.Context(), of("acme/0140", dir), "acme/0142", event)
	if want := "cannot rename the store of the journal " + j.Path() + ": it is of the store acme/0141, and not of acme/0140; nothing was changed"; !errors.Is(err, ErrOtherStore) || err.Error() != want {
		t.Errorf("Rename of another store's journal = %v\nwant %s", err, want)
	}
	rec, err := Rename(t.Context(), opts, "acme/0142", event)
	if err != nil || rec.Seq != 6 || rec.Event.Renamed == nil || *rec.Event.Renamed != *event.Renamed {
		t.Fatalf("Rename = %+v, %v", rec, err)
	}
	if _, err := Rename(t.Context(), opts, "acme/0142", event); !errors.Is(err, ErrOtherStore) {
		t.Errorf("Rename once more = %v", err)
	}
	again := mustOpen(t, of("acme/0142", dir))
	if got := all(t, again); again.Stream() != j.Stream() || len(got) != 6 || got[5].Event.Actor != "ann" || got[5].Event.Text != "moved" {
		t.Errorf("after it: stream %s, records %+v", again.Stream(), got)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join("testdata", "format-1.db"))
	box := t.TempDir()
	if err := errors.Join(err, os.WriteFile(filepath.Join(box, fileName), old, fileMode)); err != nil {
		t.Fatal(err)
	}
	if rec, err := Rename(t.Context(), of("acme/0141", box), "acme/0142", event); err != nil || rec.Seq != 13 {
		t.Errorf("Rename of a journal that does not say whose it is = %+v, %v", rec, err)
	}
	if _, err := Open(t.Context(), of("acme/0141", box)); !errors.Is(err, ErrOtherStore) {
		t.Errorf("Open after it = %v", err)
	}
	none := filepath.Join(dir, "none")
	for _, dir := range []string{none, t.TempDir()} {
		_, err := Rename(t.Context(), of("acme/0141", dir), "acme/0142", event)
		if want := "there is no journal " + filepath.Join(dir, fileName); err == nil || err.Error() != want {
			t.Errorf("Rename where there is none = %v, want %s", err, want)
		}
		if _, err := os.Stat(filepath.Join(dir, fileName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it made one: %v", err)
		}
	}
}

// A rename that fails has not happened, and may be tried again.
func TestRenameThatFails(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, of("acme/0141", dir))
	mustAppend(t, j, true, events(0, 2)...)
	j.update = func(*bolt.DB, func(*bolt.Tx) error) error { return errors.New("no such luck") }
	_, err := j.rename("acme/0141", "acme/0142", renamed("acme/0141", "acme/0142"))
	if want := "cannot write the journal in " + dir + ": no such luck; what was acknowledged is safe"; err == nil || err.Error() != want {
		t.Errorf("rename = %v, want %s", err, want)
	}
	j.update = transact
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if again := mustOpen(t, of("acme/0141", dir)); again.Last() != 2 {
		t.Errorf("it has %d records", again.Last())
	}
}

// After a power cut at any page of a rename the journal is the old store's without the record, or the new one's with it.
func TestPowerCutInARename(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, of("acme/0141", dir))
	mustAppend(t, j, true, events(0, 40)...)
	before, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.rename("acme/0141", "acme/0142", renamed("acme/0141", "acme/0142")); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(j.Path())
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d bytes became %d: %v", len(before), len(after), err)
	}
	var meta, data []int
	for at := 0; at < len(after); at += pageSize {
		switch {
		case bytes.Equal(before[at:at+pageSize], after[at:at+pageSize]):
		case at < 2*pageSize:
			meta = append(meta, at)
		default:
			data = append(data, at)
		}
	}
	if len(meta) != 1 || len(data) == 0 {
		t.Fatalf("%d meta pages and %d others were written", len(meta), len(data))
	}
	is := func(name, store string, last uint64, file []byte) {
		t.Helper()
		box := t.TempDir()
		if err := os.WriteFile(filepath.Join(box, fileName), file, fileMode); err != nil {
			t.Fatal(err)
		}
		other := strings.NewReplacer("0141", "0142", "0142", "0141").Replace(store)
		if _, err := Open(context.Background(), of(other, box)); !errors.Is(err, ErrOtherStore) {
			t.Errorf("%s: opened for %s: %v", name, other, err)
		}
		if j := mustOpen(t, of(store, box)); j.Last() != last || j.Close() != nil {
			t.Errorf("%s: it has %d records, want %d", name, j.Last(), last)
		}
	}
	file := bytes.Clone(before)
	is("before it", "acme/0141", 40, file)
	for i, at := range data { // bbolt syncs these before it writes the page that makes them count
		copy(file[at:at+pageSize/2], after[at:])
		is(fmt.Sprint("half of page ", i), "acme/0141", 40, file)
		copy(file[at:at+pageSize], after[at:])
		is(fmt.Sprint("page ", i), "acme/0141", 40, file)
	}
	copy(file[meta[0]:meta[0]+pageSize], after[meta[0]:])
	is("after it", "acme/0142", 41, file)
}
