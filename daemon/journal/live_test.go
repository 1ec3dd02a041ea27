package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

// pass lets time go by in a bubble, and everybody do what was due.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestRunWritesAfterASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(t.TempDir()))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- j.Run(ctx) }()
		mustAppend(t, j, false, event(0))
		pass(flushAfter - time.Nanosecond)
		if j.Durable() != 0 {
			t.Error("a buffered record was written before its time")
		}
		pass(time.Nanosecond)
		if j.Durable() != 1 {
			t.Error("a buffered record was not written after a second")
		}
		if err := j.SetCursor("uplink", 1); err != nil {
			t.Fatal(err)
		}
		pass(cursorAfter)
		if j.stored.Cursors["uplink"] != 1 {
			t.Error("a cursor was not written after half a minute")
		}
		mustAppend(t, j, false, event(1))
		cancel()
		if err := <-done; err != nil || j.Durable() != 2 {
			t.Errorf("Run = %v and left %d of 2 records", err, j.Durable())
		}
	})
}

func TestRunTriesAgainAndLogsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		opts := small(t.TempDir())
		opts.Log = slog.New(slog.NewTextHandler(&log, nil))
		j := mustOpen(t, opts)
		log.Reset()
		const fails = 5
		var tries atomic.Int64
		j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
			if tries.Add(1) <= fails {
				return errors.New("the cable is loose")
			}
			return transact(db, fn)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- j.Run(ctx) }()
		mustAppend(t, j, false, event(0))
		pass(fails * flushAfter)
		if j.Durable() != 0 || tries.Load() != fails {
			t.Errorf("%d tries in %d s, Durable = %d", tries.Load(), fails, j.Durable())
		}
		pass(flushAfter)
		if j.Durable() != 1 {
			t.Errorf("not written after %d tries", tries.Load())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n, said := strings.Count(log.String(), "\n"), log.String(); n != 2 || !strings.Contains(said, "the cable is loose") ||
			!strings.Contains(said, "the journal can be written again") {
			t.Errorf("logged:\n%s", said)
		}
	})
}

func TestRunEndsWithTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(t.TempDir()))
		done := make(chan error)
		go func() { done <- j.Run(t.Context()) }()
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// A journal that has failed ends Run at once, so that the box starts again and the file is checked.
func TestRunEndsWhenTheJournalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(t.TempDir()))
		began, done := time.Now(), make(chan error)
		go func() { done <- j.Run(t.Context()) }()
		synctest.Wait()
		if err := os.Remove(j.Path()); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(events(0, 1), true); !errors.Is(err, ErrFailed) {
			t.Errorf("Append = %v", err)
		}
		if err := <-done; !errors.Is(err, ErrFailed) || time.Since(began) > 0 {
			t.Errorf("Run = %v after %s", err, time.Since(began))
		}
	})
}

