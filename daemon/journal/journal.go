package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	bolt "go.etcd.io/bbolt"
)

// Options say where a journal is and how it behaves. Only Dir has to be given.
type Options struct {
	// Dir is the state directory. It has to exist: a missing one may be a disk that is not mounted.
	Dir string
	// Store is whose journal it is, like acme/0142. A journal of another store is refused; one of an earlier version,
	// which does not say whose it is, is taken for this store's and says so from then on. Empty: nobody asks.
	Store string
	// Log takes what an operator should know of; nil drops it.
	Log *slog.Logger
	// CheckCommand is a command that calls ServeCheck with its last argument, which is added here. It
	// checks the file before it is opened, as a process of its own that may die or hang. Empty: this
	// process checks it.
	CheckCommand []string
	// CheckLimit is how long that may take; 0 is 30 s.
	CheckLimit time.Duration
	// LockWait is how long to wait for another process to let go of the journal; 0 is 5 s.
	LockWait time.Duration
	// Ballast is the size of the file that is given up when the disk is full; 0 is 16 MiB, less is none.
	Ballast int64
	// MaxSize is how large the journal may grow, in bytes; 0 is 1 GiB.
	MaxSize int64

	existing bool // a missing journal is an error
}

const (
	lockWait       = 5 * time.Second
	defaultBallast = 16 << 20
	defaultMaxSize = 1 << 30
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CheckLimit == 0 {
		o.CheckLimit = checkTimeout
	}
	if o.LockWait == 0 {
		o.LockWait = lockWait
	}
	if o.Ballast == 0 {
		o.Ballast = defaultBallast
	}
	if o.MaxSize == 0 {
		o.MaxSize = defaultMaxSize
	}
	return o
}

// Journal is an open journal. Its methods may be called from any goroutine.
type Journal struct {
	opts    Options
	path    string
	stream  string
	lock    *os.File
	ballast *ballast
	wake    chan struct{} // tells Run that there is something to write down

	// io is held by the one goroutine that talks to bbolt, and, on purpose, while it waits for the disk.
	// It guards db and file, the results in waiting, and everything that decides the next sequence number.
	io     sync.Mutex
	db     *bolt.DB
	file   *os.File
	size   int64                                      // of the file when it was last looked at
	update func(*bolt.DB, func(*bolt.Tx) error) error // a transaction; tests let it fail
	stored header                                     // as in the file

	// mu is held for memory only and may be taken while io is held, never the other way round.
	mu       sync.Mutex
	waiting  []*request // durable appends that no transaction has taken along yet
	buffer   []Raw      // has its place and is visible, but is not in the file yet
	held     int        // bytes in buffer
	tail     place      // the last visible record
	first    uint64
	durable  uint64
	cursors  map[string]uint64
	flushAt  time.Time // when buffer has to be written; zero: nothing to do
	cursorAt time.Time // when cursors have to be written; zero: nothing to do
	changed  chan struct{}
	failing  bool  // the last write failed and was logged
	failed   error // why nothing works any more
	wedged   bool  // bbolt was left in the middle of something and must not be called again
	closed   bool
}

// Open opens the journal in opts.Dir, or makes a new one when there is none. It checks the file first and
// refuses, with a *Refusal in the error, one that is held by another process, of a newer format, broken,
// foreign or of another store, one that is older than what was written here, and to make a new one where one is gone; nothing is
// changed then. It starts no goroutine: see Run.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	opts = opts.withDefaults()
	path := filepath.Join(opts.Dir, fileName)
	lock, err := lockDir(ctx, opts.Dir, opts.LockWait)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	j, err := open(ctx, opts, path, recall(lock))
	if err != nil {
		return nil, cannotOpen(path, errors.Join(err, lock.Close()))
	}
	j.lock = lock
	j.note()
	j.ballast = newBallast(opts.Dir, opts.Ballast)
	if err := j.ballast.fill(); err != nil {
		opts.Log.Warn("no space is kept in reserve for the journal", "dir", opts.Dir, "error", err)
	}
	return j, nil
}

