package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// sample is a journal file with a bit of everything, and what is in it.
type sample struct {
	data, older []byte // older: the same file a few transactions before
	content     content
}

// content is everything that a journal acknowledged.
type content struct {
	stream     string
	records    []run.Record
	cursor     uint64
	checkpoint uint64
	fold       string
}

func contentOf(j *Journal) (c content, err error) {
	c.stream = j.Stream()
	err = j.Each(0, func(r run.Record) error {
		c.records = append(c.records, r)
		return nil
	})
	if err != nil {
		return c, err
	}
	if c.cursor, err = j.Cursor("uplink"); err != nil {
		return c, err
	}
	seq, fold, err := j.Checkpoint()
	c.checkpoint, c.fold = seq, string(fold)
	return c, err
}

func makeSample(t testing.TB) sample {
	t.Helper()
	j := mustOpen(t, small(t.TempDir()))
	for n := range 20 {
		mustAppend(t, j, true, events(n*8, 8)...)
	}
	if err := errors.Join(j.SetCursor("uplink", 50), j.Trim(40, bytes.Repeat([]byte("fold "), 300))); err != nil {
		t.Fatal(err)
	}
	var s sample
	var older, now bytes.Buffer
	if err := j.Backup(&older); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, true, events(160, 5)...)
	if err := errors.Join(j.SetCursor("uplink", 60), j.Backup(&now)); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.content, err = contentOf(j); err != nil {
		t.Fatal(err)
	}
	s.data, s.older = now.Bytes(), older.Bytes()
	return s
}

// judge opens a damaged file: either everything is in it, or it is refused for one of the known reasons.
func (s sample) judge(t *testing.T, name string, data []byte) (refused bool) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, fileName), data, fileMode); err != nil {
		t.Fatal(err)
	}
	j, err := Open(context.Background(), small(dir))
	var why *Refusal
	switch {
	case errors.As(err, &why) && why.Why != ErrInUse:
		return true
	case err != nil:
		t.Errorf("%s: refused without a known reason: %v", name, err)
		return true
	}
	defer j.Close()
	got, err := contentOf(j)
	if err != nil {
		t.Errorf("%s: opened, but cannot be read: %v", name, err)
	} else if !reflect.DeepEqual(got, s.content) {
		t.Errorf("%s: opened, but it is not what was acknowledged: %d records, cursor %d, checkpoint %d", name, len(got.records), got.cursor, got.checkpoint)
	}
	if _, err := j.Append(events(0, 1), true); err != nil {
		t.Errorf("%s: opened, but cannot be written: %v", name, err)
	}
	return false
}

func TestDamagedFiles(t *testing.T) {
	s := makeSample(t)
	rng := rand.New(rand.NewPCG(1, 2))
	pages := len(s.data) / pageSize
	if pages < 12 || s.judge(t, "the whole file", s.data) {
		t.Fatalf("the sample of %d pages is refused", pages)
	}
	refused := map[string]int{}
	try := func(kind, name string, data []byte) {
		if s.judge(t, kind+" "+name, data) {
			refused[kind]++
		}
	}
	for n := range pages {
		try("cut", fmt.Sprint(n*pageSize), s.data[:n*pageSize])
		try("zeroed", fmt.Sprint(n), overwrite(s.data, n*pageSize, make([]byte, pageSize)))
		noise := make([]byte, pageSize)
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		try("noise", fmt.Sprint(n), overwrite(s.data, n*pageSize, noise))
		m := rng.IntN(pages)
		try("swapped", fmt.Sprint(n, m), overwrite(s.data, n*pageSize, s.data[m*pageSize:(m+1)*pageSize]))
		if (n+1)*pageSize <= len(s.older) {
			try("old", fmt.Sprint(n), overwrite(s.data, n*pageSize, s.older[n*pageSize:(n+1)*pageSize]))
		}
	}
	for range 100 {
		n := rng.IntN(len(s.data))
		try("cut", fmt.Sprint(n), s.data[:n])
	}
	for range 300 {
		n, bit := rng.IntN(len(s.data)), byte(1)<<rng.IntN(8)
		try("flip", fmt.Sprint(n, bit), overwrite(s.data, n, []byte{s.data[n] ^ bit}))
	}
	for range 150 { // where it hurts most: in what bbolt steers by
		n, bit := rng.IntN(pages)*pageSize+rng.IntN(200), byte(1)<<rng.IntN(8)
		try("head flip", fmt.Sprint(n, bit), overwrite(s.data, n, []byte{s.data[n] ^ bit}))
	}
	t.Logf("refused: %v", refused)
	if refused["cut"] != pages+100 || refused["flip"] < 50 || refused["old"] == 0 || refused["noise"] == 0 {
		t.Errorf("too little was refused: %v", refused)
	}
}

