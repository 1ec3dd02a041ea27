package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nightfill/nightfill/daemon/hands"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// A device works for a box that was set up by a clock many years ahead. A person says that the box which replaced it is
// to work there; the journal has that, and the device goes by it.
func TestTakeOver(t *testing.T) {
	l := newLab(t, 1)
	l.script("first", "true")
	folder := filepath.Join(l.hosts[0].Dir(), "var/lib/nightfill")
	l.must(os.MkdirAll(folder, 0o755))
	l.must(os.WriteFile(filepath.Join(folder, "box"), []byte("4000000000 bbbbbbbbbbbbbbbb\n"), 0o600))
	l.publish()
	cfg := l.storeFile()
	d, _ := l.start(cfg)
	ask := hands.Ask{Device: "till-1", Reason: "the old box is gone", Actor: "ann"}
	l.must(d.TakeOver(t.Context(), ask))
	kept, err := os.ReadFile(filepath.Join(folder, "box"))
	l.must(err)
	if !regexp.MustCompile(`^4000000001 [0-9a-f]{16}\n$`).Match(kept) {
		t.Errorf("the device keeps %q", kept)
	}
	told := 0
	l.must(d.journal.Each(0, func(r run.Record) error {
		if e := r.Event; e.Kind == run.DeviceTaken && e.Device == "till-1" && e.Actor == "ann" && e.Text == "the old box is gone" {
			told++
		}
		return nil
	}))
	if told != 1 {
		t.Errorf("the journal tells of it %d times", told)
	}
	ask.Device = "till-9"
	var reason *site.Reason
	if err := d.TakeOver(t.Context(), ask); !errors.As(err, &reason) || reason.Code != site.CodeOtherDevice {
		t.Errorf("an unknown device: %v", err)
	}
}
