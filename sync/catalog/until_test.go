package catalog

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
)

// A catalog is good until it is too old, or until a signature in it ends, whichever is first.
func TestUntil(t *testing.T) {
	issued := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	c := &Catalog{o: Options{MaxOffline: 10 * 24 * time.Hour}}
	if until, role := c.Until(); !until.IsZero() || role != "" {
		t.Errorf("without one: %v %q", until, role)
	}
	for days, want := range map[int]string{30: "", 5: "targets"} {
		c.current = &generation{catalog: site.Catalog{Issued: issued}, expires: map[string]time.Time{"targets": issued.AddDate(0, 0, days), "pos": issued.AddDate(0, 0, 40)}}
		if until, role := c.Until(); role != want || !until.Equal(issued.AddDate(0, 0, min(days, 10))) {
			t.Errorf("%d days: %v %q", days, until, role)
		}
		if _, err := c.Current(issued.AddDate(0, 0, min(days, 10))); err != nil {
			t.Errorf("%d days: %v at the very end", days, err)
		}
		if _, err := c.Current(issued.AddDate(0, 0, min(days, 10)).Add(time.Second)); err == nil {
			t.Errorf("%d days: good after its end", days)
		}
	}
}
