package static

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data at path so that after a crash the old file or the new one is there,
// whole: temporary file, fsync, rename, fsync of the directory.
func Write(path string, data []byte) error {
	return writeFrom(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func writeFrom(path string, fill func(io.Writer) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // gone already after the rename
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// WriteOnce writes a file that never changes: the same content again is fine, other content is refused.
func WriteOnce(path string, data []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Write(path, data)
	case err != nil:
		return err
	case !bytes.Equal(old, data):
		return fmt.Errorf("%s is there already with other content; a published file never changes: move the directory away and publish into a new one", path)
	}
	return nil
}

// Copy copies src to dst while hashing it, unless dst is there with the right size.
// A copy whose digest is not want is not kept.
func Copy(dst, src, want string, size int64) error {
	if st, err := os.Stat(dst); err == nil && st.Size() == size {
		return nil
	}
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	return writeFrom(dst, func(w io.Writer) error {
		h := sha256.New()
		if _, err := io.Copy(io.MultiWriter(w, h), in); err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			return fmt.Errorf("%s has sha256 %s, expected %s: it was changed after it was added; add the patch again under a new id", src, got, want)
		}
		return nil
	})
}
