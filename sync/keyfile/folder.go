package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Folder is the keys at hand: those of one directory, and single files from elsewhere.
// It is for one command and not safe for concurrent use.
type Folder struct {
	dir      string
	password Password
	keys     map[string]*Key // by id
}

// Open reads the public halves of all keys in dir and of the key files named in more.
// A directory that does not exist holds no keys; files in it that are no keys are passed over.
func Open(dir string, password Password, more ...string) (*Folder, error) {
	f := &Folder{dir: dir, password: password, keys: map[string]*Key{}}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot look for keys: %w", err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if k, err := Read(filepath.Join(dir, e.Name()), password); err == nil {
			f.keys[k.id] = k
		}
	}
	for _, path := range more {
		k, err := Read(path, password)
		if err != nil {
			return nil, err
		}
		f.keys[k.id] = k
	}
	return f, nil
}

// Make makes a key and writes it to the file with its name in the directory. The file is
// there, whole, once Make returns; one that was there before is never overwritten.
func (f *Folder) Make(name string) (*metadata.Key, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the key directory: %w", err)
	}
	k, err := create(f.dir, name, f.password)
	if err != nil {
		return nil, err
	}
	f.keys[k.id] = k
	return k.tuf()
}

// Signer opens the key with this id. It is nil, without an error, when the key is not at hand.
func (f *Folder) Signer(id string) (signature.Signer, error) {
	k := f.keys[id]
	if k == nil {
		return nil, nil
	}
	return k.Signer()
}

// writeFile puts data at path, readable by its owner only, so that after a crash the whole
// file is there or none: temporary file, fsync, rename, fsync of the directory.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already after the rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
