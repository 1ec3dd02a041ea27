package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
)

var identityForm = regexp.MustCompile(`^([0-9a-f]{16})( [0-9]{1,18})?$`)

// identity is what tells this box from any other of the same store, so that a device can keep
// them apart, and since when it is this box, to the second: a device works for the box that was set up last.
// Both are made when the box first starts, and kept. Of a box of an earlier version the file's own time tells since when.
func identity(path string, now time.Time) (box string, since time.Time, err error) {
	data, err := os.ReadFile(path)
	if m := identityForm.FindStringSubmatch(string(data)); err == nil && m != nil {
		if m[2] == "" {
			since, err = writtenAt(path)
			return m[1], since, err
		}
		seconds, _ := strconv.ParseInt(m[2][1:], 10, 64) // 18 digits fit
		return m[1], time.Unix(seconds, 0), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", time.Time{}, fmt.Errorf("cannot read who this box is: %w", err)
	}
	var fresh [8]byte
	_, _ = rand.Read(fresh[:]) // it never fails
	box = hex.EncodeToString(fresh[:])
	if err := renameio.WriteFile(path, fmt.Appendf(nil, "%s %d", box, now.Unix()), 0o600); err != nil {
		return "", time.Time{}, fmt.Errorf("cannot write down who this box is: %w", err)
	}
	return box, time.Unix(now.Unix(), 0), nil
}

func writtenAt(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot tell since when this box is in the store: %w", err)
	}
	return info.ModTime().Truncate(time.Second), nil
}