// Without Run, the next append writes what has waited for too long.
func TestNextAppendWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(t.TempDir()))
		mustAppend(t, j, false, event(0))
		pass(flushAfter)
		mustAppend(t, j, false, event(1))
		if j.Durable() != 1 || j.Last() != 2 {
			t.Errorf("Durable, Last = %d, %d, want 1, 2", j.Durable(), j.Last())
		}
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, small(t.TempDir()))
		woken := make(chan error)
		go func() { woken <- j.Wait(t.Context(), 1) }()
		mustAppend(t, j, true, event(0))
		synctest.Wait()
		select {
		case err := <-woken:
			t.Fatalf("woken by record 1: %v", err)
		default:
		}
		mustAppend(t, j, false, event(1))
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { woken <- j.Wait(ctx, 2) }()
		synctest.Wait()
		cancel()
		if err := <-woken; err != context.Canceled {
			t.Errorf("Wait = %v", err)
		}
		go func() { woken <- j.Wait(t.Context(), 2) }()
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-woken; err != ErrClosed {
			t.Errorf("Wait = %v", err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	transactions := 0
	j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
		transactions++
		return transact(db, fn)
	}
	const writers, each = 8, 25
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := range each {
				recs, err := j.Append([]run.Event{{Kind: run.HoldSet, Device: fmt.Sprint(w), Text: fmt.Sprint(n)}}, n%2 == 0)
				if err != nil || len(recs) != 1 || (n%2 == 0 && j.Durable() < recs[0].Seq) {
					t.Errorf("append %d of writer %d: %v, %v", n, w, recs, err)
				}
				if err := j.SetCursor("uplink", j.Durable()/2); err != nil {
					t.Error(err)
				}
				if _, err := j.Since(recs[0].Seq, 3); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	next := map[string]int{}
	for _, r := range all(t, j) {
		if r.Event.Text != fmt.Sprint(next[r.Event.Device]) {
			t.Fatalf("writer %s: record %s came when %d was due", r.Event.Device, r.Event.Text, next[r.Event.Device])
		}
		next[r.Event.Device]++
	}
	if j.Last() != writers*each {
		t.Errorf("%d records, want %d", j.Last(), writers*each)
	}
	t.Logf("%d records in %d transactions", writers*each, transactions)
	if _, err := j.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTrimRefusals(t *testing.T) {
	j := mustOpen(t, small(t.TempDir()))
	mustAppend(t, j, true, events(0, 1200)...)
	if err := errors.Join(j.SetCursor("uplink", 1100), j.Trim(1050, []byte("fold"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		through uint64
		want    string
	}{
		{1201, "cannot trim the journal through record 1201: the last one is 1200"},
		{1101, "cannot trim the journal through record 1101: the cursor uplink is at record 1100"},
		{1049, "cannot trim the journal through record 1049: it has a checkpoint of record 1050"},
	} {
		if err := j.Trim(tt.through, nil); err == nil || err.Error() != tt.want {
			t.Errorf("Trim(%d) = %v, want %s", tt.through, err, tt.want)
		}
	}
	_, err := j.Since(1050, 1)
	if want := "cannot read the journal from record 1050: the records were trimmed: the first one kept is 1051"; !errors.Is(err, ErrForgotten) || err.Error() != want {
		t.Errorf("Since = %v, want %s", err, want)
	}
	if err := j.SetCursor("uplink", 1201); err == nil || err.Error() != "cannot set the cursor uplink to record 1201: only records up to 1200 are on disk" {
		t.Errorf("SetCursor = %v", err)
	}
	if n := len(all(t, j)); n != 150 || j.First() != 1051 {
		t.Errorf("%d records from %d are left, want 150 from 1051", n, j.First())
	}
}

// A crash between the transactions of a Trim leaves a journal that opens and trims on.
func TestTrimInterrupted(t *testing.T) {
	for stop := 1; stop <= 4; stop++ {
		dir := t.TempDir()
		j := mustOpen(t, small(dir))
		mustAppend(t, j, true, events(0, 1200)...)
		n := 0
		j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
			if n++; n == stop {
				return errors.New("the power is gone")
			}
			return transact(db, fn)
		}
		if err := j.Trim(1100, []byte("fold")); err == nil {
			t.Fatalf("Trim took less than %d transactions", stop)
		}
		j.Close()
		j = mustOpen(t, small(dir))
		seq, data, err := j.Checkpoint()
		if err != nil || j.First() > seq+1 || (stop > 1 && (seq != 1100 || string(data) != "fold")) {
			t.Errorf("stopped at %d: checkpoint %d %q, first %d, %v", stop, seq, data, j.First(), err)
		}
		if err := j.Trim(1100, []byte("again")); err != nil || j.First() != 1101 {
			t.Errorf("stopped at %d: the next Trim = %v, first %d", stop, err, j.First())
		}
	}
}

func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "journal-01AAAAAAAAAAAAAAAAAAAAAAAA-00000000000000000001.db")
	for _, name := range []string{other, filepath.Join(dir, "snapshot.tmp-1")} {
		if err := os.WriteFile(name, []byte("another"), fileMode); err != nil {
			t.Fatal(err)
		}
	}
	j := mustOpen(t, small(t.TempDir()))
	var made []string
	for n := range 5 {
		mustAppend(t, j, false, event(n))
		name, err := j.Snapshot(t.Context(), dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, name)
		if sum, err := VerifyFile(t.Context(), name, "", nil); err != nil || sum.Last != uint64(n+1) || sum.Stream != j.Stream() {
			t.Errorf("snapshot %d: %+v, %v", n, sum, err)
		}
	}
	got, err := filepath.Glob(filepath.Join(dir, "*"))
	want := append([]string{other}, made[2:]...)
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("left over: %q, %v, want %q", got, err, want)
	}
	if _, err := j.Snapshot(t.Context(), filepath.Join(dir, "none"), 3); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Snapshot into no directory = %v", err)
	}
}