// Pages that lead back to themselves or to one another: a walk that trusts them never ends. Every pointer of the
// file is turned to every page.
func TestPageCycles(t *testing.T) {
	s := makeSample(t)
	u64 := binary.NativeEndian.Uint64
	pages := uint64(len(s.data) / pageSize)
	turn := func(data []byte, at int, to uint64) []byte {
		return overwrite(data, at, binary.NativeEndian.AppendUint64(nil, to))
	}
	tried, refused := map[string]int{}, map[string]int{}
	try := func(kind string, at int, to uint64, data []byte) {
		if testing.Short() && to != uint64(at/pageSize) && (to+uint64(at))%5 > 0 {
			return
		}
		began := time.Now()
		tried[kind]++
		if s.judge(t, fmt.Sprint(kind, " at ", at, " to page ", to), data) {
			refused[kind]++
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s at %d to page %d: it took %s", kind, at, to, took)
		}
	}
	for id := range pages {
		page := s.data[id*pageSize : (id+1)*pageSize]
		count := int(binary.NativeEndian.Uint16(page[10:]))
		for i := range min(count, (pageSize-pageHeader)/elemSize) {
			elem := int(id*pageSize) + pageHeader + i*elemSize
			switch flags := binary.NativeEndian.Uint16(page[8:]); {
			case id < 2 || u64(page) != id:
			case flags == branchPage:
				for to := range pages {
					if to != u64(s.data[elem+8:]) {
						try("branch", elem, to, turn(s.data, elem+8, to))
					}
				}
			case flags == leafPage && binary.NativeEndian.Uint32(s.data[elem:]) == bucketFlag:
				root := elem + int(binary.NativeEndian.Uint32(s.data[elem+4:])+binary.NativeEndian.Uint32(s.data[elem+8:]))
				for to := range pages {
					if to != u64(s.data[root:]) {
						try("bucket", root, to, turn(s.data, root, to))
					}
				}
			}
		}
	}
	for id := range 2 { // the index pages, with their checksums
		for to := range pages {
			meta := id*pageSize + pageHeader
			if to == u64(s.data[meta+16:]) {
				continue
			}
			data := turn(s.data, meta+16, to)
			sum := fnv.New64a()
			sum.Write(data[meta : meta+metaSize-8])
			try("index", meta, to, turn(data, meta+metaSize-8, sum.Sum64()))
		}
	}
	t.Logf("tried %v, refused %v", tried, refused)
	for _, kind := range []string{"branch", "bucket", "index"} {
		if refused[kind] < tried[kind]/6 || refused[kind] == 0 { // the others are in pages that are not in use
			t.Errorf("%s: %d of %d were refused", kind, refused[kind], tried[kind])
		}
	}
}

func overwrite(data []byte, at int, with []byte) []byte {
	data = bytes.Clone(data)
	copy(data[at:], with)
	return data
}

