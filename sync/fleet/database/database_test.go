package database_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
)

func evening() time.Time { return time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC) }

// event is a message with an event.
func event(store, stream string, seq uint64, e run.Event) feed.Message {
	e.At = evening().Add(time.Duration(seq) * time.Second)
	data, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	m := feed.Message{
		Store: store, Received: evening().Add(time.Hour), Live: true,
		Event: &feed.Event{Stream: stream, Seq: seq, Hash: fmt.Sprintf("%064x", seq), Prev: fmt.Sprintf("%064x", seq-1), Data: data, At: e.At, Kind: string(e.Kind), Device: e.Device, Patch: e.Patch},
		Facts: board.Project(e, board.Mark{Seq: seq}, evening().Add(time.Hour)),
	}
	if !e.Night.IsZero() {
		m.Event.Night = e.Night.String()
	}
	return m
}

// verdict is an event that tells the verdict in words of its own.
func verdict(store, stream string, seq uint64) feed.Message {
	return event(store, stream, seq, run.Event{Kind: run.VerdictChanged, Text: fmt.Sprintf("%s %d", stream, seq)})
}

func snapshot(store string, f board.Fact, latest bool) feed.Message {
	return feed.Message{Store: store, Received: evening(), Live: true, Facts: []board.Fact{f}, Latest: latest}
}

// later is a snapshot that came a minute after the others.
func later(m feed.Message) feed.Message {
	m.Received = m.Received.Add(time.Minute)
	m.Facts[0].At = m.Received
	return m
}

func take(t *testing.T, db *database.DB, batch ...feed.Message) feed.Taken {
	t.Helper()
	taken, err := db.Take(context.Background(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// held returns the body of one register; "none" where there is none, "clear" where it is empty.
func held(t *testing.T, db *database.DB, store string, k board.Key) string {
	t.Helper()
	facts, err := db.Facts(context.Background(), store, k.Kind)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Key() == k {
			if f.Body == nil {
				return "clear"
			}
			return string(f.Body)
		}
	}
	return "none"
}

func TestEventsAreStoredOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		got := take(t, db, verdict("1", "A", 3), verdict("1", "A", 1), verdict("2", "B", 1), verdict("1", "A", 3))
		if got.Events != 3 || got.Repeats != 1 || len(got.Stores) != 2 {
			t.Errorf("taken: %+v", got)
		}
		s := got.Stores[0].Streams[0]
		if s.Stored != 1 || s.Highest != 3 || !slices.Equal(s.Gaps, []board.Span{{From: 2, To: 2}}) || s.No != 1 {
			t.Errorf("stream: %+v", s)
		}
		got = take(t, db, verdict("1", "A", 2), verdict("1", "A", 1))
		if got.Events != 1 || got.Repeats != 1 || got.Stores[0].Streams[0].Stored != 3 || got.Stores[0].Streams[0].Gaps != nil || len(got.Stores[0].Facts) != 0 {
			t.Errorf("taken: %+v", got)
		}
		events, err := db.Events(context.Background(), board.Query{Store: "1"})
		if err != nil || len(events) != 3 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for i, e := range events {
			if e.Seq != uint64(i+1) || e.Stream != "A" || e.No != 1 || e.Hash != fmt.Sprintf("%064x", i+1) || e.Prev != fmt.Sprintf("%064x", i) ||
				e.Event().Text != fmt.Sprintf("A %d", i+1) || !e.Received.Equal(evening().Add(time.Hour)) {
				t.Errorf("event %d: %+v", i, e)
			}
		}
		if got := held(t, db, "1", board.Key{Kind: board.KindVerdict}); !strings.Contains(got, `"A 3"`) {
			t.Errorf("the verdict is %s", got)
		}
	})
}

