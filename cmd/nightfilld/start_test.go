package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestToldToEndWhileItStarts asks for the end before a journal that is there already was opened.
func TestToldToEndWhileItStarts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "store.yaml")
	const text = "version: 1\nstore: {id: \"7\", org: acme, timezone: UTC}\nwindow: {start: \"23:00\", end: \"05:00\"}\n" +
		"listen: {ready: off, console: off, agents: off, gossip: off, metrics: off}\nstate: state\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, state := range []string{"new", "kept"} {
		c := command()
		c.SetArgs([]string{"--config", file, "--log-level", "error"})
		if err := c.ExecuteContext(ctx); err != nil {
			t.Errorf("%s journal: %v", state, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "state", "journal.db")); err != nil {
			t.Fatal(err)
		}
	}
}