// A file that is cut off or scribbled over while it is open is an error of every call from then on.
func TestDamagedWhileOpen(t *testing.T) {
	s := makeSample(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 40 {
		for _, how := range []string{"cut", "cut unnoticed", "noise", "zeros"} {
			t.Run(fmt.Sprint(how, n), func(t *testing.T) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, fileName), s.data, fileMode); err != nil {
					t.Fatal(err)
				}
				j := mustOpen(t, small(dir))
				at := rng.IntN(len(s.data))
				switch how {
				case "cut", "cut unnoticed":
					if err := os.Truncate(j.Path(), int64(at)); err != nil {
						t.Fatal(err)
					}
				default:
					f, err := os.OpenFile(j.Path(), os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					junk := make([]byte, pageSize)
					for i := range junk {
						if how == "noise" {
							junk[i] = byte(rng.Uint32())
						}
					}
					_, err = f.WriteAt(junk, int64(at/pageSize)*pageSize)
					if err := errors.Join(err, f.Close()); err != nil {
						t.Fatal(err)
					}
				}
				s.use(t, j, rng, how == "cut unnoticed")
			})
		}
	}
}

// use calls j in random ways: what it returns without an error has to be right.
func (s sample) use(t *testing.T, j *Journal, rng *rand.Rand, unnoticed bool) {
	want := append([]run.Record(nil), s.content.records...)
	failed := false
	for range 12 {
		if unnoticed {
			j.io.Lock()
			j.size = 0 // the fault itself has to be survived, not only its announcement
			j.io.Unlock()
		}
		var err error
		switch rng.IntN(5) {
		case 0, 1:
			var recs []run.Record
			recs, err = j.Append(events(rng.IntN(99), 1), true)
			want = append(want, recs...)
		case 2:
			i := 0
			err = j.Each(0, func(r run.Record) error {
				if !reflect.DeepEqual(r, want[i]) {
					t.Errorf("garbage: %+v, want %+v", r, want[i])
				}
				i++
				return nil
			})
			if err == nil && i != len(want) {
				t.Errorf("Each ended after %d of %d records without an error", i, len(want))
			}
		case 3:
			var fold []byte
			_, fold, err = j.Checkpoint()
			if err == nil && string(fold) != s.content.fold {
				t.Errorf("garbage in the checkpoint: %q", fold)
			}
		case 4:
			_, err = j.Snapshot(context.Background(), t.TempDir(), 3)
		}
		var refusal *Refusal
		switch {
		case err == nil && failed:
			t.Error("it works again after it failed")
		case errors.Is(err, ErrFailed):
			failed = true
		case err != nil && !errors.As(err, &refusal) && !errors.Is(err, io.EOF):
			t.Errorf("an error that is neither ErrFailed nor a refusal: %v", err)
		}
	}
	if err := j.Close(); err != nil && !errors.Is(err, ErrFailed) {
		t.Errorf("Close = %v", err)
	}
}

func TestCutWhileOpenSaysSo(t *testing.T) {
	for _, unnoticed := range []bool{false, true} {
		dir := t.TempDir()
		j := mustOpen(t, small(dir))
		mustAppend(t, j, true, events(0, 50)...)
		size := j.size
		if err := os.Truncate(j.Path(), 100); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("its file was cut from %d to 100 bytes", size)
		if unnoticed {
			j.size, want = 0, "reading it went wrong: runtime error: invalid memory address or nil pointer dereference"
		}
		want = "the journal failed while in use: " + j.Path() + ": " + want + "; stop nightfilld and look at it with: nightfill journal verify --state " + dir
		for range 2 {
			if _, err := j.Append(events(0, 1), true); !errors.Is(err, ErrFailed) || err.Error() != want {
				t.Errorf("Append = %v, want %s", err, want)
			}
		}
		if err := j.Wait(context.Background(), 99); !errors.Is(err, ErrFailed) {
			t.Errorf("Wait = %v", err)
		}
		j.Close()
		if _, err := Open(context.Background(), small(dir)); !errors.Is(err, ErrDamaged) {
			t.Errorf("the locks of a failed journal are not given back, or it opens: %v", err)
		}
	}
}
