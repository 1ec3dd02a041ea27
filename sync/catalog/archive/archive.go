// Package archive keeps on disk what every generation of the signed catalog was made of, for as long
// as somebody may ask what was approved on a day of the past. A file that several generations share
// is kept once, under its digest.
//
// It verifies no signature and approves nothing: what is read from it is evidence to be judged, and a
// store never goes by it. After a power cut a generation is there whole or not at all.
package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Schema is the version of the form of an Entry.
const Schema = "generation/1"

// Entry is one generation: where each of its files is, and what the store said of it when it took it.
type Entry struct {
	Schema  string    `json:"schema"`
	Version int64     `json:"version"`
	Issued  time.Time `json:"issued"`
	// Accepted is the store's trusted time at which the generation was verified; zero = a version of
	// the program that kept no generations accepted it.
	Accepted time.Time `json:"accepted,omitzero"`
	// Root is the version of the newest root that the store trusted then.
	Root int64 `json:"root"`
	// Files are the digests of its files by their names: "timestamp.json", "payload/<sha256>".
	Files map[string]string `json:"files"`
}

// Archive is a folder of generations. One process at a time may write to it.
type Archive struct{ dir string }

// At is the archive in a folder, which is made when something is first kept.
func At(dir string) Archive { return Archive{dir} }

func (a Archive) entry(version int64) string {
	return filepath.Join(a.dir, strconv.FormatInt(version, 10)+".json")
}

func (a Archive) file(sum string) string { return filepath.Join(a.dir, "files", sum) }

// Keep keeps a generation with its files by name, and fills in their digests. One that is kept
// already stays as it is.
func (a Archive) Keep(e Entry, files map[string][]byte) error {
	if _, err := os.Stat(a.entry(e.Version)); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(a.dir, "files"), 0o755); err != nil {
		return err
	}
	e.Schema, e.Files = Schema, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := Digest(files[name])
		e.Files[name] = sum
		if _, err := a.File(sum); err == nil {
			continue
		}
		if err := renameio.WriteFile(a.file(sum), files[name], 0o644); err != nil {
			return err
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return renameio.WriteFile(a.entry(e.Version), append(data, '\n'), 0o644)
}

// List returns every generation that is kept, the oldest version first. One whose entry cannot be
// read is left out, and named in the error, with which the others are returned all the same.
func (a Archive) List() ([]Entry, error) {
	found, err := os.ReadDir(a.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Entry
	var damage []error
	for _, f := range found {
		version, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), ".json"), 10, 64)
		if err != nil || filepath.Ext(f.Name()) != ".json" {
			continue
		}
		e, err := a.read(version)
		if err != nil {
			damage = append(damage, err)
			continue
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return int(min(1, max(-1, a.Version-b.Version))) })
	return list, errors.Join(append(damage, err)...)
}

func (a Archive) read(version int64) (Entry, error) {
	data, err := os.ReadFile(a.entry(version))
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil || e.Schema != Schema || e.Version != version {
		return Entry{}, fmt.Errorf("%s is damaged", a.entry(version))
	}
	return e, nil
}

// File returns a file by its digest, with which it was compared.
func (a Archive) File(sum string) ([]byte, error) {
	data, err := os.ReadFile(a.file(filepath.Base(sum)))
	if err != nil {
		return nil, err
	}
	if Digest(data) != sum {
		return nil, fmt.Errorf("%s is damaged", a.file(sum))
	}
	return data, nil
}

// Forget removes the generations that were replaced before a moment, and the files that no other has.
// The one that was in force at that moment stays.
func (a Archive) Forget(before time.Time) error {
	list, err := a.List()
	if err != nil {
		return err // what a damaged entry needs is not known
	}
	needed := map[string]bool{}
	for i, e := range list {
		if i+1 < len(list) && list[i+1].since().Before(before) {
			err = errors.Join(err, os.Remove(a.entry(e.Version)))
			continue
		}
		for _, sum := range e.Files {
			needed[sum] = true
		}
	}
	files, readErr := os.ReadDir(filepath.Join(a.dir, "files"))
	if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		return errors.Join(err, readErr)
	}
	for _, f := range files {
		if !needed[f.Name()] {
			err = errors.Join(err, os.Remove(a.file(f.Name())))
		}
	}
	return err
}

// since is when a generation came into force, as far as that is known.
func (e Entry) since() time.Time {
	if e.Accepted.IsZero() {
		return e.Issued
	}
	return e.Accepted
}

// Digest is the name of a file's content.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
