package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
	"github.com/nightfill/nightfill/sync/fleet/wire"
)

// leads returns how many of the programs lead.
func leads(all ...*running) int {
	n := 0
	for _, f := range all {
		if f.Status().Leader {
			n++
		}
	}
	return n
}

// TestSeveralProgramsShareTheWork runs two programs on one PostgreSQL and one broker: events are
// divided between them, both show everything, one leads, and the other takes over.
func TestSeveralProgramsShareTheWork(t *testing.T) {
	address := databasetest.Schema(t)
	l := newLab(t)
	shared := func(o *Options) { o.Shared, o.PollEvery, o.GapWait = "hq", 100*time.Millisecond, 500*time.Millisecond }
	one := l.start(databasetest.Open(t, address), shared)
	two := l.start(databasetest.Open(t, address), shared)
	eventually(t, "one of them leads", func() bool { return leads(one, two) == 1 })
	l.tell("0142/info", `{"store":"0142","name":"Shop","stream":"A","rev":1}`, true)
	l.tell("0142/state", `{"state":"online","bd":1}`, true)
	const n = 300
	for i := range uint64(n) {
		l.tell("0142/evt", evt("A", i+1, run.Event{Kind: run.VerdictChanged, At: night(), Text: fmt.Sprint(i + 1)}), false)
	}
	whole := func(b *board.Board) bool {
		s := b.Stores["0142"]
		return s != nil && s.Stream() != nil && s.Stream().Stored == n && s.Info.Name == "Shop" && s.Contact.State == "online" && s.Verdict.Text == fmt.Sprint(n)
	}
	one.until("the first shows everything", whole)
	two.until("the second shows everything", whole)
	if a, b := one.Status().Events, two.Status().Events; a+b != n || a == 0 || b == 0 {
		t.Errorf("they stored %d and %d events", a, b)
	}
	eventually(t, "the store was told", func() bool { return l.said(fmt.Sprintf(`hq/seen/0142 {"stream":"A","seq":%d}`, n)) })
	first, second := one, two
	if second.Status().Leader {
		first, second = two, one
	}
	first.stop()
	eventually(t, "the other leads", func() bool { return second.Status().Leader })
	l.tell("0142/evt", evt("A", n+1, run.Event{Kind: run.VerdictChanged, At: night(), Text: fmt.Sprint(n + 1)}), false)
	eventually(t, "the store is told by the other", func() bool { return l.said(fmt.Sprintf(`hq/seen/0142 {"stream":"A","seq":%d}`, n+1)) })
}

// TestBothStoreTheSame lets two programs store the same messages at the same time.
func TestBothStoreTheSame(t *testing.T) {
	address := databasetest.Schema(t)
	all := play(nil)
	done := make(chan feed.Taken, 2)
	for range 2 {
		db := databasetest.Open(t, address)
		go func() {
			var sum feed.Taken
			for i := 0; i < len(all); i += 7 {
				var batch []feed.Message
				for _, a := range all[i:min(i+7, len(all))] {
					m, err := wire.Read(root, a)
					if err != nil {
						t.Error(err)
					}
					batch = append(batch, m)
				}
				taken, err := db.Take(context.Background(), batch)
				if err != nil {
					t.Error(err)
				}
				sum.Events += taken.Events
				sum.Repeats += taken.Repeats
			}
			done <- sum
		}()
	}
	a, b := <-done, <-done
	if a.Events+b.Events != 48 || a.Repeats+b.Repeats != 48 {
		t.Errorf("stored %d and %d, repeats %d and %d", a.Events, b.Events, a.Repeats, b.Repeats)
	}
}

// TestForget takes a store off the board while its history stays.
func TestForget(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		l := newLab(t)
		db := databasetest.Open(t, fresh())
		f := l.start(db)
		l.tell("0142/state", `{"state":"disconnected","bd":1}`, true)
		l.tell("0142/d/till-1", `{"device":"till-1","rev":1}`, true)
		l.tell("0142/evt", evt("A", 1, run.Event{Kind: run.VerdictChanged, At: night()}), false)
		f.until("the store is there", func(b *board.Board) bool {
			s := b.Stores["0142"]
			return s != nil && s.Stream() != nil && len(s.Devices) == 1 && s.Contact.State != ""
		})
		if err := f.Forget(context.Background(), "0142", "kim"); err != nil {
			t.Fatal(err)
		}
		f.until("it is gone", func(b *board.Board) bool { return b.Stores["0142"] == nil })
		for topic, pk := range l.server.Topics.Retained.GetAll() {
			if len(pk.Payload) > 0 && topic != "nightfill/v1/acme/hq/state" && topic[0] != '$' {
				t.Errorf("the broker still keeps %s", topic)
			}
		}
		events, err := db.Events(context.Background(), board.Query{Store: "0142"})
		deeds, err2 := db.Deeds(context.Background(), 0, 10)
		if err != nil || err2 != nil || len(events) != 1 || len(deeds) != 1 || deeds[0].Actor != "kim" || deeds[0].Verb != "store.forget" {
			t.Errorf("%v %v %v %v", events, err, deeds, err2)
		}
		if err := f.Hint(context.Background(), "0142", "install"); err == nil || err.Error() != `cannot hint "install": only refresh and resend are known` {
			t.Errorf("a hint that acts: %v", err)
		}
	})
}
