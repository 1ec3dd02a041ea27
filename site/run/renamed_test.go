package run_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// TestTimeOfARenaming: nobody judged the clock when a person renamed the store, so its time is not one to be trusted.
func TestTimeOfARenaming(t *testing.T) {
	at := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	s := run.Fold(run.State{}, run.Record{Seq: 1, Event: run.Event{Kind: run.StoreRenamed, At: at, Renamed: &run.Renaming{From: "acme/1", To: "acme/2"}}})
	if !s.TrustedAt.IsZero() || s.Seq != 1 {
		t.Errorf("after record %d the newest trusted time is %s", s.Seq, s.TrustedAt)
	}
}
