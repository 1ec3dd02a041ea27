package compliance

import (
	"strconv"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board/comply"
)

// Reports that are too old are not held in memory.
func TestReportsAreForgotten(t *testing.T) {
	c := newReportCache()
	for n := range 50 {
		at := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC).Add(time.Duration(n) * reportLimit / 5)
		c.put(comply.Filter{Store: strconv.Itoa(n)}, comply.Report{At: at})
		if len(c.newest) > 5 {
			t.Fatalf("%d reports are kept", len(c.newest))
		}
		if _, ok := c.find(comply.Filter{Store: strconv.Itoa(n)}, at); !ok {
			t.Fatal("the newest is not kept")
		}
	}
}
