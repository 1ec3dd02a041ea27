package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// What is said is remembered, also what the log itself leaves out, and only the newest of it.
func TestRemember(t *testing.T) {
	var out, kept bytes.Buffer
	log, recent := Remember(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	log.With("device", "till-1").WithGroup("g").Info("looked", "n", 1)
	log.Debug("too small")
	log.Warn("look")
	if _, err := recent.WriteTo(&kept); err != nil {
		t.Fatal(err)
	}
	if text := kept.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, `"msg":"looked","device":"till-1","g":{"n":1}`) {
		t.Errorf("remembered\n%s", text)
	}
	if text := out.String(); strings.Contains(text, "looked") || !strings.Contains(text, "look") {
		t.Errorf("said\n%s", text)
	}
	for n := range 3 * recentBytes / 1000 {
		log.Info(strings.Repeat("x", 1000), "n", n)
	}
	kept.Reset()
	if _, err := recent.WriteTo(&kept); err != nil {
		t.Fatal(err)
	}
	if text := kept.String(); kept.Len() > 2*recentBytes || kept.Len() < recentBytes || !strings.HasPrefix(text, `{"time":`) || !strings.Contains(text[kept.Len()-20:], `"n":3144}`) {
		t.Errorf("%d bytes, from %.40s to %s", kept.Len(), text, text[kept.Len()-20:])
	}
}
