package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Summary is what a check found in a good journal.
type Summary struct {
	Path       string            `json:"path"`
	Format     int               `json:"format"`
	Stream     string            `json:"stream"`
	Store      string            `json:"store,omitempty"` // whose journal it is; empty in those of earlier versions
	Records    uint64            `json:"records"`
	First      uint64            `json:"first"` // the first record kept; one after Last when none is
	Last       uint64            `json:"last"`
	FirstAt    time.Time         `json:"first_at,omitzero"` // when the first record kept says that it happened
	LastAt     time.Time         `json:"last_at,omitzero"`
	Head       string            `json:"head"` // hash of the last record
	Checkpoint uint64            `json:"checkpoint,omitempty"`
	Cursors    map[string]uint64 `json:"cursors,omitempty"`
	Bytes      int64             `json:"bytes"` // size of the file
}

// checkTimeout is how long a check may take, and fileLockWait how long it waits for the file.
const (
	checkTimeout = 30 * time.Second
	fileLockWait = 200 * time.Millisecond
)

// CheckFile reads a journal file from beginning to end, changing nothing: every page, every hash, every
// seal. nil means that the file is whole and of a known format. What it refuses is a *Refusal.
// It is what the child process of a check runs; it never panics on a bad file.
func CheckFile(path string) error {
	_, err := check(context.Background(), path)
	return err
}

// VerifyFile checks a journal file that no daemon has open and says what is in it. With a checkCommand the
// work is done by that command, to which the path is added, see ServeCheck; without one by this process.
// It gives up after 30 s. A file that a daemon holds is refused with ErrInUse, a journal that is not the newest one
// of its state directory as Open refuses it, and one of another store than store too; an empty store asks for none.
func VerifyFile(ctx context.Context, path, store string, checkCommand []string) (Summary, error) {
	sum, err := runCheck(ctx, path, checkCommand, checkTimeout)
	if err = fitsHere(path, sum, err); err == nil {
		err = ofStore(filepath.Dir(path), sum.Store, store)
	}
	return sum, notGood(path, err)
}

