package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The console is written to where there is one; one that nobody reads ends with an error, in time.
func TestScreen(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "console")
	if _, err := io.WriteString(screen(pipe), "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a console: %v", err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := io.WriteString(screen(pipe), "Claim code"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "Claim code" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := io.WriteString(screen(pipe), strings.Repeat("x", 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("nobody reads: %v", err)
	}
}
