package run

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// TestStopped: for good comes before for now.
func TestStopped(t *testing.T) {
	note := CatalogNote{Withdrawn: map[string]string{"a": "bad"}, Held: map[string]string{"a": "look", "b": "tills do not come back"}}
	for _, c := range []struct {
		patch string
		state site.State
		want  string
	}{
		{"a", site.Skipped, "withdrawn by headquarters: bad [withdrawn]"},
		{"b", site.Held, "held by headquarters: tills do not come back [held]"},
		{"c", "", ""},
	} {
		if state, reason := note.stopped(c.patch); state != c.state || reason.String() != c.want {
			t.Errorf("%s: %s %q", c.patch, state, reason)
		}
	}
	note.StoreHeld = &site.StoreHold{Reason: "the power is cut", At: time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC), By: "kim"}
	want := "the store is held by headquarters: the power is cut [held by=kim since=2026-11-21T22:00:00Z]"
	for _, patch := range []string{"b", "c"} {
		if state, reason := note.stopped(patch); state != site.Held || reason.String() != want {
			t.Errorf("%s in a held store: %s %q", patch, state, reason)
		}
	}
	if state, _ := note.stopped("a"); state != site.Skipped {
		t.Errorf("a withdrawn patch in a held store is %s", state)
	}
}
