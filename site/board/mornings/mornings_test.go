package mornings_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/mornings"
)

func zone() *time.Location { return time.FixedZone("CST", -6*3600) }

// at is half past six of a day of November, by the store's clock.
func at(day int) time.Time { return time.Date(2026, 11, day, 6, 30, 0, 0, zone()) }

func morning(day, next int, v site.Verdict, since time.Time) board.Day {
	body, err := json.Marshal(board.Morning{Opens: at(day), Next: at(next), Verdict: v, Text: string(v), Since: since})
	if err != nil {
		panic(err)
	}
	date := at(day).Format(time.DateOnly)
	return board.Day{Date: date, Fact: board.Fact{Kind: board.KindMorning, Name: date, Body: body}}
}

func after(day int, v site.Verdict) board.Day {
	body, err := json.Marshal(board.After{Verdict: v})
	if err != nil {
		panic(err)
	}
	return board.Day{Date: at(day).Format(time.DateOnly), Fact: board.Fact{Kind: board.KindAfter, Body: body}}
}

// TestOf: what was told, what is closed, what is missing in between, and what is missing since.
func TestOf(t *testing.T) {
	s := mornings.Span{From: "2026-11-04", To: "2026-11-22"}
	told := []board.Day{
		morning(2, 3, site.Ready, time.Time{}), // before the span: nothing was told of the 4th
		morning(5, 6, site.Ready, at(5).Add(-time.Hour)),
		morning(6, 7, site.ReadyNotes, at(6).Add(-10*time.Minute)),
		morning(7, 9, site.NotReady, time.Time{}), // the 8th is a Sunday
		morning(9, 10, site.CannotTell, time.Time{}),
		morning(12, 13, site.Working, time.Time{}), // the 10th and the 11th are missing
	}
	rows := mornings.Of("0142", told, []board.Day{after(5, site.NotReady), after(7, site.ReadyNotes)}, s, at(14).Add(time.Minute))
	want := []struct {
		date   string
		answer mornings.Answer
		mark   mornings.Mark
	}{
		{"2026-11-04", mornings.NotTold, ""}, {"2026-11-05", mornings.Ready, mornings.TurnedBad}, {"2026-11-06", mornings.Ready, ""},
		{"2026-11-07", mornings.NotReady, mornings.TurnedGood}, {"2026-11-09", mornings.CannotTell, ""}, {"2026-11-10", mornings.NotTold, ""},
		{"2026-11-11", mornings.NotTold, ""}, {"2026-11-12", mornings.CannotTell, ""}, {"2026-11-13", mornings.NotTold, ""}, {"2026-11-14", mornings.NotTold, ""},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	for i, w := range want {
		r := rows[i]
		if r.Date != w.date || r.Answer != w.answer || r.Has(mornings.TurnedBad) != (w.mark == mornings.TurnedBad) || r.Has(mornings.TurnedGood) != (w.mark == mornings.TurnedGood) {
			t.Errorf("row %d is %+v, want %+v", i, r, w)
		}
	}
	if !rows[1].Has(mornings.Early) || rows[2].Has(mornings.Early) || time.Duration(rows[2].Lead) != 10*time.Minute {
		t.Errorf("ready too late, or too early: %+v, %+v", rows[1], rows[2])
	}
	if rows := mornings.Of("0142", told, nil, s, at(14).Add(-time.Minute)); len(rows) != len(want)-1 {
		t.Errorf("a morning that has not come is counted: %+v", rows[len(rows)-1])
	}
	if rows := mornings.Of("0142", nil, nil, s, at(14)); rows != nil {
		t.Errorf("a store that never told has %+v", rows)
	}
}

// TestTallyAddsUp: the answers of the stores, of the regions and of all are the same mornings.
func TestTallyAddsUp(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	s := mornings.Last(30, at(30))
	tally := mornings.NewTally(s)
	rows := 0
	for n := range 50 {
		var told []board.Day
		for day := 1; day <= 30; day++ {
			if dice.IntN(10) > 0 && n > 0 {
				told = append(told, morning(day, day+1, []site.Verdict{site.Ready, site.NotReady, site.CannotTell}[dice.IntN(3)], at(day).Add(-time.Duration(dice.IntN(120))*time.Minute)))
			}
		}
		id := string(rune('a' + n%26))
		of := mornings.Of(id, told, nil, s, at(30).Add(time.Hour))
		rows += len(of)
		tally.Add(mornings.Shop{ID: id, Region: []string{"North", "South", ""}[n%3]}, of)
	}
	r := tally.Report()
	if r.Untold != 1 || len(r.Stores) != 49 || len(r.Regions) != 3 || r.All.All() != rows || rows < 1000 {
		t.Fatalf("untold %d, %d stores, %d regions, %d of %d mornings", r.Untold, len(r.Stores), len(r.Regions), r.All.All(), rows)
	}
	for _, lines := range [][]mornings.Line{r.Stores, r.Regions} {
		var sum mornings.Counts
		for _, l := range lines {
			sum.Ready, sum.NotReady, sum.CannotTell, sum.NotTold = sum.Ready+l.Ready, sum.NotReady+l.NotReady, sum.CannotTell+l.CannotTell, sum.NotTold+l.NotTold
			sum.Early, sum.TurnedBad, sum.TurnedGood = sum.Early+l.Early, sum.TurnedBad+l.TurnedBad, sum.TurnedGood+l.TurnedGood
			if l.P10 > l.Median || l.Timed > l.Ready {
				t.Errorf("%+v", l)
			}
		}
		if sum != r.All.Counts {
			t.Errorf("lines add up to %+v, all is %+v", sum, r.All.Counts)
		}
	}
}