func open(ctx context.Context, opts Options, path string, was trace) (*Journal, error) {
	if err := removeLeftovers(opts.Dir); err != nil {
		return nil, err
	}
	switch _, err := os.Lstat(path); {
	case errors.Is(err, os.ErrNotExist):
		if err := was.missing(opts.Dir); err != nil {
			return nil, err
		}
		if opts.existing {
			return nil, err
		}
		stream, err := ulid.New(ulid.Timestamp(time.Now()), rand.Reader)
		if err != nil {
			return nil, err
		}
		if err := create(path, stream.String(), opts.Store); err != nil {
			return nil, fmt.Errorf("making a new one: %w", err)
		}
		opts.Log.Info("made a new journal", "path", path, "stream", stream.String())
	case err != nil:
		return nil, err
	default:
		if _, err := runCheck(ctx, path, opts.CheckCommand, opts.CheckLimit); err != nil {
			return nil, err
		}
	}
	j := &Journal{opts: opts, path: path, wake: make(chan struct{}, 1), changed: make(chan struct{}), update: transact}
	var err error
	if j.db, j.file, err = openBolt(path, opts.MaxSize); err != nil {
		return nil, err
	}
	err = j.load()
	if err == nil {
		err = was.fits(opts.Dir, j.stream, j.durable)
	}
	if err == nil {
		err = j.belong()
	}
	if err != nil {
		return nil, errors.Join(err, j.release())
	}
	return j, nil
}

// removeLeftovers deletes what an earlier process did not finish.
func removeLeftovers(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, copyPattern))
	if err != nil {
		return err
	}
	for _, path := range append(left, filepath.Join(dir, newName)) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// load takes over the state of the file.
func (j *Journal) load() error {
	var h header
	err := j.view(func(tx *bolt.Tx) (err error) {
		h, err = readHeader(tx)
		return err
	})
	if err != nil {
		return err
	}
	j.stored, j.stream = h, h.Stream
	j.tail, j.durable, j.first = h.Head, h.Head.Seq, h.Anchor.Seq+1
	j.cursors = maps.Clone(h.Cursors)
	return nil
}

func readHeader(tx *bolt.Tx) (header, error) {
	b := tx.Bucket(bucketJournal)
	if b == nil {
		return header{}, refuse(ErrDamaged, "its header is missing")
	}
	return decodeHeader(b.Get(keyHeader))
}

// Close writes what is buffered and gives the journal back. Calls after it return ErrClosed. Close
// does not wait for Run, which ends by itself.
func (j *Journal) Close() error {
	j.io.Lock()
	defer j.io.Unlock()
	if j.usable() == ErrClosed {
		return nil
	}
	err := j.flush(true)
	j.note()
	j.mu.Lock()
	j.closed = true
	j.notify()
	j.mu.Unlock()
	return errors.Join(err, j.release(), j.lock.Close())
}

// release closes the database. One that was left in the middle of something keeps its memory map, but not its lock.
func (j *Journal) release() error {
	if !j.wedged {
		return guard(j.db.Close)
	}
	return errors.Join(syscall.Flock(int(j.file.Fd()), syscall.LOCK_UN), j.file.Close())
}

// Stream is the ULID that this journal got when it was made. Sequence numbers mean something only together with it.
func (j *Journal) Stream() string { return j.stream }

// Path is the journal's file.
func (j *Journal) Path() string { return j.path }

// First is the first record that is kept, or one more than Last when none is.
func (j *Journal) First() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first
}

// Last is the last visible record, 0 before the first. After a crash it may be lower, but never below Durable.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tail.Seq
}

// Durable is the last record that is on disk. Whoever passes records on to where they must be believed for
// ever stops here: a record above may be lost in a crash, and its number given to another one.
func (j *Journal) Durable() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// usable is nil while the journal works, and else says why it does not.
func (j *Journal) usable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	return j.failed
}

// notify wakes everybody who waits for a change. mu is held.
func (j *Journal) notify() {
	close(j.changed)
	j.changed = make(chan struct{})
}
