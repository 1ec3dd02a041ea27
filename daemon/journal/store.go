package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/nightfill/nightfill/site/run"
	bolt "go.etcd.io/bbolt"
)

// ofStore refuses the journal in dir when it says that it is of another store than want.
func ofStore(dir, is, want string) error {
	if is == "" || want == "" || is == want {
		return nil
	}
	return refuse(ErrOtherStore, "it is of the store %s, and this box is %s: put the right one back, or mend store.id and store.org in the store file; "+
		"if the store has a new id, say so with: nightfill journal rename --from %s --to %s --reason REASON --state %s", is, want, is, want, dir)
}

// belong refuses a journal of another store, and stamps one that does not say whose it is. Nobody else has j yet.
func (j *Journal) belong() error {
	if err := ofStore(j.opts.Dir, j.stored.Store, j.opts.Store); err != nil {
		return err
	}
	if j.opts.Store == "" || j.stored.Store == j.opts.Store {
		return nil
	}
	j.io.Lock()
	defer j.io.Unlock()
	next := j.stored
	next.Store = j.opts.Store
	if err := j.write(next, func(*bolt.Tx) error { return nil }); err != nil {
		return err
	}
	j.opts.Log.Info("the journal did not say whose it is: it is this store's from now on", "path", j.path, "store", next.Store)
	return nil
}

// Rename gives the closed journal in opts.Dir, which is of the store opts.Store, to the store to, and writes down event
// with it, as one transaction: after a crash the journal is the old store's without the record, or the new one's with it.
// A journal that does not say whose it is is taken for the old store's. It refuses what Open refuses, makes no journal where
// there is none, and returns the record, which is on disk.
func Rename(ctx context.Context, opts Options, to string, event run.Event) (run.Record, error) {
	from := opts.Store
	opts.existing, opts.Ballast, opts.Store = true, -1, ""
	path := filepath.Join(opts.Dir, fileName)
	j, err := Open(ctx, opts)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return run.Record{}, notGood(path, err)
	}
	if err != nil {
		return run.Record{}, err
	}
	record, err := j.rename(from, to, event)
	return record, errors.Join(err, j.Close())
}

func (j *Journal) rename(from, to string, event run.Event) (run.Record, error) {
	if is := j.stored.Store; is != "" && is != from {
		return run.Record{}, fmt.Errorf("cannot rename the store of the journal %s: %w; nothing was changed", j.path,
			refuse(ErrOtherStore, "it is of the store %s, and not of %s", is, from))
	}
	body, err := bodies([]run.Event{event})
	if err != nil {
		return run.Record{}, err
	}
	j.io.Lock()
	defer j.io.Unlock()
	out := chain(j.stored.Head, body)
	next := j.stored
	next.Store, next.Head = to, out[0].place()
	if err := j.write(next, func(tx *bolt.Tx) error { return putRecords(tx, out) }); err != nil {
		return run.Record{}, err
	}
	j.mu.Lock()
	j.tail, j.durable = next.Head, next.Head.Seq
	j.notify()
	j.mu.Unlock()
	return out[0].Record()
}
