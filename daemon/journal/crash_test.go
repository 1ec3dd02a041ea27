package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site/run"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// appendUntilKilled is a child that says which record it knows to be on disk, for ever.
func appendUntilKilled(dir string) int {
	j, err := Open(context.Background(), small(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := int(j.Last()); ; n++ {
		recs, err := j.Append(events(n, 1), n%3 == 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if j.Durable() == recs[0].Seq {
			fmt.Println(recs[0].Seq)
		}
	}
}

func TestKilled(t *testing.T) {
	dir := t.TempDir()
	durable := uint64(0)
	for round := range 8 {
		cmd := exec.Command(self(t, "")[0], "append-until-killed", dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; lines.Scan(); i++ {
			if n, err := strconv.ParseUint(lines.Text(), 10, 64); err == nil {
				durable = n
			}
			if i == 5+7*round {
				cmd.Process.Kill() // what it still says before it is dead counts too
			}
		}
		if err := cmd.Wait(); !strings.Contains(fmt.Sprint(err), "killed") {
			t.Fatalf("the child ended by itself: %v", err)
		}
		j := mustOpen(t, small(dir))
		got := all(t, j)
		if uint64(len(got)) < durable {
			t.Fatalf("round %d: %d records, but %d were acknowledged", round, len(got), durable)
		}
		for i, r := range got {
			if r.Event.Device != event(i).Device || !r.Event.At.Equal(event(i).At) {
				t.Fatalf("round %d: record %d is %+v", round, i+1, r)
			}
		}
		j.Close()
	}
}

// readUsed reads a journal file without the hole at its end, where it has room to grow.
func readUsed(path string) (data []byte, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	used, err := f.Seek(0, unix.SEEK_HOLE)
	if err != nil {
		return nil, 0, err
	}
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, 0, err
	}
	data = make([]byte, used)
	_, err = f.ReadAt(data, 0)
	return data, size, err
}

// model is what a journal has to behave like.
type model struct {
	records []run.Record // all that are visible
	durable int
	trimmed int
	fold    string
	cursors map[string]uint64
	saved   map[string]uint64 // as in the last transaction
}

type machine struct {
	j   *Journal
	dir string
	n   int
	m   model
}

func (s *machine) sync() {
	s.m.durable = len(s.m.records)
	s.m.saved = map[string]uint64{}
	for k, v := range s.m.cursors {
		s.m.saved[k] = v
	}
}

func (s *machine) reopen(t *rapid.T, dir string) {
	j, err := Open(context.Background(), small(dir))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	s.j, s.dir = j, dir
}

func (s *machine) Append(t *rapid.T) {
	durable := rapid.Bool().Draw(t, "durable")
	n := rapid.IntRange(0, 6).Draw(t, "events")
	recs, err := s.j.Append(events(s.n, n), durable)
	if err != nil || len(recs) != n {
		t.Fatalf("append of %d: %d records, %v", n, len(recs), err)
	}
	s.n += n
	s.m.records = append(s.m.records, recs...)
	if durable {
		s.sync()
	}
}

func (s *machine) Flush(t *rapid.T) {
	if err := s.j.Flush(); err != nil {
		t.Fatal(err)
	}
	s.sync()
}

func (s *machine) SetCursor(t *rapid.T) {
	name := rapid.SampledFrom([]string{"uplink", "other"}).Draw(t, "name")
	seq := rapid.Uint64Range(0, uint64(len(s.m.records)+1)).Draw(t, "seq")
	err := s.j.SetCursor(name, seq)
	if wantErr := seq > uint64(s.m.durable); (err != nil) != wantErr {
		t.Fatalf("SetCursor(%d) = %v with %d durable", seq, err, s.m.durable)
	}
	if err == nil {
		s.m.cursors[name] = max(s.m.cursors[name], seq)
	}
}

func (s *machine) Trim(t *rapid.T) {
	through := rapid.IntRange(0, len(s.m.records)+1).Draw(t, "through")
	fold := rapid.StringN(0, 2000, -1).Draw(t, "fold")
	ok := through <= len(s.m.records) && through >= s.m.trimmed
	for _, seq := range s.m.cursors {
		ok = ok && uint64(through) <= seq
	}
	err := s.j.Trim(uint64(through), []byte(fold))
	s.sync() // Trim writes what is buffered first, whatever comes of it
	if (err == nil) != ok {
		t.Fatalf("Trim(%d) = %v with %d records, %d trimmed, cursors %v", through, err, len(s.m.records), s.m.trimmed, s.m.cursors)
	}
	if ok {
		s.m.trimmed, s.m.fold = through, fold
	}
}

// Crash goes on with a copy of the file as it is now.
func (s *machine) Crash(t *rapid.T) {
	data, size, err := readUsed(s.j.Path())
	if err != nil {
		t.Fatal(err)
	}
	trace, err := os.ReadFile(s.j.lock.Name())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.j.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, fileName)
	if err := errors.Join(os.WriteFile(path, data, fileMode), os.Truncate(path, size), os.WriteFile(s.j.lock.Name(), trace, fileMode)); err != nil {
		t.Fatal(err)
	}
	s.reopen(t, s.dir)
	s.m.records = s.m.records[:s.m.durable]
	s.m.cursors = map[string]uint64{}
	for k, v := range s.m.saved {
		s.m.cursors[k] = v
	}
}

func (s *machine) Restart(t *rapid.T) {
	if err := s.j.Close(); err != nil {
		t.Fatal(err)
	}
	s.reopen(t, s.dir)
	s.sync()
}

func (s *machine) Check(t *rapid.T) {
	m := s.m
	if s.j.Last() != uint64(len(m.records)) || s.j.Durable() != uint64(m.durable) || s.j.First() != uint64(m.trimmed+1) {
		t.Fatalf("First, Last, Durable = %d, %d, %d; want %d, %d, %d", s.j.First(), s.j.Last(), s.j.Durable(), m.trimmed+1, len(m.records), m.durable)
	}
	i := m.trimmed
	err := s.j.Each(0, func(r run.Record) error {
		if w := m.records[i]; r.Seq != w.Seq || r.Hash != w.Hash || r.Prev != w.Prev || r.Event.Device != w.Event.Device || r.Event.Output != w.Event.Output {
			return fmt.Errorf("record %d is %+v, want %+v", i+1, r, w)
		}
		i++
		return nil
	})
	if err != nil || i != len(m.records) {
		t.Fatalf("Each ended at %d of %d: %v", i, len(m.records), err)
	}
	if seq, data, err := s.j.Checkpoint(); err != nil || seq != uint64(m.trimmed) || string(data) != m.fold {
		t.Fatalf("Checkpoint = %d, %q, %v; want %d, %q", seq, data, err, m.trimmed, m.fold)
	}
	for name, want := range m.cursors {
		if got, err := s.j.Cursor(name); err != nil || got != want {
			t.Fatalf("Cursor(%s) = %d, %v, want %d", name, got, err, want)
		}
	}
	if from := rapid.Uint64Range(1, uint64(len(m.records)+2)).Draw(t, "from"); from <= uint64(m.trimmed) {
		if _, err := s.j.Since(from, 5); !errors.Is(err, ErrForgotten) {
			t.Fatalf("Since(%d) = %v after a trim through %d", from, err, m.trimmed)
		}
	} else if recs, err := s.j.Since(from, 5); err != nil || len(recs) != min(5, len(m.records)+1-int(from)) && int(from) <= len(m.records) {
		t.Fatalf("Since(%d) = %d records, %v with %d", from, len(recs), err, len(m.records))
	}
}

func TestModel(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "model")
		if err != nil {
			t.Fatal(err)
		}
		s := &machine{m: model{cursors: map[string]uint64{}, saved: map[string]uint64{}}}
		s.reopen(t, dir)
		defer func() {
			s.j.Close()
			os.RemoveAll(s.dir)
		}()
		t.Repeat(map[string]func(*rapid.T){
			"":          s.Check,
			"append":    s.Append,
			"flush":     s.Flush,
			"setCursor": s.SetCursor,
			"trim":      s.Trim,
			"crash":     s.Crash,
			"restart":   s.Restart,
		})
	})
}
