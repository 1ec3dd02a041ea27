package sshhost_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// Row 46 of the fault catalogue, small: new keys are made all the while bytes go over a connection, in both directions.
func TestTransferOverManyKeys(t *testing.T) {
	t.Parallel()
	signer := newSigner(t)
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey(), Rekey: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	driver := sshhost.New(sshhost.Options{Signer: signer, Box: "aaaaaaaaaaaaaaaa"})
	t.Cleanup(func() { _ = driver.Close() })
	data := make([]byte, 12<<20)
	_, _ = rand.NewChaCha8([32]byte{46}).Read(data)
	sum := sha256.Sum256(data)
	a := site.Artifact{Name: "pos.bin", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := driver.Stage(ctx, host.Device(), a, bytes.NewReader(data)); err != nil {
		t.Fatalf("Stage: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(host.Dir(), "var/lib/nightfill/stage", a.SHA256, a.Name)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came over, %v", len(got), err)
	}
	wantProbe(t, driver, host.Device())
}

// nothing is a file of zeros, which cuts the line once when so much of it was read.
type nothing struct {
	size, at int64
	cut      func()
	once     sync.Once
	mu       sync.Mutex
	read     int64
}

func (n *nothing) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	got := int(min(int64(len(p)), n.size-off))
	n.mu.Lock()
	n.read += int64(got)
	n.mu.Unlock()
	if off >= n.at {
		n.once.Do(n.cut)
	}
	if got < len(p) {
		return got, io.EOF
	}
	return got, nil
}

// TestLargeTransferOnOpenSSH is row 46 of the fault catalogue: more than a gibibyte goes to a device that wants new keys
// again and again, over a line that is cut once. It arrives, and no more than a part of it is sent twice.
func TestLargeTransferOnOpenSSH(t *testing.T) {
	s, signer, key := openSSHServer(t, "RekeyLimit 64M")
	h := s.host(t, signer, key, sshhost.Options{Box: "aaaaaaaaaaaaaaaa"})
	const size = 1<<30 + 100<<20
	sum := sha256.New()
	if _, err := io.CopyN(sum, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	a := site.Artifact{Name: "image.bin", SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size}
	source := &nothing{size: size, at: 600 << 20, cut: h.Cut}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	if err := h.Driver.Stage(ctx, h.Device, a, source); err == nil {
		t.Fatal("the line was cut, and nobody noticed")
	}
	h.Heal()
	if err := h.Driver.Stage(ctx, h.Device, a, source); err != nil {
		t.Fatalf("Stage: %v", err)
	}
	if most := int64(size + 128<<20 + 16<<20); source.read > most {
		t.Errorf("%d bytes were read, want %d at most", source.read, most)
	}
	staged := filepath.Join(s.Dir(), "var/lib/nightfill/stage", a.SHA256, a.Name)
	if info, err := os.Stat(staged); err != nil || info.Size() != size {
		t.Errorf("staged is %v, %v", info, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
