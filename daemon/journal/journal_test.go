package journal

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

// TestMain lets the test binary play the child processes that the tests need.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "check":
			os.Exit(ServeCheck(os.Stdout, os.Args[2]))
		case "append-until-killed":
			os.Exit(appendUntilKilled(os.Args[2]))
		case "on-small-disks":
			os.Exit(onSmallDisks(os.Args[2]))
		case "hang":
			<-time.After(time.Hour)
		case "crash":
			panic("crashed on purpose")
		}
	}
	flag.Set("rapid.checks", "60")
	os.Setenv("GORACE", "atexit_sleep_ms=0") // of the child processes
	os.Exit(inMemory(m.Run))
}

// inMemory lets the tests keep their files in memory where the machine offers that: they sync thousands of times.
func inMemory(tests func() int) int {
	if dir, err := os.MkdirTemp("/dev/shm", "journal-test-"); err == nil {
		defer os.RemoveAll(dir)
		os.Setenv("TMPDIR", dir)
	}
	return tests()
}

func self(t testing.TB, mode string) []string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{exe, mode}
}

// small are the options of a journal in dir as most tests want it: no ballast, no waiting.
func small(dir string) Options {
	return Options{Dir: dir, Ballast: -1, LockWait: time.Millisecond}
}

func mustOpen(t testing.TB, opts Options) *Journal {
	t.Helper()
	j, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

var testTime = time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)

// event makes the nth event of a night; every one is different.
func event(n int) run.Event {
	return run.Event{
		Kind: run.StepEnded, At: testTime.Add(time.Duration(n) * time.Second), Device: fmt.Sprintf("srv-%d", n%7),
		Patch: "pos-app-4.2.1", Step: run.Install, Attempt: 1, Outcome: run.OK, Took: site.Duration(time.Second),
		Output: strings.Repeat("x", n%90),
	}
}

func events(from, n int) []run.Event {
	out := make([]run.Event, n)
	for i := range out {
		out[i] = event(from + i)
	}
	return out
}

