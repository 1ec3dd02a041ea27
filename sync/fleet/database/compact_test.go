package database_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

// TestCompact packs the events of several days, with one that came late, and compares what queries
// give before and after.
func TestCompact(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
		seq := uint64(0)
		for day := 60; day > 0; day -= 5 {
			for range 20 {
				if seq++; seq == 7 {
					continue
				}
				m := event("1", "A", seq, run.Event{Kind: run.StepEnded, Device: []string{"d1", "d2"}[seq%2], Patch: "p", Output: "<&> ok"})
				m.Received = now.AddDate(0, 0, -day)
				m.Event.At = m.Received.Add(-time.Minute)
				take(t, db, m)
			}
		}
		queries := []board.Query{
			{}, {Newest: true}, {Device: "d1"}, {Device: "d2", Newest: true, Limit: 30}, {From: now.AddDate(0, 0, -42), To: now.AddDate(0, 0, -12)},
			{Store: "1", After: board.Mark{Stream: 1, Seq: 33}}, {Kinds: []run.Kind{run.NightOpened}}, {Limit: 5},
		}
		answers := func() [][]board.Event {
			var all [][]board.Event
			for _, q := range queries {
				events, err := db.Events(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, events)
			}
			return all
		}
		before := answers()
		for range 2 {
			if err := db.Compact(ctx, now); err != nil {
				t.Fatal(err)
			}
			if after := answers(); !reflect.DeepEqual(before, after) {
				t.Fatalf("after packing queries differ:\n%v\nwant\n%v", after, before)
			}
		}
		late := event("1", "A", 7, run.Event{Kind: run.StepEnded, Device: "d2"})
		late.Received = now
		take(t, db, late)
		if err := db.Compact(ctx, now.AddDate(0, 0, 1)); err != nil {
			t.Fatal(err)
		}
		for _, newest := range []bool{false, true} {
			all, err := db.Events(ctx, board.Query{Newest: newest})
			if err != nil || len(all) != 240 {
				t.Fatalf("%d events, %v", len(all), err)
			}
			for i, e := range all {
				want := uint64(i + 1)
				if newest {
					want = uint64(240 - i)
				}
				if e.Seq != want {
					t.Fatalf("newest first %t: event %d stands at %d", newest, e.Seq, want)
				}
			}
		}
		if err := db.Compact(ctx, now.AddDate(0, 12, 0)); err != nil {
			t.Fatal(err)
		}
		kept, err := db.Events(ctx, board.Query{})
		if err != nil || len(kept) == 0 || kept[0].Received.Before(now.AddDate(0, -1, -1)) {
			t.Errorf("after 13 months there are %d events, %v", len(kept), err)
		}
		if got := take(t, db, verdict("1", "A", 1)); got.Repeats != 1 {
			t.Errorf("an event that was removed came again: %+v", got)
		}
	})
}

// TestCompactWhileEventsAreRead packs events while somebody reads them: each comes once all the same, and in order.
func TestCompactWhileEventsAreRead(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
		for _, newest := range []bool{false, true} {
			for _, at := range []int{1, 590, 900} {
				db := databasetest.Open(t, fresh())
				for day := range 12 {
					var batch []feed.Message
					for n := range 100 {
						m := event("1", "A", uint64(day*100+n+1), run.Event{Kind: run.StepEnded, Device: "d1"})
						m.Received = now.AddDate(0, 0, 5*day-60)
						batch = append(batch, m)
					}
					take(t, db, batch...)
				}
				if err := db.Compact(ctx, now); err != nil {
					t.Fatal(err)
				}
				count := 0
				err := db.EachEvent(ctx, board.Query{Newest: newest}, func(e board.Event) error {
					count++
					want := uint64(count)
					if newest {
						want = uint64(1201 - count)
					}
					if e.Seq != want {
						t.Fatalf("newest first %t, packed at %d: event %d stands at %d", newest, at, e.Seq, want)
					}
					if count == at {
						return db.Compact(ctx, now.AddDate(0, 0, 15))
					}
					return nil
				})
				if err != nil || count != 1200 {
					t.Fatalf("newest first %t, packed at %d: %d events, %v", newest, at, count, err)
				}
			}
		}
	})
}
