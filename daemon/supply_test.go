package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/depot"
)

// What rotted in the store since it was fetched never reaches a device: the bytes are hashed before each transfer.
func TestRottenArtifactIsNotHandedOut(t *testing.T) {
	bytes := strings.Repeat("pos-app 4.2.1 ", 1000)
	sum := sha256.Sum256([]byte(bytes))
	a := site.Artifact{Name: "pos.deb", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(bytes))}
	dir := t.TempDir()
	path := filepath.Join(dir, a.SHA256)
	if err := os.WriteFile(path, []byte(bytes), 0o600); err != nil {
		t.Fatal(err)
	}
	from := artifacts{depot.New(dir, "", nil)}
	whole, err := from.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(whole, 0, a.Size))
	if err != nil || string(got) != bytes {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	rotten := []byte(bytes)
	rotten[len(rotten)/2] ^= 1
	if err := os.WriteFile(path, rotten, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := from.Open(t.Context(), a); err == nil {
		f.Close()
		t.Error("bytes that are not those of the artifact were handed out")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the rotten file is kept, so nothing fetches it again: %v", err)
	}
}
