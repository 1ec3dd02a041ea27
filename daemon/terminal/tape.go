package terminal

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nightfill/nightfill/daemon/terminal/cast"
)

// suffix of the files of recordings.
const suffix = ".cast"

// errFull says that a recording has as many bytes as it may have.
type errFull int64

func (e errFull) Error() string { return fmt.Sprintf("the recording has %d bytes", int64(e)) }

// tape is the recording of a session while it is made.
type tape struct {
	file  *os.File
	buf   *bufio.Writer
	cast  *cast.Writer
	limit int64
}

// newTape makes the file, for the box's own user alone.
func newTape(dir, id string, begun time.Time, size Size, title string, limit int64) (*tape, error) {
	file, err := os.OpenFile(filepath.Join(dir, id+suffix), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	t := &tape{file: file, buf: bufio.NewWriterSize(file, 64<<10), limit: limit}
	if t.cast, err = cast.NewWriter(t.buf, begun, size.Cols, size.Rows, title); err == nil {
		err = errors.Join(t.flush(), file.Sync(), syncDir(dir))
	}
	if err != nil {
		return nil, errors.Join(err, t.discard())
	}
	return t, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// discard removes a recording of nothing.
func (t *tape) discard() error {
	return errors.Join(t.file.Close(), os.Remove(t.file.Name()))
}

func (t *tape) show(p []byte) error {
	if err := t.cast.Output(p); err != nil {
		return err
	}
	if t.cast.Size() >= t.limit {
		return errFull(t.limit)
	}
	return nil
}

func (t *tape) note(n note) error {
	if n.text != "" {
		return t.cast.Marker(n.text)
	}
	return t.cast.Resize(n.size.Cols, n.size.Rows)
}

func (t *tape) flush() error { return t.buf.Flush() }

// seal ends the recording and returns the digest of what is in the file, whatever the error.
func (t *tape) seal(said string) (string, error) {
	err := errors.Join(t.cast.Finish(), t.cast.Marker(said), t.flush(), t.file.Sync(), t.file.Close())
	digest, _, salvageErr := Salvage(filepath.Dir(t.file.Name()), idOf(t.file.Name()))
	return digest, errors.Join(err, salvageErr)
}

func idOf(path string) string {
	name := filepath.Base(path)
	return name[:len(name)-len(suffix)]
}

// Salvage closes a recording with what is there: a line that was not written whole is cut off. It
// returns the digest of the file and how long the recording is. The digest of no file is "".
func Salvage(dir, id string) (digest string, lasted time.Duration, err error) {
	file, err := os.OpenFile(filepath.Join(dir, id+suffix), os.O_RDWR, 0)
	if err != nil {
		return "", 0, fmt.Errorf("cannot close the recording %s: %w", id, err)
	}
	defer file.Close()
	size, lasted, err := wholeLines(file)
	if err == nil {
		err = errors.Join(file.Truncate(size), file.Sync())
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		digest, err = digestOf(file)
	}
	if err != nil {
		err = fmt.Errorf("cannot close the recording %s: %w", id, err)
	}
	return digest, lasted, err
}

// wholeLines is how many bytes whole lines have, and the time of the last of them.
func wholeLines(file io.Reader) (size int64, lasted time.Duration, err error) {
	lines := bufio.NewReaderSize(file, 256<<10)
	var last []byte
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		size, last = size+int64(len(line)), line
	}
	if e, ok := cast.ParseLine(last); ok {
		lasted = e.At
	}
	return size, lasted, nil
}

func digestOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
