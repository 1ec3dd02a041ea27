package nights_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/nights"
)

func at(hour int) time.Time { return time.Date(2026, 11, 21, 23+hour, 0, 0, 0, time.UTC) }

func day(n board.Night) board.Day {
	body, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return board.Day{Date: "2026-11-21", Fact: board.Fact{Kind: board.KindNight, Body: body}}
}

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		night board.Night
		want  nights.Counts
		used  time.Duration
		marks []nights.Mark
	}{
		{"went well", board.Night{Opens: at(0), Closes: at(6), Closed: at(3), Total: 4, States: map[site.State]int{site.Done: 3, site.Skipped: 1}}, nights.Counts{Planned: 4, Done: 3, Left: 1}, 3 * time.Hour, nil},
		{"one broke", board.Night{Opens: at(0), Closes: at(6), Closed: at(6), Total: 3, States: map[site.State]int{site.RolledBack: 1, site.Failed: 1, site.NoAnswer: 1}}, nights.Counts{Planned: 3, Broke: 2, NoAnswer: 1}, 6 * time.Hour, []nights.Mark{nights.Broken}},
		{"ended too late", board.Night{Opens: at(0), Closes: at(6), Closed: at(7), Total: 1, States: map[site.State]int{site.Done: 1}}, nights.Counts{Planned: 1, Done: 1}, 7 * time.Hour, []nights.Mark{nights.Over}},
		{"never told to have ended", board.Night{Opens: at(0), Closes: at(6), Total: 2, States: map[site.State]int{site.Done: 1}}, nights.Counts{Planned: 2, Done: 1, Open: 1}, 0, []nights.Mark{nights.Over, nights.Unclosed}},
		{"nothing to do", board.Night{Opens: at(0), Closes: at(6), Closed: at(0)}, nights.Counts{}, 0, []nights.Mark{nights.Idle}},
		{"more than was planned", board.Night{Opens: at(0), Closes: at(6), Closed: at(1), Total: 1, States: map[site.State]int{site.Done: 2}}, nights.Counts{Planned: 2, Done: 2}, time.Hour, nil},
	} {
		r, ok := nights.Of(day(c.night), at(12))
		var marks []nights.Mark
		for _, m := range nights.Marks() {
			if r.Has(m) {
				marks = append(marks, m)
			}
		}
		if !ok || r.Counts != c.want || time.Duration(r.Used) != c.used || !slices.Equal(marks, c.marks) {
			t.Errorf("%s: %+v, %s, %v", c.name, r.Counts, time.Duration(r.Used), marks)
		}
	}
	if _, ok := nights.Of(board.Day{Fact: board.Fact{Body: json.RawMessage(`[]`)}}, at(1)); ok {
		t.Error("a night that cannot be read")
	}
	if r, _ := nights.Of(day(board.Night{Opens: at(0), Closes: at(6), Total: 2}), at(3)); r.Has(nights.Over) {
		t.Error("a night that is open is over its window")
	}
}

// TestLineAddsUp: what was planned is what became of it, and every store told or did not.
func TestLineAddsUp(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	states := []site.State{site.Done, site.Failed, site.RolledBack, site.Skipped, site.Held, site.NoAnswer, site.Queued, site.Installing}
	l := nights.NewLine("2026-11-21", 50)
	for range 40 {
		n := board.Night{Opens: at(0), Closes: at(6), Closed: at(dice.IntN(9)), States: map[site.State]int{}}
		for range dice.IntN(30) {
			n.States[states[dice.IntN(len(states))]]++
			n.Total++
		}
		r, ok := nights.Of(day(n), at(12))
		if !ok || r.Planned != r.Done+r.Broke+r.Left+r.NoAnswer+r.Open || r.Planned != n.Total {
			t.Errorf("%+v of %+v", r, n)
		}
		l.Add(r)
	}
	if l.Stores != 40 || l.Silent != 10 || l.Planned != l.Done+l.Broke+l.Left+l.NoAnswer+l.Open {
		t.Errorf("%+v", l)
	}
	if share, known := l.Share(); !known || share < 30 || share > 120 {
		t.Errorf("%d per cent of the windows are used", share)
	}
}

// TestAll: a night whose count never came is known by its events.
func TestAll(t *testing.T) {
	event := func(date string, body any) board.Day {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return board.Day{Date: date, Fact: board.Fact{Body: raw}}
	}
	counted := day(board.Night{Opens: at(0), Closes: at(6), Closed: at(2), Total: 4, States: map[site.State]int{site.Done: 4}})
	opened := []board.Day{event("2026-11-19", board.NightOpened{Opens: at(-48), Closes: at(-42), Planned: 7}), event("2026-11-20", board.NightOpened{Opens: at(-24), Closes: at(-18), Planned: 5}), event("2026-11-21", board.NightOpened{Opens: at(0), Closes: at(6), Planned: 4})}
	rows := nights.All([]board.Day{counted}, opened, []board.Day{event("2026-11-20", board.NightClosed{At: at(-23), Text: "5 done"})}, at(12))
	if len(rows) != 3 || rows[0].Open != 7 || !rows[0].Has(nights.Over) || rows[1].Open != 5 || rows[1].Text != "5 done" || rows[1].Has(nights.Over) || time.Duration(rows[1].Used) != time.Hour || rows[2].Done != 4 {
		t.Errorf("%+v", rows)
	}
}
