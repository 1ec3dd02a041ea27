package nights_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/board/nights"
	"github.com/nightfill/nightfill/site/forecast"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/plan/scenario"
	"github.com/nightfill/nightfill/site/run"
)

// history is what a store told of some nights, event by event.
type history struct {
	events []board.Event
	opened []board.Day
	want   []nights.Counts // as the store counts
}

// rehearsed plays nights in which a lot goes wrong; the seed decides what.
func rehearsed(t *testing.T, seeds ...uint64) history {
	t.Helper()
	s, err := scenario.Read(`store 0142 mode=bundle
group lanes min_up=2
device srv-1 has=app:1.0
device till-1 groups=lanes has=app:1.0
device till-2 groups=lanes has=app:1.0
device till-3 groups=lanes has=app:1.0
patch app-1.1 package=app below=1.1 install=20m reboot=may restart=5m verify=2m revert=10m gate=wait
patch kernel kind=script install=10m reboot=always restart=8m verify=1m revert=12m requires=app-1.1
patch motd kind=file install=1m
`)
	if err != nil {
		t.Fatal(err)
	}
	span, _ := s.Calendar.Contains(s.Facts.Now)
	made, report := plan.Make(s.Facts, span, s.Calendar.Reserve)
	odds := forecast.Usual()
	odds.InstallFails, odds.Interrupted, odds.NotBack, odds.Breaks, odds.Unreachable, odds.GateLate = 0.1, 0.1, 0.1, 0.1, 0.1, 0.3
	var h history
	for n, seed := range seeds {
		played := forecast.Rehearse(forecast.Scene{Store: s.Facts.Store, Inventory: s.Facts.Inventory, Plan: made, Report: report, Begins: s.Facts.Now}, odds, seed)
		states := map[site.State]int{}
		for j := range played.State.Night.Jobs() {
			states[j.State]++
		}
		told, _ := nights.Of(day(board.Night{Total: played.State.Night.Total(), States: states}), at(12))
		h.want = append(h.want, told.Counts)
		for _, r := range played.Records {
			e := boardtest.Event("0142", uint64(len(h.events)+1), r.Event)
			if h.events = append(h.events, e); r.Event.Kind == run.NightOpened {
				for _, f := range board.Project(r.Event, board.Mark{Stream: e.No, Seq: e.Seq}, e.Received) {
					if f.Kind == board.KindNightOpened {
						h.opened = append(h.opened, board.Day{Date: made.Night.AddDays(n).String(), Fact: f})
					}
				}
			}
		}
	}
	return h
}

// count adds the events that a tally asks for, as a database gives them.
func (h history) count(rows []nights.Row, lost func(board.Event) bool) (read int) {
	t := nights.NewTally(rows)
	q, some := t.Query("0142")
	for _, e := range h.events {
		if !some || e.Seq <= q.After.Seq || !slices.Contains(q.Kinds, e.Event().Kind) || lost != nil && lost(e) {
			continue
		}
		if read++; !t.Add(e) {
			break
		}
	}
	t.Done()
	return read
}

// TestTallyCountsAsTheStore: what the events tell is what the store itself would have told, whatever went wrong.
func TestTallyCountsAsTheStore(t *testing.T) {
	total := nights.NewLine("", 0)
	for seed := range uint64(15) {
		h := rehearsed(t, 2*seed, 2*seed+1)
		rows := nights.All(nil, h.opened, nil, at(12))
		h.count(rows, nil)
		for i, r := range rows {
			if total.Add(r); r.Counts != h.want[i] {
				t.Errorf("seed %d, night %d: %+v, and the store counts %+v", seed, i, r.Counts, h.want[i])
			}
			if n := r.Night(); n.Total != r.Planned || n.Settled != r.Planned-r.Open || n.States[site.Done] != r.Done || n.Night.String() != r.Date {
				t.Errorf("as a night: %+v of %+v", n, r)
			}
		}
	}
	if total.Broke == 0 || total.Left == 0 || total.Done == 0 || total.Open > 0 {
		t.Errorf("they compare little: %+v", total.Counts)
	}
}

// TestTallyOfSome: a night that has a count keeps it, what was lost is open, and nothing after the last night is read.
func TestTallyOfSome(t *testing.T) {
	h := rehearsed(t, 1, 2, 3, 4)
	told := day(board.Night{Total: 5, States: map[site.State]int{site.Done: 5}})
	told.Date = h.opened[1].Date
	rows := nights.All([]board.Day{told}, h.opened[:3], nil, at(12))
	read := h.count(rows, nil)
	if rows[0].Counts != h.want[0] || rows[1].Done != 5 || rows[1].Planned != 5 || rows[2].Counts != h.want[2] {
		t.Errorf("%+v", rows)
	}
	if all := nights.All(nil, h.opened, nil, at(12)); h.count(all, nil) <= read {
		t.Errorf("%d events are read", read)
	}
	rows = nights.All(nil, h.opened[:1], nil, at(12))
	h.count(rows, func(e board.Event) bool { return e.Event().To.Final() })
	if c := rows[0].Counts; c.Planned != h.want[0].Planned || c.Open == 0 || c.Planned != c.Done+c.Broke+c.Left+c.NoAnswer+c.Open {
		t.Errorf("without what settled: %+v", c)
	}
	short := h
	short.events = slices.Clone(h.events)
	short.events[h.opened[0].Mark.Seq-1].Data = json.RawMessage(`{"left_out":"it was too large"}`)
	rows = nights.All(nil, h.opened[:1], nil, at(12))
	tally := nights.NewTally(rows)
	for _, e := range short.events {
		tally.Add(e)
	}
	if tally.Done(); rows[0].Counts != h.want[0] {
		t.Errorf("an opening of which parts were left out: %+v, want %+v", rows[0].Counts, h.want[0])
	}
	if _, some := nights.NewTally(nights.All([]board.Day{told}, nil, nil, at(12))).Query("0142"); some {
		t.Error("a night with a count is counted again")
	}
}