var update = flag.Bool("update", false, "write the golden journals anew")

// A journal of format 1 opens for ever, also with records that this version knows nothing of.
func TestGolden(t *testing.T) {
	golden := filepath.Join("testdata", "format-1.db")
	if *update {
		writeGolden(t, golden)
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, fileMode); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, small(dir))
	seq, fold, err := j.Checkpoint()
	if err != nil || seq != 3 || string(fold) != "fold of three" || j.First() != 4 || j.Last() != 12 || j.Stream() != "01KAPKC800GOLDENGOLDENG0LD" {
		t.Errorf("checkpoint %d %q %v, records %d to %d, stream %s", seq, fold, err, j.First(), j.Last(), j.Stream())
	}
	if seq, err := j.Cursor("uplink"); err != nil || seq != 5 {
		t.Errorf("cursor %d, %v", seq, err)
	}
	raw, err := j.RawSince(11, 2)
	if err != nil || len(raw) != 2 || string(raw[0].Event) != unknownEvent {
		t.Fatalf("the record of an unknown kind: %v, %v", raw, err)
	}
	rec, err := raw[0].Record()
	if err != nil || rec.Event.Kind != "moon.phase" || rec.Event.Device != "srv-1" || rec.Prev == "" {
		t.Errorf("the record of an unknown kind is %+v, %v", rec, err)
	}
	const head = "214b6c89cc34f1bcb9e72745f48dca17de684c0dc396a184a07419e52677766f"
	if raw[1].Hash != head {
		t.Errorf("the last hash is %s, want %s", raw[1].Hash, head)
	}
	text, err := json.Marshal(raw[0])
	if want := `{"seq":11,"prev":"` + rec.Prev + `","hash":"` + rec.Hash + `","event":` + unknownEvent + `}`; err != nil || string(text) != want {
		t.Errorf("as JSON: %s, want %s", text, want)
	}
	mustAppend(t, j, true, event(13))
}

const unknownEvent = `{"kind":"moon.phase","at":"2031-01-02T03:04:05Z","device":"srv-1","phase":{"lit":0.5}}`

func writeGolden(t *testing.T, path string) {
	dir := t.TempDir()
	if err := create(filepath.Join(dir, fileName), "01KAPKC800GOLDENGOLDENG0LD", ""); err != nil {
		t.Fatal(err)
	}
	j := mustOpen(t, small(dir))
	mustAppend(t, j, true, events(0, 10)...)
	if _, err := j.append([][]byte{[]byte(unknownEvent)}, true); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, true, event(11))
	var out bytes.Buffer
	if err := errors.Join(j.SetCursor("uplink", 5), j.Trim(3, []byte("fold of three")), j.Backup(&out)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// benchmarkAppend counts the bytes of the transactions of a benchmark, from what bbolt says of its pages.
func benchmarkAppend(b *testing.B, group int) {
	j := mustOpen(b, small(b.TempDir()))
	written := 0
	j.update = func(db *bolt.DB, fn func(*bolt.Tx) error) error {
		var tx *bolt.Tx
		err := transact(db, func(t *bolt.Tx) error {
			tx = t
			return fn(t)
		})
		stats := tx.Stats()
		written += int(stats.GetPageAlloc()) + pageSize // and the index page
		return err
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += group {
		if _, err := j.Append(events(n, group), true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(written)/float64(b.N), "bytes/record")
}

func BenchmarkAppendDurable(b *testing.B) { benchmarkAppend(b, 1) }

func BenchmarkAppendDurableGrouped(b *testing.B) { benchmarkAppend(b, 10) }