// report is what the child process of a check prints.
type report struct {
	Summary Summary `json:"summary"`
	Why     string  `json:"why,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// whys are the names of refusals between a check and its child.
func whys() map[string]error {
	return map[string]error{"in_use": ErrInUse, "newer_format": ErrNewerFormat, "broken_chain": ErrBrokenChain,
		"damaged": ErrDamaged, "foreign": ErrForeign}
}

// ServeCheck checks the file at path, prints the result on out for the process that asked, and returns
// the exit code for this one: 0 for a good file, 1 for any other. It is the body of a check command.
func ServeCheck(out io.Writer, path string) int {
	sum, err := check(context.Background(), path)
	rep := report{Summary: sum}
	if err != nil {
		rep.Error = err.Error()
		for name, why := range whys() {
			if errors.Is(err, why) {
				rep.Why = name
			}
		}
	}
	if encErr := json.NewEncoder(out).Encode(rep); encErr != nil || err != nil {
		return 1
	}
	return 0
}

// runCheck checks a file in a child process, or here when there is no command.
func runCheck(ctx context.Context, path string, command []string, limit time.Duration) (Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	sum, err := Summary{}, error(nil)
	if len(command) == 0 {
		sum, err = check(ctx, path)
	} else {
		sum, err = runChild(ctx, path, command)
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return sum, refuse(ErrDamaged, "checking it took longer than %v", limit)
	}
	return sum, err
}

func runChild(ctx context.Context, path string, command []string) (Summary, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], path)...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
	runErr := cmd.Run()
	var rep report
	err := json.Unmarshal(stdout.Bytes(), &rep)
	switch {
	case ctx.Err() != nil:
		return Summary{}, ctx.Err()
	case errors.Is(runErr, exec.ErrNotFound), errors.Is(runErr, os.ErrNotExist), errors.Is(runErr, os.ErrPermission):
		return Summary{}, fmt.Errorf("cannot start the check of it: %w", runErr)
	case err != nil:
		line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return Summary{}, refuse(ErrDamaged, "the check of it died: %v: %s", runErr, line)
	case rep.Error == "" && runErr == nil:
		return rep.Summary, nil
	}
	if why, ok := whys()[rep.Why]; ok {
		return rep.Summary, &Refusal{Why: why, What: rep.Error}
	}
	return rep.Summary, errors.New(rep.Error)
}

// check holds a shared lock on the file for as long as it reads.
func check(ctx context.Context, path string) (sum Summary, err error) {
	sum.Path = path
	info, err := os.Lstat(path)
	if err != nil {
		return sum, err
	}
	if !info.Mode().IsRegular() {
		return sum, refuse(ErrForeign, "it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	if err := flock(ctx, f, syscall.LOCK_SH, fileLockWait); err != nil {
		return sum, err
	}
	if info, err = f.Stat(); err != nil {
		return sum, err
	}
	sum.Bytes = info.Size()
	err = guard(func() error {
		if err := walk(ctx, f, &sum); err != nil {
			return err
		}
		return boltCheck(path)
	})
	var crash *crashError
	if errors.As(err, &crash) {
		return sum, refuse(ErrDamaged, "it cannot be read: %v", crash.what)
	}
	return sum, err
}

// walk reads the whole file and fills in sum.
func walk(ctx context.Context, f io.ReaderAt, sum *Summary) error {
	p, root, err := openPages(ctx, f, sum.Bytes)
	if err != nil {
		return err
	}
	buckets, err := walkRoot(p, root)
	if err != nil {
		return err
	}
	h, err := walkHeader(p, buckets[string(bucketJournal)])
	if err != nil {
		return err
	}
	sum.Format, sum.Stream, sum.Store, sum.Cursors = h.Format, h.Stream, h.Store, h.Cursors
	sum.First, sum.Last, sum.Head = h.Anchor.Seq+1, h.Head.Seq, h.Head.Hash
	if sum.Checkpoint, err = walkCheckpoint(p, buckets[string(bucketCheckpoint)], h); err != nil {
		return err
	}
	return walkRecords(p, buckets[string(bucketRecords)], h, sum)
}

// walkRoot returns the buckets. There has to be each of them, and nothing else, where bbolt would go and look.
func walkRoot(p *pages, root uint64) (map[string][]byte, error) {
	buckets := map[string][]byte{string(bucketJournal): nil, string(bucketRecords): nil, string(bucketCheckpoint): nil}
	err := p.bucket(root, func(isBucket bool, key, value []byte) error {
		if _, known := buckets[string(key)]; !known || !isBucket {
			return refuse(ErrForeign, "it is a database of another program: there is %q in it", key)
		}
		buckets[string(key)] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(buckets)) {
		if buckets[name] == nil {
			return nil, refuse(ErrForeign, "it is a database of another program: there is no %q in it", name)
		}
	}
	return buckets, nil
}

// walkValues is inner for a bucket that holds values only.
func walkValues(p *pages, bucket []byte, fn func(key, value []byte) error) error {
	return p.inner(bucket, func(isBucket bool, key, value []byte) error {
		if isBucket {
			return refuse(ErrDamaged, "it holds a bucket in the place of a value")
		}
		return fn(key, value)
	})
}

// walkValue returns the value under key in a bucket, nil if there is none.
func walkValue(p *pages, bucket, key []byte) (value []byte, err error) {
	err = walkValues(p, bucket, func(k, v []byte) error {
		if bytes.Equal(k, key) {
			value = bytes.Clone(v)
		}
		return nil
	})
	return value, err
}

func walkHeader(p *pages, bucket []byte) (header, error) {
	value, err := walkValue(p, bucket, keyHeader)
	if err != nil {
		return header{}, err
	}
	h, err := decodeHeader(value)
	if err != nil {
		return header{}, err
	}
	if uint64(h.Tx) != p.txid {
		return header{}, refuse(ErrDamaged, "its header is of transaction %d, but the last one was %d: a write was lost", h.Tx, p.txid)
	}
	for name, seq := range h.Cursors {
		if seq > h.Head.Seq {
			return header{}, refuse(ErrDamaged, "its cursor %s is at record %d, but the last record is %d", name, seq, h.Head.Seq)
		}
	}
	return h, nil
}

func walkCheckpoint(p *pages, bucket []byte, h header) (uint64, error) {
	value, err := walkValue(p, bucket, keyFold)
	if err != nil {
		return 0, err
	}
	seq, _, err := h.readFold(value)
	if err != nil {
		return 0, err
	}
	if seq < h.Anchor.Seq || seq > h.Head.Seq {
		return 0, refuse(ErrDamaged, "its checkpoint is of record %d, but the records kept are %d to %d", seq, h.Anchor.Seq+1, h.Head.Seq)
	}
	return seq, nil
}

func walkRecords(p *pages, bucket []byte, h header, sum *Summary) error {
	at := h.Anchor
	var last []byte
	err := walkValues(p, bucket, func(key, value []byte) error {
		r, err := at.accept(key, value)
		if err != nil {
			return err
		}
		if at == h.Anchor {
			sum.FirstAt = eventTime(r.Event)
		}
		at, last = r.place(), r.Event
		sum.Records++
		return nil
	})
	if err != nil {
		return err
	}
	if at != h.Head {
		return refuse(ErrBrokenChain, "its records end with %d, but %d was acknowledged as the last one", at.Seq, h.Head.Seq)
	}
	sum.LastAt = eventTime(last)
	return nil
}

// eventTime is when an event of any version says that it happened, zero if it does not.
func eventTime(event []byte) time.Time {
	var e struct {
		At time.Time `json:"at"`
	}
	if json.Unmarshal(event, &e) != nil {
		return time.Time{}
	}
	return e.At
}

// boltCheck asks bbolt for a second opinion. The walk before it has made sure that it ends.
func boltCheck(path string) error {
	db, err := bolt.Open(path, fileMode, &bolt.Options{ReadOnly: true, Timeout: fileLockWait, PageSize: pageSize})
	if err != nil {
		return refuse(ErrDamaged, "bbolt cannot open it: %v", err)
	}
	defer db.Close()
	tx, err := db.Begin(false)
	if err != nil {
		return refuse(ErrDamaged, "bbolt cannot read it: %v", err)
	}
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = refuse(ErrDamaged, "bbolt finds: %v", err)
		}
	}
	return errors.Join(first, tx.Rollback())
}
