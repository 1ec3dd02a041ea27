package sshhost_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nightfill/nightfill/devices/fakessh"
	"github.com/nightfill/nightfill/devices/sshhost"
	"github.com/nightfill/nightfill/site"
)

// midway reads data and calls hook once, when half of it was read.
type midway struct {
	data []byte
	hook func()
	once sync.Once
	read int64
}

func (m *midway) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(m.data).ReadAt(p, off)
	m.read += int64(n)
	if m.hook != nil && off+int64(n) >= int64(len(m.data))/2 {
		m.once.Do(m.hook)
	}
	return n, err
}

// senders are two boxes, or one that lost its line and came back, which send the same artifact to one device.
func senders(t *testing.T, boxes ...string) (*fakessh.Host, []*sshhost.Driver) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	host, err := fakessh.Start(fakessh.Options{Dir: t.TempDir(), ID: "srv-1", Authorized: signer.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	var drivers []*sshhost.Driver
	for _, box := range boxes {
		drivers = append(drivers, sshhost.New(sshhost.Options{Signer: signer, Box: box}))
	}
	t.Cleanup(func() {
		for _, driver := range drivers {
			if err := driver.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	return host, drivers
}

// TestOneArtifactFromTwoSenders has one sender send all of an artifact while another is half through with it. What is
// staged must be whole, whoever ends last.
func TestOneArtifactFromTwoSenders(t *testing.T) {
	for _, c := range []struct {
		name  string
		boxes []string
		first bool // the one that was half through still gets to its end
	}{
		{"two boxes", []string{"0011223344556677", "8899aabbccddeeff"}, true},
		{"one box that lost its line", []string{"0011223344556677", "0011223344556677"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host, drivers := senders(t, c.boxes...)
			data := make([]byte, 3<<20)
			_, _ = rand.Read(data) // it never fails
			sum := sha256.Sum256(data)
			a := site.Artifact{Name: "pos.bin", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			err := drivers[0].Stage(ctx, host.Device(), a, &midway{data: data, hook: func() {
				if _, err := host.Run(ctx, `until [ -s "$NIGHTFILL_ROOT/var/lib/nightfill/stage/`+a.SHA256+`/pos.bin.`+c.boxes[0]+`.part" ]; do sleep 0.02; done`); err != nil {
					t.Errorf("the first sender has sent nothing: %v", err)
				}
				if err := drivers[1].Stage(ctx, host.Device(), a, bytes.NewReader(data)); err != nil {
					t.Errorf("the second sender: %v", err)
				}
			}})
			if c.first != (err == nil) {
				t.Errorf("the first sender got the error %v", err)
			}
			staged, err := os.ReadFile(filepath.Join(host.Dir(), "var/lib/nightfill/stage", a.SHA256, a.Name))
			if err != nil || !bytes.Equal(staged, data) {
				t.Fatalf("%d bytes are staged, of %d, and they are not the artifact's: %v", len(staged), len(data), err)
			}
			for i, driver := range drivers {
				again := &midway{data: data}
				if err := driver.Stage(ctx, host.Device(), a, again); err != nil || again.read != 0 {
					t.Errorf("sender %d again: read %d bytes, %v; want none", i+1, again.read, err)
				}
			}
			left, err := filepath.Glob(filepath.Join(host.Dir(), "var/lib/nightfill/stage", a.SHA256, "*"))
			if err != nil || len(left) != 1 {
				t.Errorf("beside the artifact is left %v, %v", left, err)
			}
		})
	}
}

// TestStageLeavesAFileThatGrewMeanwhile has the file on the device become another one between the question how much is
// there and the transfer: nothing is added to it.
func TestStageLeavesAFileThatGrewMeanwhile(t *testing.T) {
	host, drivers := senders(t, "0011223344556677")
	data := []byte("the right bytes")
	sum := sha256.Sum256(data)
	a := site.Artifact{Name: "pos.bin", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	short := io.NewSectionReader(bytes.NewReader(data[:4]), 0, 4)
	if err := drivers[0].Stage(ctx, host.Device(), a, short); err == nil {
		t.Fatal("Stage of fewer bytes than the artifact has returned nil")
	}
	part := filepath.Join(host.Dir(), "var/lib/nightfill/stage", a.SHA256, "pos.bin.0011223344556677.part")
	if got, err := os.ReadFile(part); err != nil || string(got) != "the " {
		t.Fatalf("the part is %q, %v", got, err)
	}
	rest := &midway{data: data}
	if err := drivers[0].Stage(ctx, host.Device(), a, rest); err != nil || rest.read >= a.Size {
		t.Errorf("Stage of the rest: %v, after %d bytes were read", err, rest.read)
	}
	if out, err := host.Run(ctx, "ls \"$NIGHTFILL_ROOT/var/lib/nightfill/stage/"+a.SHA256+"\""); err != nil || strings.TrimSpace(out) != "pos.bin" {
		t.Errorf("left are %q, %v", out, err)
	}
}
