package run_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/run"
)

// TestLeft: what hangs under an earlier id is remembered until it is cleared, or until the store has that id again; and
// a moment that nobody judged the clock for is not trusted.
func TestLeft(t *testing.T) {
	renamed := func(from, to string) run.Event {
		return run.Event{Kind: run.StoreRenamed, At: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), Renamed: &run.Renaming{From: from, To: to}, Actor: "ann", Text: "moved"}
	}
	cleared := func(id string) run.Event { return run.Event{Kind: run.OldTopicsCleared, Text: id} }
	for _, c := range []struct {
		name   string
		events []run.Event
		want   []string
	}{
		{"renamed", []run.Event{renamed("acme/1", "acme/2")}, []string{"acme/1"}},
		{"twice", []run.Event{renamed("acme/1", "acme/2"), renamed("acme/2", "acme/3")}, []string{"acme/1", "acme/2"}},
		{"and back", []run.Event{renamed("acme/1", "acme/2"), renamed("acme/2", "acme/1")}, []string{"acme/2"}},
		{"cleared", []run.Event{renamed("acme/1", "acme/2"), renamed("acme/2", "acme/3"), cleared("acme/1")}, []string{"acme/2"}},
		{"all cleared", []run.Event{renamed("acme/1", "acme/2"), cleared("acme/1")}, nil},
		{"an id that was none", []run.Event{renamed("acme/1", "acme/2"), cleared("acme/7")}, []string{"acme/1"}},
	} {
		var s run.State
		for i, e := range c.events {
			before := slices.Clone(s.Left)
			next := run.Fold(s, run.Record{Seq: uint64(i + 1), Event: e})
			if !slices.Equal(s.Left, before) {
				t.Errorf("%s: record %d changed the state before it", c.name, i+1)
			}
			s = next
		}
		if !slices.Equal(s.Left, c.want) {
			t.Errorf("%s: left is %q, want %q", c.name, s.Left, c.want)
		}
		if !s.TrustedAt.IsZero() {
			t.Errorf("%s: the time of a renaming is trusted", c.name)
		}
	}
}
