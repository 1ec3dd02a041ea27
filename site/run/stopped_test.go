package run

import (
	"testing"

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
}
