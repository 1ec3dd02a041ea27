package suggest

import "testing"

func TestKnown(t *testing.T) {
	known := []string{"lab", "pilot", "fleet"}
	for got, want := range map[string]string{
		"fleat": `did you mean "fleet"?`,
		"PILOT": `did you mean "pilot"?`,
		"moon":  "known are lab, pilot, fleet",
		"":      "known are lab, pilot, fleet",
	} {
		if said := Known(got, known); said != want {
			t.Errorf("for %q it says %s, want %s", got, said, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"lab", "lab", 0}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%s to %s takes %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
