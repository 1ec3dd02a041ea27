package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/fleet/database"
	"github.com/nightfill/nightfill/sync/fleet/database/databasetest"
	"github.com/nightfill/nightfill/sync/fleet/wire"
)

// scene is what one store tells in the time of one stream.
type scene struct {
	info string
	rest []wire.Arrival // in any order after the info
	last []wire.Arrival // of rest: snapshots, which come before the next stream's info
}

func said(store, leaf, payload string) wire.Arrival {
	return wire.Arrival{Topic: root + store + "/" + leaf, Payload: []byte(payload), At: night(), Retained: false}
}

// sceneOf makes the night of a store in a stream.
func sceneOf(store, stream string, no int) scene {
	date := window.Date{Year: 2026, Month: 11, Day: 20 + no}
	broke := site.Because(site.CodeVerifyFailed, "service pos-app on till-2 did not start within 90 s")
	events := []run.Event{
		{Kind: run.NightOpened, Night: date, Plan: &plan.Plan{Night: date, Opens: night(), Catalog: int64(no), Patches: []site.Patch{{ID: "p-1", Title: fmt.Sprint("One ", no)}}, Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "p-1"}}}, {Device: "till-2", Jobs: []plan.Job{{Patch: "p-1"}}}}}},
	}
	for _, device := range []string{"till-1", "till-2"} {
		to, outcome, why := site.Done, run.OK, (*site.Reason)(nil)
		if device == "till-2" {
			to, outcome, why = site.Failed, run.Bad, broke
		}
		events = append(events,
			run.Event{Kind: run.StepStarted, Device: device, Patch: "p-1", Step: run.Install, To: site.Installing},
			run.Event{Kind: run.StepEnded, Device: device, Patch: "p-1", Step: run.Install, To: site.Verifying, Outcome: run.OK},
			run.Event{Kind: run.StepEnded, Device: device, Patch: "p-1", Step: run.Verify, To: to, Outcome: outcome, Reason: why},
			run.Event{Kind: run.HoldSet, Device: device, Hold: &site.Hold{Device: device, Actor: "kim"}})
	}
	events = append(events, run.Event{Kind: run.HoldReleased, Device: "till-1"}, run.Event{Kind: run.VerdictChanged, Verdict: site.Ready, Text: stream}, run.Event{Kind: run.NightClosed, Night: date, Text: stream})
	s := scene{info: fmt.Sprintf(`{"store":%q,"name":"Shop","stream":%q,"rev":1}`, store, stream)}
	for i, e := range events {
		e.At = night().Add(time.Duration(i) * time.Minute)
		s.rest = append(s.rest, said(store, "evt", evt(stream, uint64(i+1), e)))
	}
	for rev := 1; rev <= 3; rev++ {
		s.last = append(s.last,
			said(store, "d/till-1", fmt.Sprintf(`{"device":"till-1","title":"%s %d","rev":%d}`, stream, rev, rev)),
			said(store, "ready", fmt.Sprintf(`{"verdict":"ready","text":"%s %d","rev":%d}`, stream, rev, rev)))
	}
	return s
}

// play returns what all stores tell: in order with draw nil, else in any order that a broker and a
// store that repeats can bring about.
func play(draw *rapid.T) []wire.Arrival {
	var all []wire.Arrival
	mix := func(part []wire.Arrival) []wire.Arrival {
		if draw == nil {
			return part
		}
		again := rapid.SliceOfN(rapid.SampledFrom(part), 0, len(part)/2).Draw(draw, "again")
		return rapid.Permutation(append(slices.Clone(part), again...)).Draw(draw, "order")
	}
	for _, store := range []string{"0001", "0002"} {
		var told []wire.Arrival
		var late []wire.Arrival
		for no, stream := range []string{"A" + store, "B" + store} {
			s := sceneOf(store, stream, no+1)
			told = append(told, said(store, "info", s.info))
			if draw == nil {
				told = append(append(told, s.rest...), s.last...)
				continue
			}
			cut := rapid.IntRange(0, len(s.rest)).Draw(draw, "late")
			rest := mix(s.rest)
			told = append(told, mix(append(rest[:min(cut, len(rest)):min(cut, len(rest))], s.last...))...)
			late = append(late, rest[min(cut, len(rest)):]...)
		}
		all = append(append(all, told...), mix(late)...)
	}
	return all
}

// hear takes arrivals in as Run does, in batches, and begins anew with the database at some of them.
func hear(t *testing.T, address string, all []wire.Arrival, batch func() int, restart func() bool) *Fleet {
	t.Helper()
	ctx := context.Background()
	var f *Fleet
	var db *database.DB
	begin := func() {
		if db != nil {
			db.Close()
		}
		db = databasetest.Open(t, address)
		var err error
		if f, err = Open(ctx, Options{DB: db, Org: "acme", Broker: at("mqtt://nowhere")}); err != nil {
			t.Fatal(err)
		}
		f.shows = make(chan feed.Taken, 1000)
	}
	begin()
	for len(all) > 0 {
		n := min(batch(), len(all))
		var messages []feed.Message
		for _, a := range all[:n] {
			messages = f.read(a, messages)
		}
		f.store(ctx, messages)
		for len(f.shows) > 0 {
			f.apply(<-f.shows)
		}
		all = all[n:]
		if restart() {
			begin()
		}
	}
	if n := f.Status().Unreadable; n > 0 {
		t.Fatalf("%d messages could not be read", n)
	}
	return f
}

// known is everything that must not depend on the order.
type known struct {
	Board  *board.Board
	Events []board.Event
	Facts  map[string][]board.Fact
}

func everything(t *testing.T, f *Fleet) known {
	t.Helper()
	defer f.db.Close()
	k := known{Facts: map[string][]board.Fact{}}
	k.Board = f.board
	for id, s := range k.Board.Stores {
		s.Contact = board.Contact{}
		for i := range s.Streams {
			s.Streams[i].Repeats, s.Streams[i].Last = 0, time.Time{}
		}
		facts, err := f.db.Facts(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		k.Facts[id] = facts
	}
	patches, err := f.db.Facts(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	k.Facts[""] = patches
	err = f.db.EachEvent(context.Background(), board.Query{}, func(e board.Event) error {
		k.Events = append(k.Events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAnyOrderGivesTheSame plays shuffled, repeated and delayed input of several stores and streams,
// with restarts in between, and compares the board and the tables with those of ordered input.
func TestAnyOrderGivesTheSame(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, fresh func() string) {
		ordered := everything(t, hear(t, fresh(), play(nil), func() int { return 1000 }, func() bool { return false }))
		if len(ordered.Events) != 48 || ordered.Board.Stores["0002"].Devices["till-2"].Find("p-1").State != site.Failed || ordered.Board.Patches["p-1"].Title != "One 2" {
			t.Fatalf("ordered input is not what the test believes: %d events", len(ordered.Events))
		}
		rounds := 30
		if testing.Short() {
			rounds = 8
		}
		for seed := range rounds {
			rapid.Custom(func(draw *rapid.T) int {
				all := play(draw)
				sizes := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 20).Draw(draw, "batches")
				i := 0
				got := everything(t, hear(t, fresh(), all, func() int { i++; return sizes[i%len(sizes)] }, func() bool { return sizes[i%len(sizes)]%5 == 0 }))
				if !reflect.DeepEqual(got, ordered) {
					t.Fatalf("seed %d: shuffled input gives\n%s\nwant\n%s", seed, show(got), show(ordered))
				}
				return 0
			}).Example(seed)
		}
	})
}

func show(k known) string {
	raw, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