func TestANewStreamWinsAndTheOldOneStays(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		take(t, db, verdict("1", "A", 900))
		info := snapshot("1", board.Fact{Kind: board.KindInfo, Mark: board.Mark{Seq: 2}, Body: json.RawMessage(`{"stream":"B"}`)}, false)
		info.Stream = "B"
		take(t, db, info, snapshot("1", board.Fact{Kind: board.KindDevice, Name: "d", Mark: board.Mark{Seq: 2}, Body: json.RawMessage(`{}`)}, false))
		take(t, db, verdict("1", "B", 1))
		take(t, db, verdict("1", "A", 901))
		if got := held(t, db, "1", board.Key{Kind: board.KindVerdict}); !strings.Contains(got, `"B 1"`) {
			t.Errorf("the verdict is %s", got)
		}
		known, err := db.Stores(context.Background(), "1")
		if err != nil || len(known) != 1 || len(known[0].Streams) != 2 {
			t.Fatalf("%+v %v", known, err)
		}
		if a, b := known[0].Streams[0], known[0].Streams[1]; a.ID != "A" || a.Highest != 901 || b.ID != "B" || b.No != 2 || b.Stored != 1 {
			t.Errorf("streams: %+v", known[0].Streams)
		}
		facts, err := db.Facts(context.Background(), "1", board.KindDevice)
		if err != nil || len(facts) != 1 || facts[0].Mark != (board.Mark{Stream: 2, Seq: 2}) {
			t.Errorf("a snapshot of the new stream: %+v %v", facts, err)
		}
	})
}