func mustAppend(t testing.TB, j *Journal, durable bool, events ...run.Event) []run.Record {
	t.Helper()
	recs, err := j.Append(events, durable)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// all reads every record that is kept.
func all(t testing.TB, j *Journal) []run.Record {
	t.Helper()
	var out []run.Record
	err := j.Each(0, func(r run.Record) error {
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAppendAndReadAgain(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	var want []run.Record
	want = append(want, mustAppend(t, j, true, events(0, 3)...)...)
	want = append(want, mustAppend(t, j, false, event(3))...)
	want = append(want, mustAppend(t, j, false, event(4))...)
	if j.Last() != 5 || j.Durable() != 3 {
		t.Fatalf("Last, Durable = %d, %d, want 5, 3", j.Last(), j.Durable())
	}
	if got := all(t, j); !reflect.DeepEqual(got, want) {
		t.Fatalf("before the buffer is written: got %v, want %v", got, want)
	}
	want = append(want, mustAppend(t, j, true, event(5))...)
	if j.Durable() != 6 {
		t.Fatalf("a durable append left the buffer behind: Durable = %d", j.Durable())
	}
	want = append(want, mustAppend(t, j, false, event(6))...)
	stream := j.Stream()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, small(dir))
	if got := all(t, j); !reflect.DeepEqual(got, want) {
		t.Fatalf("after Close and Open: got %v, want %v", got, want)
	}
	if j.Stream() != stream || len(stream) != 26 {
		t.Errorf("stream was %q and is %q", stream, j.Stream())
	}
	prev := ""
	for i, r := range want {
		if r.Seq != uint64(i+1) || r.Prev != prev {
			t.Errorf("record %d has Seq %d and Prev %q, want Prev %q", i+1, r.Seq, r.Prev, prev)
		}
		prev = r.Hash
	}
}

func TestHashIsWhatTheDocumentationSays(t *testing.T) {
	// printf 'nightfill-record-1\n2\nab\n{"kind":"hold.set"}' | sha256sum
	const want = "418a50b55ab1e4c67add152dd88d3b203b0e3b827527b9533206fbd23a2ec4a0"
	if got := Hash(2, "ab", []byte(`{"kind":"hold.set"}`)); got != want {
		t.Errorf("Hash = %s, want %s", got, want)
	}
}

func TestSince(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	mustAppend(t, j, true, events(0, 600)...)
	mustAppend(t, j, false, events(600, 5)...)
	for _, tt := range []struct {
		from       uint64
		limit      int
		first, num uint64
	}{
		{0, 10, 1, 10}, {1, 10, 1, 10}, {2, 1, 2, 1}, {595, 100, 595, 11}, {601, 2, 601, 2}, {604, 9, 604, 2},
		{605, 9, 605, 1}, {606, 9, 0, 0}, {9999, 9, 0, 0}, {1, 0, 0, 0}, {1, 9999, 1, pageRecords},
	} {
		got, err := j.Since(tt.from, tt.limit)
		if err != nil {
			t.Errorf("Since(%d, %d): %v", tt.from, tt.limit, err)
			continue
		}
		if uint64(len(got)) != tt.num || (len(got) > 0 && got[0].Seq != tt.first) {
			t.Errorf("Since(%d, %d) = %d records, want %d from %d", tt.from, tt.limit, len(got), tt.num, tt.first)
		}
	}
	if n := len(all(t, j)); n != 605 {
		t.Errorf("Each saw %d records, want 605", n)
	}
}

func TestEachStopsWhereItStarted(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	mustAppend(t, j, true, events(0, 3)...)
	seen := 0
	err := j.Each(1, func(run.Record) error {
		seen++
		_, err := j.Append(events(9, 1), true) // fn may use the journal, and does not chase itself
		return err
	})
	if err != nil || seen != 3 {
		t.Errorf("Each saw %d records, error %v; want 3", seen, err)
	}
	stop := errors.New("stop")
	if err := j.Each(1, func(run.Record) error { return stop }); err != stop {
		t.Errorf("Each = %v, want the error of fn", err)
	}
}

func TestAppendRefusesWhatItCannotKeep(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	for _, tt := range []struct {
		e    run.Event
		want string
	}{
		{run.Event{}, "cannot journal an event without a kind"},
		{run.Event{Kind: run.HoldSet, At: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}, "cannot journal the event hold.set: json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]"},
		{run.Event{Kind: run.StepEnded, Output: strings.Repeat("x", maxBody)}, "cannot journal the event step.ended: it has 16777277 bytes, the limit is 16777216"},
	} {
		for _, durable := range []bool{true, false} {
			if _, err := j.Append([]run.Event{event(1), tt.e}, durable); err == nil || err.Error() != tt.want {
				t.Errorf("Append = %v, want %s", err, tt.want)
			}
		}
	}
	if j.Last() != 0 {
		t.Errorf("a refused append left %d records", j.Last())
	}
}

func TestClosed(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	mustAppend(t, j, false, event(1))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"Append":     func() error { _, err := j.Append(events(1, 1), true); return err },
		"buffered":   func() error { _, err := j.Append(events(1, 1), false); return err },
		"Since":      func() error { _, err := j.Since(0, 1); return err },
		"Each":       func() error { return j.Each(0, func(run.Record) error { return nil }) },
		"Flush":      j.Flush,
		"Wait":       func() error { return j.Wait(context.Background(), 0) },
		"Cursor":     func() error { _, err := j.Cursor("uplink"); return err },
		"SetCursor":  func() error { return j.SetCursor("uplink", 1) },
		"Trim":       func() error { return j.Trim(1, nil) },
		"Checkpoint": func() error { _, _, err := j.Checkpoint(); return err },
		"Snapshot":   func() error { _, err := j.Snapshot(context.Background(), t.TempDir(), 3); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Errorf("a second Close = %v", err)
	}
}

func TestTwoOpeners(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, event(1))
	path := filepath.Join(dir, fileName)
	opts := small(dir)
	opts.LockWait = 30 * time.Millisecond
	_, err := Open(context.Background(), opts)
	want := "cannot open the journal " + path + ": another process has held it for 30ms: another nightfilld may be running; " +
		"nothing was changed; see: systemctl status nightfilld"
	if !errors.Is(err, ErrInUse) || err.Error() != want {
		t.Errorf("a second Open = %v, want %s", err, want)
	}
	for _, command := range [][]string{nil, self(t, "check")} {
		_, err = VerifyFile(context.Background(), path, "", command)
		want = "the journal " + path + " is not good: another process has held it for 200ms: another nightfilld may be running"
		if !errors.Is(err, ErrInUse) || err.Error() != want {
			t.Errorf("VerifyFile = %v, want %s", err, want)
		}
	}
	if _, err := Quarantine(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("Quarantine of a journal in use = %v", err)
	}
	if sum, err := j.Verify(context.Background()); err != nil || sum.Records != 1 {
		t.Errorf("the open journal verifies itself: %+v, %v", sum, err)
	}
	j.Close()
	mustOpen(t, small(dir))
}

// edit changes a value in a closed journal file.
func edit(t *testing.T, path string, fn func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, fileMode, boltOptions(0, nil))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		h, err := readHeader(tx)
		if err != nil || h.Tx < 0 {
			return nil // that is what the test is about
		}
		h.Tx = tx.ID()
		return tx.Bucket(bucketJournal).Put(keyHeader, h.encode())
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	write := func(text string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(text), fileMode); err != nil {
				t.Fatal(err)
			}
		}
	}
	tx := func(fn func(tx *bolt.Tx) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { edit(t, path, fn) }
	}
	put := func(seq uint64, value string) func(t *testing.T, path string) {
		return tx(func(tx *bolt.Tx) error { return tx.Bucket(bucketRecords).Put(seqKey(seq), []byte(value)) })
	}
	change := func(fn func(h *header)) func(t *testing.T, path string) {
		return tx(func(tx *bolt.Tx) error {
			h, err := readHeader(tx)
			if err != nil {
				return err
			}
			fn(&h)
			return tx.Bucket(bucketJournal).Put(keyHeader, h.encode())
		})
	}
	for _, tt := range []struct {
		name string
		harm func(t *testing.T, path string)
		why  error
		want string
	}{
		{"newer format", change(func(h *header) { h.Format = 2 }), ErrNewerFormat,
			"it was written by a newer nightfilld (format 2, this one knows up to 1): install that version again"},
		{"empty", write(""), ErrDamaged, "it is empty (0 bytes): it was cut off, or never was a journal"},
		{"text", write("hello"), ErrForeign, "it is not a journal, but some other kind of file"},
		{"long text", write(strings.Repeat("hello ", 9000)), ErrForeign, "it is not a journal, but some other kind of file"},
		{"a directory", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "it is not a regular file"},
		{"other database", tx(func(tx *bolt.Tx) error { return tx.DeleteBucket(bucketRecords) }), ErrForeign,
			`it is a database of another program: there is no "records" in it`},
		{"cut", func(t *testing.T, path string) {
			if err := os.Truncate(path, 2*pageSize+100); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged, "it ends after 8292 bytes, but its index speaks of 20480: it was cut off"},
		{"header gone", tx(func(tx *bolt.Tx) error { return tx.Bucket(bucketJournal).Delete(keyHeader) }), ErrDamaged, "its header is damaged"},
		{"header changed", tx(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketJournal)
			return b.Put(keyHeader, []byte(strings.Replace(string(b.Get(keyHeader)), `"uplink":2`, `"uplink":3`, 1)))
		}), ErrDamaged, "its header is damaged"},
		{"write lost", change(func(h *header) { h.Tx = -1 }), ErrDamaged, "its header is of transaction -1, but the last one was 5: a write was lost"},
		{"more in it", tx(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("more")); return err }), ErrForeign,
			`it is a database of another program: there is "more" in it`},
		{"bucket among records", tx(func(tx *bolt.Tx) error {
			_, err := tx.Bucket(bucketRecords).CreateBucket(seqKey(6))
			return err
		}), ErrDamaged, "it holds a bucket in the place of a value"},
		{"compacted by hand", func(t *testing.T, path string) {
			db, err := bolt.Open(path, fileMode, nil)
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "it was written by another program: it has a list of free pages"},
		{"record gone", tx(func(tx *bolt.Tx) error { return tx.Bucket(bucketRecords).Delete(seqKey(3)) }), ErrBrokenChain,
			"record 3 is missing: record 4 comes after record 2"},
		{"last record gone", tx(func(tx *bolt.Tx) error { return tx.Bucket(bucketRecords).Delete(seqKey(5)) }), ErrBrokenChain,
			"its records end with 4, but 5 was acknowledged as the last one"},
		{"record too many", put(6, strings.Repeat("x", 40)), ErrBrokenChain,
			"record 6 does not continue record 5: its hash is " + strings.Repeat("78", 32) + ", expected " +
				"HASH6"},
		{"short record", put(2, "x"), ErrDamaged, "the record after record 1 has no proper key and value"},
		{"cursor too far", change(func(h *header) { h.Cursors["uplink"] = 7 }), ErrDamaged, "its cursor uplink is at record 7, but the last record is 5"},
		{"trimmed without a checkpoint", change(func(h *header) { h.Anchor = place{1, "aa"} }), ErrDamaged,
			"its checkpoint is of record 0, but the records kept are 2 to 5"},
		{"checkpoint changed", tx(func(tx *bolt.Tx) error { return tx.Bucket(bucketCheckpoint).Put(keyFold, []byte("0123456789012345")) }),
			ErrDamaged, "its checkpoint is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			j := mustOpen(t, small(dir))
			recs := mustAppend(t, j, true, events(0, 5)...)
			if err := j.SetCursor("uplink", 2); err != nil {
				t.Fatal(err)
			}
			j.Close()
			tt.harm(t, path)
			before, _ := os.ReadFile(path)
			what := strings.Replace(tt.want, "HASH6", Hash(6, recs[4].Hash, []byte("xxxxxxxx")), 1)
			want := "cannot open the journal " + path + ": " + what + "; nothing was changed; look at it with: nightfill journal verify --state " + dir
			for _, command := range [][]string{nil, self(t, "check")} {
				opts := small(dir)
				opts.CheckCommand = command
				_, err := Open(context.Background(), opts)
				if !errors.Is(err, tt.why) || err.Error() != want {
					t.Errorf("with check command %q: Open = %v\nwant %s", command, err, want)
				}
			}
			if err := CheckFile(path); !errors.Is(err, tt.why) || err.Error() != what {
				t.Errorf("CheckFile = %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the refused file was changed")
			}
		})
	}
}

func TestOpenNeedsItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "unmounted")
	_, err := Open(context.Background(), small(dir))
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Open = %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("Open made the directory")
	}
}

func TestOpenClearsUpAfterACrash(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{newName, "journal.db.copy-123"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), fileMode); err != nil {
			t.Fatal(err)
		}
	}
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, event(1))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("files left in the directory: %v, %v", entries, err)
	}
}

func TestCheckInAChild(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, events(0, 5)...)
	j.Close()
	path := filepath.Join(dir, fileName)
	for _, tt := range []struct {
		command []string
		limit   time.Duration
		want    string
	}{
		{self(t, "check"), 30 * time.Second, ""},
		{self(t, "hang"), 50 * time.Millisecond, "checking it took longer than 50ms"},
		{self(t, "crash"), 30 * time.Second, "the check of it died: exit status 2: panic: crashed on purpose"},
		{[]string{"/no/such/program"}, 30 * time.Second, "cannot start the check of it: fork/exec /no/such/program: no such file or directory"},
	} {
		sum, err := runCheck(context.Background(), path, tt.command, tt.limit)
		if got := fmt.Sprint(err); (err != nil || tt.want != "") && got != tt.want {
			t.Errorf("%q: %v, want %s", tt.command, err, tt.want)
		}
		if err == nil && sum.Records != 5 {
			t.Errorf("%q: %+v", tt.command, sum)
		}
	}
	opts := small(dir)
	opts.CheckCommand = self(t, "check")
	if n := len(all(t, mustOpen(t, opts))); n != 5 {
		t.Errorf("%d records after a check in a child, want 5", n)
	}
}

