package fleet

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/nightfill/nightfill/sync/fleet/wire"

	"github.com/nightfill/nightfill/sync/fleet/books"
)

// TestWhatIsTooLarge is counted, told of once for each topic, and never read.
func TestWhatIsTooLarge(t *testing.T) {
	var log strings.Builder
	f := &Fleet{root: root, roll: books.NewRoll(), odd: map[string]bool{"0142": true}, log: slog.New(slog.NewTextHandler(&log, nil))}
	fits := `{"stream":"A","seq":1,"pad":"` + strings.Repeat("x", wire.MaxPayload-31) + `"}`
	if got := f.read(said("0142", "evt", fits), nil); len(fits) != wire.MaxPayload || len(got) != 1 {
		t.Errorf("%d of one message of %d bytes were read", len(got), len(fits))
	}
	for _, leaf := range []string{"evt", "evt", "info", "evt", "state"} {
		if got := f.read(said("0142", leaf, fits+" "), nil); len(got) != 0 {
			t.Errorf("%s: %d messages were read", leaf, len(got))
		}
	}
	if n := strings.Count(log.String(), "more of this topic are only counted"); n != 3 || f.status.Unreadable != 5 || !strings.Contains(log.String(), `bytes=1048577 error="it is larger than 1048576 bytes"`) {
		t.Errorf("%d topics are told of, %d messages counted: %s", n, f.status.Unreadable, log.String())
	}
}
