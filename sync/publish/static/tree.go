// Package static writes the files of a published catalog: most are written once and never
// change, and one, the timestamp, makes all the others visible to stores.
//
// A file is there whole or not at all, after a crash too. The package refuses to change what
// was published, to keep a copy that is not what was signed, and to write into the directory of
// another catalog. It does not know what the files say.
package static

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

const (
	timestamp     = "metadata/timestamp.json"
	nextTimestamp = "metadata/.next-timestamp.json" // where it waits until it is verified
)

// Tree is a directory that a web server serves.
type Tree string

// Path is where the file with a slashed name is.
func (t Tree) Path(name string) string { return filepath.Join(string(t), filepath.FromSlash(name)) }

// Belongs refuses a directory that holds a catalog whose first root is another one.
func (t Tree) Belongs(firstRoot []byte) error {
	theirs, err := os.ReadFile(t.Path("metadata/1.root.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !bytes.Equal(firstRoot, theirs) {
		err = fmt.Errorf("%s holds another catalog: publish into a directory of its own", string(t))
	}
	return err
}

// PutTarget writes what a role lists as target, whose digest is sum. It never changes.
func (t Tree) PutTarget(target, sum string, data []byte) error {
	dir, base := path.Split(target)
	return WriteOnce(t.Path("targets/"+dir+sum+"."+base), data)
}

// Stage writes a timestamp that stores do not see yet.
func (t Tree) Stage(data []byte) error { return Write(t.Path(nextTimestamp), data) }

// Unstage takes the staged timestamp away.
func (t Tree) Unstage() error { return os.Remove(t.Path(nextTimestamp)) }

// Commit lets stores see the staged timestamp, and with it everything else that is new.
func (t Tree) Commit() error {
	return errors.Join(os.Rename(t.Path(nextTimestamp), t.Path(timestamp)), syncDir(t.Path("metadata")))
}

// Upcoming is the directory with the staged timestamp in its place.
func (t Tree) Upcoming() fs.FS { return upcoming{os.DirFS(string(t))} }

type upcoming struct{ fs.FS }

// Open opens a file as it will be.
func (u upcoming) Open(name string) (fs.File, error) {
	if name == timestamp {
		name = nextTimestamp
	}
	return u.FS.Open(name)
}
