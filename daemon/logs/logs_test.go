package logs

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"os"
	"testing"

	systemd "github.com/coreos/go-systemd/v22/journal"
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ format, level, want string }{
		{"xml", "info", `"xml" is no log format: write text or json`},
		{"text", "loud", `"loud" is no log level: write debug, info, warn or error`},
	} {
		if _, _, err := New(os.Stderr, c.format, c.level); err == nil || err.Error() != c.want {
			t.Errorf("New(%s, %s) says %v, want %s", c.format, c.level, err, c.want)
		}
	}
}

func TestTextKeepsLevel(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(textHandler(&out, slog.LevelWarn))
	log.Info("quiet")
	log.Warn("loud", "device", "srv-1")
	if got := out.String(); bytes.Contains(out.Bytes(), []byte("quiet")) || !bytes.Contains(out.Bytes(), []byte("device=srv-1")) {
		t.Errorf("got %q", got)
	}
}

func TestNativeFields(t *testing.T) {
	var message string
	var level systemd.Priority
	var fields map[string]string
	refuse := false
	h := &nativeHandler{from: slog.LevelInfo, send: func(m string, p systemd.Priority, f map[string]string) error {
		message, level, fields = m, p, f
		if refuse {
			return errors.New("full")
		}
		return nil
	}}
	slog.New(h).With("site", "0142").WithGroup("step").Warn("step ended", "device", "srv-1", "9lives", 3)
	want := map[string]string{"SYSLOG_IDENTIFIER": "nightfilld", "SITE": "0142", "STEP_DEVICE": "srv-1", "STEP_9LIVES": "3"}
	if message != "step ended site=0142 device=srv-1 9lives=3" || level != systemd.PriWarning || !maps.Equal(fields, want) {
		t.Errorf("got %q %v %v", message, level, fields)
	}
	if fieldName("_9a-b") != "A_B" {
		t.Errorf("got %s", fieldName("_9a-b"))
	}
}
