package database_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

// opened is an event that tells how a store opened on a day of November.
func opened(store, stream string, seq uint64, day int, v site.Verdict) feed.Message {
	zone := time.FixedZone("", -6*3600)
	return event(store, stream, seq, run.Event{Kind: run.StoreOpened, Verdict: v, Opens: time.Date(2026, 11, day, 6, 30, 0, 0, zone), Next: time.Date(2026, 11, day+1, 6, 30, 0, 0, zone)})
}

// told writes down the days of stores.
func told(t *testing.T, db *database.DB, kind board.Kind, stores ...string) string {
	t.Helper()
	var b strings.Builder
	err := db.EachDays(context.Background(), board.DayQuery{Kind: kind, From: "2026-11-01", To: "2026-11-30", Stores: stores}, func(store string, days []board.Day) error {
		fmt.Fprintf(&b, "%s:", store)
		for _, d := range days {
			var m board.Morning
			if err := json.Unmarshal(d.Body, &m); err != nil {
				return err
			}
			fmt.Fprintf(&b, " %s=%s", d.Date[8:], m.Verdict)
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDays: the mornings of a store are the same whatever order they come in, and however often; they
// outlive the events and not their months.
func TestDays(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		var all []feed.Message
		for day := 1; day <= 9; day++ {
			all = append(all, opened("0142", "a", uint64(day), day, site.Ready))
		}
		all = append(all, opened("0142", "b", 1, 9, site.NotReady), opened("0150", "a", 1, 3, site.CannotTell)) // the store was restored
		want := "0150: 03=unknown\n0142: 01=ready 02=ready 03=ready 04=ready 05=ready 06=ready 07=ready 08=ready 09=not_ready\n0199:\n"
		for seed := range uint64(5) {
			db := databasetest.Open(t, fresh())
			take(t, db, all[0], all[9]) // which stream is the older one is what headquarters met first
			dice := rand.New(rand.NewPCG(seed, 1))
			mixed := append(append([]feed.Message{}, all...), all...)
			dice.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
			for len(mixed) > 0 {
				n := min(1+dice.IntN(6), len(mixed))
				take(t, db, mixed[:n]...)
				mixed = mixed[n:]
			}
			if got := told(t, db, board.KindMorning, "0150", "0142", "0199"); got != want {
				t.Errorf("seed %d: %swant %s", seed, got, want)
			}
			facts, err := db.Facts(context.Background(), "0142", board.KindMorning)
			if err != nil || len(facts) != 0 {
				t.Errorf("mornings are in the registers too: %v, %v", facts, err)
			}
			if err := db.Compact(context.Background(), evening().AddDate(0, 12, 0)); err != nil {
				t.Fatal(err)
			}
			if got := told(t, db, board.KindMorning, "0150", "0142", "0199"); got != want {
				t.Errorf("after a year: %swant %s", got, want)
			}
			if err := db.Compact(context.Background(), time.Date(2027, 12, 9, 12, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			if got := told(t, db, board.KindMorning, "0142"); got != "0142: 09=not_ready\n" {
				t.Errorf("after 13 months: %s", got)
			}
		}
	})
}

// TestNightDays: nights are kept by their date, whatever becomes of their registers.
func TestNightDays(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		night := func(rev uint64, date, verdict string) feed.Message {
			return snapshot("0142", board.Fact{Kind: board.KindNight, Name: date, Mark: board.Mark{Seq: rev}, Body: json.RawMessage(`{"verdict":"` + verdict + `"}`)}, false)
		}
		take(t, db, opened("0142", "a", 1, 1, site.Ready), night(7, "2026-11-20", "late"))
		take(t, db, night(5, "2026-11-20", "early"), night(8, "2026-11-21", "next"), night(9, "no date", "none"))
		if got := told(t, db, board.KindNight, "0142"); got != "0142: 20=late 21=next\n" {
			t.Error(got)
		}
	})
}

// TestFirsts: the earliest word of a device counts, and one that was only taken away was never there.
func TestFirsts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		device := func(rev uint64, name string, at time.Time, body string) feed.Message {
			m := snapshot("0142", board.Fact{Kind: board.KindDevice, Name: name, Mark: board.Mark{Seq: rev}, Body: json.RawMessage(body)}, false)
			m.Received = at
			if body == "" {
				m.Facts[0].Body = nil
			}
			return m
		}
		take(t, db, device(7, "till-1", evening(), `{}`), device(8, "till-2", evening(), ""))
		take(t, db, device(8, "till-1", evening().Add(time.Hour), `{}`))
		take(t, db, device(9, "till-1", evening().Add(-time.Hour), `{}`)) // its clock went back, or another program heard it
		got, err := db.Firsts(context.Background(), []string{"0142", "0199"})
		if err != nil || len(got) != 1 || len(got["0142"]) != 1 || !got["0142"]["till-1"].Equal(evening().Add(-time.Hour)) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