func TestVerifyFile(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	recs := mustAppend(t, j, true, events(0, 9)...)
	if err := errors.Join(j.SetCursor("uplink", 4), j.Trim(3, []byte("fold")), j.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	for _, command := range [][]string{nil, self(t, "check")} {
		got, err := VerifyFile(context.Background(), path, "", command)
		want := Summary{Path: path, Format: 1, Stream: j.Stream(), Records: 6, First: 4, Last: 9, FirstAt: recs[3].Event.At,
			LastAt: recs[8].Event.At, Head: recs[8].Hash, Checkpoint: 3, Cursors: map[string]uint64{"uplink": 4}, Bytes: got.Bytes}
		if err != nil || !reflect.DeepEqual(got, want) || got.Bytes == 0 {
			t.Errorf("VerifyFile = %+v, %v, want %+v", got, err, want)
		}
	}
	if _, err := VerifyFile(context.Background(), filepath.Join(dir, "none"), "", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("VerifyFile of no file = %v", err)
	}
}

func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, event(1))
	old := j.Stream()
	j.Close()
	if err := os.Truncate(filepath.Join(dir, fileName), 5000); err != nil {
		t.Fatal(err)
	}
	name, err := Quarantine(dir)
	if err != nil || !strings.HasPrefix(name, filepath.Join(dir, fileName+badInfix)) {
		t.Fatalf("Quarantine = %s, %v", name, err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != 5000 {
		t.Errorf("the bad file was not kept: %v, %v", info, err)
	}
	if j := mustOpen(t, small(dir)); j.Stream() == old || j.Last() != 0 {
		t.Errorf("the new journal has stream %s and %d records", j.Stream(), j.Last())
	}
	if _, err := Quarantine(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Quarantine of nothing = %v", err)
	}
}
