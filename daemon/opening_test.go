package daemon

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// TestOpenings: each opening is written down once, with the word of the moment, and without one where the
// box did not run.
func TestOpenings(t *testing.T) {
	zone := time.FixedZone("CST", -6*3600)
	calendar := window.Calendar{Zone: zone, Start: 23 * 60, End: 5 * 60, Opening: map[time.Weekday]window.Clock{}}
	for day := time.Monday; day <= time.Saturday; day++ {
		calendar.Opening[day] = 6*60 + 30
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, zone) } // the 22nd is a Sunday
	word := run.Event{Verdict: site.Ready, Text: "READY"}
	for _, c := range []struct {
		name               string
		last, started, now time.Time
		want               []string
	}{
		{"before it", at(19, 6, 30), at(1, 0, 0), at(20, 6, 29), nil},
		{"just then", at(19, 6, 30), at(1, 0, 0), at(20, 6, 30), []string{"20 ready 21"}},
		{"told already", at(20, 6, 30), at(1, 0, 0), at(20, 6, 31), nil},
		{"before a Sunday", at(20, 6, 30), at(1, 0, 0), at(21, 6, 30), []string{"21 ready 23"}},
		{"started after it", at(19, 6, 30), at(20, 7, 0), at(20, 7, 0), []string{"20 unknown 21"}},
		{"away for days", at(18, 6, 30), at(21, 6, 0), at(21, 6, 30), []string{"19 unknown 20", "20 unknown 21", "21 ready 23"}},
		{"its clock was not sure", at(19, 6, 30), at(1, 0, 0), at(20, 6, 40), []string{"20 unknown 21"}},
		{"a new box", time.Time{}, at(20, 6, 0), at(20, 6, 30), []string{"20 ready 21"}},
		{"a new box, after it", time.Time{}, at(20, 7, 0), at(20, 7, 30), nil},
	} {
		var got []string
		for _, e := range openings(calendar, c.last, c.started, c.now, word) {
			if e.Kind != run.StoreOpened || !e.At.Equal(c.now) {
				t.Errorf("%s: %+v", c.name, e)
			}
			got = append(got, e.Opens.Format("2 ")+string(e.Verdict)+e.Next.Format(" 2"))
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
	}
}