func TestSnapshots(t *testing.T) {
	alert := func(rev uint64, body string) feed.Message {
		f := board.Fact{Kind: board.KindAlert, Name: "POS-1", Mark: board.Mark{Seq: rev}}
		if body != "" {
			f.Body = json.RawMessage(body)
		}
		return snapshot("1", f, body == "" || rev == 0)
	}
	for _, c := range []struct {
		name string
		told []feed.Message
		want string
	}{
		{"newest rev", []feed.Message{alert(5, `{"n":5}`), alert(4, `{"n":4}`)}, `{"n":5}`},
		{"cleared", []feed.Message{alert(5, `{"n":5}`), alert(0, "")}, "clear"},
		{"a repeat after it was cleared", []feed.Message{alert(5, `{"n":5}`), alert(0, ""), alert(5, `{"n":5}`)}, "clear"},
		{"raised again", []feed.Message{alert(5, `{"n":5}`), alert(0, ""), alert(6, `{"n":6}`)}, `{"n":6}`},
		{"cleared though nothing hung", []feed.Message{alert(0, "")}, "none"},
		{"without rev", []feed.Message{alert(5, `{"n":5}`), alert(0, `{"n":0}`), alert(0, `{"n":1}`)}, `{"n":1}`},
		{"more within a rev", []feed.Message{alert(5, `{"n":5}`), later(alert(5, `{"n":"5 still"}`)), alert(5, `{"n":5}`)}, `{"n":"5 still"}`},
		{"no more after it was cleared", []feed.Message{alert(5, `{"n":5}`), alert(0, ""), later(alert(5, `{"n":"5 still"}`))}, "clear"},
		{"rev after one without", []feed.Message{alert(0, `{"n":0}`), alert(5, `{"n":5}`)}, `{"n":5}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, fresh func() string) {
				for _, together := range []bool{true, false} {
					db := databasetest.Open(t, fresh())
					take(t, db, verdict("1", "A", 1))
					if together {
						take(t, db, c.told...)
					} else {
						for _, m := range c.told {
							take(t, db, m)
						}
					}
					if got := held(t, db, "1", board.Key{Kind: board.KindAlert, Name: "POS-1"}); got != c.want {
						t.Errorf("in one batch %t: %s, want %s", together, got, c.want)
					}
				}
			})
		})
	}
}

// A store of which first only something cleared was kept at the broker, and then more, is known.
func TestAStoreIsKnownByWhatTheBrokerKept(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		kept := func(body json.RawMessage) feed.Message {
			m := snapshot("1", board.Fact{Kind: board.KindDevice, Name: "d", Mark: board.Mark{Seq: 2}, Body: body}, body == nil)
			m.Live = false
			return m
		}
		take(t, db, kept(nil))
		if known, err := db.Stores(context.Background()); err != nil || len(known) != 0 {
			t.Errorf("of what was cleared comes %+v %v", known, err)
		}
		take(t, db, kept(json.RawMessage(`{}`)))
		if known, err := db.Stores(context.Background()); err != nil || len(known) != 1 {
			t.Errorf("%+v %v, want the store", known, err)
		}
	})
}

func TestContact(t *testing.T) {
	state := func(state string, bd uint64, live bool) feed.Message {
		return feed.Message{Store: "1", Received: evening(), Live: live, Contact: &board.Contact{State: state, Birth: bd}}
	}
	for _, c := range []struct {
		name  string
		told  []feed.Message
		state string
		birth uint64
	}{
		{"the will of this connection", []feed.Message{state("online", 7, true), state("lost", 7, true)}, "lost", 7},
		{"the will of an older connection", []feed.Message{state("online", 7, true), state("lost", 6, true)}, "online", 7},
		{"a birth that was not heard", []feed.Message{state("online", 7, true), state("lost", 8, false)}, "lost", 8},
		{"a new box counts anew", []feed.Message{state("online", 7, true), state("init", 1, true)}, "init", 1},
		{"a will alone", []feed.Message{state("lost", 3, false)}, "lost", 3},
		{"removed", []feed.Message{state("online", 7, true), state("", 0, true)}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, fresh func() string) {
				address := fresh()
				db := databasetest.Open(t, address)
				for _, m := range c.told {
					take(t, db, m)
				}
				known, err := databasetest.Open(t, address).Stores(context.Background())
				if err != nil || len(known) != 1 || known[0].Contact.State != c.state || known[0].Contact.Birth != c.birth {
					t.Errorf("%+v %v, want %s %d", known, err, c.state, c.birth)
				}
			})
		})
	}
}

func TestGiveUp(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		take(t, db, verdict("1", "A", 1), verdict("1", "A", 5), verdict("1", "A", 9))
		taken, err := db.GiveUp(ctx, "1", "A", board.Span{From: 2, To: 4})
		if err != nil || len(taken.Stores) != 1 {
			t.Fatalf("%+v %v", taken, err)
		}
		s := taken.Stores[0].Streams[0]
		if s.Stored != 5 || !slices.Equal(s.Lost, []board.Span{{From: 2, To: 4}}) || !slices.Equal(s.Gaps, []board.Span{{From: 6, To: 8}}) {
			t.Errorf("given up: %+v", s)
		}
		late := take(t, db, verdict("1", "A", 3))
		s = late.Stores[0].Streams[0]
		if late.Events != 1 || !slices.Equal(s.Lost, []board.Span{{From: 2, To: 2}, {From: 4, To: 4}}) || s.Stored != 5 {
			t.Errorf("what was given up came: %+v", late)
		}
		if late = take(t, db, verdict("1", "A", 3)); late.Repeats != 1 {
			t.Errorf("and came again: %+v", late)
		}
	})
}

func TestCloseStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		take(t, db, verdict("1", "A", 1))
		if err := db.CloseStore(ctx, "1"); err != nil {
			t.Fatal(err)
		}
		take(t, db, snapshot("1", board.Fact{Kind: board.KindInfo}, true))
		known, err := db.Stores(ctx)
		if err != nil || len(known) != 0 || held(t, db, "1", board.Key{Kind: board.KindVerdict}) != "none" {
			t.Errorf("%+v %v", known, err)
		}
		if events, err := db.Events(ctx, board.Query{Store: "1"}); err != nil || len(events) != 1 {
			t.Errorf("its history: %v %v", events, err)
		}
		if got := take(t, db, verdict("1", "A", 2)); got.Events != 1 || got.Stores[0].Streams[0].Stored != 2 {
			t.Errorf("it speaks again: %+v", got)
		}
		if known, err = db.Stores(ctx); err != nil || len(known) != 1 {
			t.Errorf("%+v %v", known, err)
		}
	})
}

func TestQueries(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		db := databasetest.Open(t, fresh())
		take(t, db,
			event("10", "A", 1, run.Event{Kind: run.StepStarted, Device: "d1", Patch: "p"}), event("10", "A", 2, run.Event{Kind: run.StepEnded, Device: "d2", Patch: "p"}),
			event("10", "A", 3, run.Event{Kind: run.NightClosed}), event("10", "B", 1, run.Event{Kind: run.NightClosed}), event("9", "C", 1, run.Event{Kind: run.StepEnded, Device: "d1"}))
		for _, c := range []struct {
			q    board.Query
			want string
		}{
			{board.Query{}, "9/C/1 10/A/1 10/A/2 10/A/3 10/B/1"},
			{board.Query{Newest: true}, "10/B/1 10/A/3 10/A/2 10/A/1 9/C/1"},
			{board.Query{Newest: true, Limit: 2}, "10/B/1 10/A/3"},
			{board.Query{Store: "10", Device: "d2"}, "10/A/2"},
			{board.Query{Patch: "p"}, "10/A/1 10/A/2"},
			{board.Query{Kinds: []run.Kind{run.NightClosed, run.StepStarted}}, "10/A/1 10/A/3 10/B/1"},
			{board.Query{Stream: "B"}, "10/B/1"},
			{board.Query{Store: "10", After: board.Mark{Stream: 1, Seq: 2}}, "10/A/3 10/B/1"},
			{board.Query{From: evening().Add(2 * time.Second)}, "10/A/2 10/A/3"},
			{board.Query{To: evening().Add(2 * time.Second)}, "9/C/1 10/A/1 10/B/1"},
			{board.Query{Limit: 1}, "9/C/1"},
			{board.Query{Store: "11"}, ""},
		} {
			events, err := db.Events(context.Background(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				got = append(got, fmt.Sprintf("%s/%s/%d", e.Store, e.Stream, e.Seq))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%+v gives %v, want %s", c.q, got, c.want)
			}
		}
	})
}

func TestNotes(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		n := board.Note{Kind: "ack", ID: "x", Body: json.RawMessage(`{"a":1}`), By: "kim", At: evening()}
		first, err := db.Keep(ctx, n)
		if err != nil || first.Version != 1 {
			t.Fatalf("%+v %v", first, err)
		}
		if _, err := db.Keep(ctx, n); !errors.Is(err, board.ErrConflict) || err.Error() != "cannot keep ack x: somebody else changed it in the meantime: load it again" {
			t.Errorf("a note that is there already: %v", err)
		}
		got, err := db.Note(ctx, "ack", "x")
		if err != nil || string(got.Body) != `{"a":1}` || got.By != "kim" || !got.At.Equal(evening()) || got.Version != 1 {
			t.Errorf("%+v %v", got, err)
		}
		got.Body = nil
		if got, err = db.Keep(ctx, got); err != nil || got.Version != 2 {
			t.Errorf("%+v %v", got, err)
		}
		if all, err := db.Notes(ctx, "ack"); err != nil || len(all) != 0 {
			t.Errorf("a note that was removed: %v %v", all, err)
		}
		if again, err := db.Keep(ctx, n); err != nil || again.Version != 3 {
			t.Errorf("a note that comes again, of which nobody sees that it was there: %+v %v", again, err)
		}
		if _, err := db.Keep(ctx, n); !errors.Is(err, board.ErrConflict) {
			t.Errorf("and is there then: %v", err)
		}
		if none, err := db.Note(ctx, "ack", "y"); err != nil || none.Version != 0 {
			t.Errorf("%+v %v", none, err)
		}
	})
}

func TestDeedsAreAChain(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if _, err := db.Record(ctx, board.Deed{At: evening().Add(1), Actor: "kim", Verb: "ack", Subject: "0142", Outcome: "ok"}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		deeds, err := db.Deeds(ctx, 0, 100)
		if err != nil || len(deeds) != 20 {
			t.Fatalf("%d deeds, %v", len(deeds), err)
		}
		prev := ""
		for i, d := range deeds {
			if d.Seq != int64(i+1) || d.Prev != prev || d.Hash != d.Sum() {
				t.Errorf("deed %d: %+v", i, d)
			}
			prev = d.Hash
		}
		if rest, err := db.Deeds(ctx, 18, 1); err != nil || len(rest) != 1 || rest[0].Seq != 19 {
			t.Errorf("%+v %v", rest, err)
		}
		for _, c := range []struct {
			before int64
			limit  int
			want   []int64
		}{{0, 3, []int64{20, 19, 18}}, {3, 5, []int64{2, 1}}, {1, 5, nil}, {99, 1, []int64{20}}} {
			newest, err := db.NewestDeeds(ctx, c.before, c.limit)
			var got []int64
			for _, d := range newest {
				got = append(got, d.Seq)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("the newest %d before %d: %d, %v", c.limit, c.before, got, err)
			}
		}
	})
}

// What strangers send into the audit log must not break its chain where somebody else reads it, nor fill the disk.
func TestDeedsAreOfTextAlone(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ctx := context.Background()
		db := databasetest.Open(t, fresh())
		if _, err := db.Record(ctx, board.Deed{At: evening(), Actor: "k\xffim", Verb: "attention.\xfe", Subject: "a\x00b", Outcome: "refused", Text: strings.Repeat("\u00e9", 100_000)}); err != nil {
			t.Fatal(err)
		}
		deeds, err := db.Deeds(ctx, 0, 10)
		if err != nil || len(deeds) != 1 {
			t.Fatalf("%d deeds, %v", len(deeds), err)
		}
		told, err := json.Marshal(deeds[0])
		if err != nil {
			t.Fatal(err)
		}
		var read board.Deed
		if err := json.Unmarshal(told, &read); err != nil {
			t.Fatal(err)
		}
		if read.Sum() != read.Hash {
			t.Errorf("the line that a reader gets has another hash: %.200s", told)
		}
		if read.Actor != "k\ufffdim" || read.Subject != "a\ufffdb" || len(read.Text) > 66_000 || !strings.HasSuffix(read.Text, "\u00e9 (cut off)") {
			t.Errorf("%q %q %d bytes: %q", read.Actor, read.Subject, len(read.Text), read.Text[max(0, len(read.Text)-30):])
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for address, want := range map[string]string{
		"mysql://x":                       `cannot use "mysql://x" as a database: write sqlite:PATH or postgres://user@host/name`,
		"sqlite:":                         `cannot use "sqlite:" as a database: write sqlite:PATH or postgres://user@host/name`,
		"sqlite:/nonexistent/folder/a.db": "cannot open the database sqlite:/nonexistent/folder/a.db: ",
	} {
		_, err := database.Open(context.Background(), address, nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

func TestShown(t *testing.T) {
	for address, want := range map[string]string{
		"sqlite:/a/b.db": "sqlite:/a/b.db", "postgres://u:secret@h/d": "postgres://u:xxxxx@h/d", "postgres://u@h/d": "postgres://u@h/d",
		"postgres://u:secret%zz@h/d": "postgres://...", "postgres://h/d?sslmode=require&password=secret": "postgres://h/d?password=xxxxx&sslmode=require",
	} {
		if got := database.Shown(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
	for _, address := range []string{"postgres://u:secret%zz@h/d", "postgres://u:secret@h:port/d", "mysql://u:secret@h"} {
		if _, err := database.Open(context.Background(), address, nil); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}
