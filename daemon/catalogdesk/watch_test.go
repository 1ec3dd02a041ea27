package catalogdesk_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/catalogdesk"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
)

// TestWatchTellsLater: a hold that is given out while there is no broker is told to the stores when there
// is one, also by another process, and only once.
func TestWatchTellsLater(t *testing.T) {
	_, _, desk := folder(t, true)
	h := broken()
	h.board.Patches["p-1"] = site.Patch{ID: "p-1"}
	h.deaf = true
	check := func(now time.Time) string {
		w := catalogdesk.Watch{Source: h, Register: h, Hinter: h, Desk: desk, Policy: breaker.DefaultPolicy()}
		done, err := w.Check(t.Context(), now)
		return fmt.Sprintf("%d made, %d told, %v", len(done), len(h.hints), err)
	}
	const later = "p-1 is held, but only 0 of 4 stores could be told to look: no broker"
	now := noon().Add(time.Minute)
	for _, want := range []string{"1 made, 0 told, " + later, "0 made, 0 told, " + later} {
		if got := check(now); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		now = now.Add(time.Minute)
	}
	h.deaf = false
	for range 2 {
		if got, want := check(now), "0 made, 4 told, <nil>"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		now = now.Add(time.Minute)
	}
	if want := []string{"breaker patch.stop p-1 ok: held at once: " + why}; !slices.Equal(h.deeds, want) {
		t.Errorf("deeds are %q", h.deeds)
	}
}
