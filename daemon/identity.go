package daemon

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/google/renameio/v2"
)

var identityForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// identity is what tells this box from any other of the same store, so that a device can keep
// them apart. It is made when the box first starts, and kept.
func identity(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil && identityForm.Match(data) {
		return string(data), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read who this box is: %w", err)
	}
	var fresh [8]byte
	_, _ = rand.Read(fresh[:]) // it never fails
	id := hex.EncodeToString(fresh[:])
	if err := renameio.WriteFile(path, []byte(id), 0o600); err != nil {
		return "", fmt.Errorf("cannot write down who this box is: %w", err)
	}
	return id, nil
}
