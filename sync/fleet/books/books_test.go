package books

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

func night() time.Time { return time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC) }

func stream(gaps ...board.Span) board.Stream { return board.Stream{ID: "A", Gaps: gaps} }

// asks returns when, in seconds after the beginning, hints were sent within a time, and when the
// first gap was given up; -1: it was not.
func asks(b *Gaps, from time.Time, within time.Duration) (hints []int, gaveUp int) {
	gaveUp = -1
	for s := 0; s <= int(within/time.Second); s++ {
		ask, lost := b.Step(from.Add(time.Duration(s) * time.Second))
		if len(ask) > 0 {
			hints = append(hints, s)
		}
		if len(lost) > 0 && gaveUp < 0 {
			gaveUp = s
		}
	}
	return hints, gaveUp
}

func TestGapsAreAskedForEverMoreRarely(t *testing.T) {
	b := NewGaps(5*time.Second, time.Hour, time.Hour)
	b.Look("1", stream(board.Span{From: 3, To: 4}), true, night())
	hints, gaveUp := asks(b, night(), 3*time.Hour)
	if want := []int{5, 15, 35, 75, 155, 315, 635, 1275, 2555, 5115, 8715}; !slices.Equal(hints, want) {
		t.Errorf("hints after %v s, want %v", hints, want)
	}
	if gaveUp != 5+3600 {
		t.Errorf("given up after %d s, want an hour after the first hint", gaveUp)
	}
}

func TestGapsWaitForTheirStore(t *testing.T) {
	b := NewGaps(5*time.Second, time.Hour, time.Hour)
	b.Look("1", stream(board.Span{From: 3, To: 4}), false, night())
	if hints, gaveUp := asks(b, night(), 3*time.Hour); hints != nil || gaveUp >= 0 {
		t.Errorf("a store that is away is asked after %v s, given up after %d s", hints, gaveUp)
	}
	now := night().Add(3 * time.Hour)
	b.Look("1", stream(board.Span{From: 3, To: 4}), true, now)
	if hints, _ := asks(b, now, 10*time.Second); !slices.Equal(hints, []int{5}) {
		t.Errorf("when it is back it is asked after %v s", hints)
	}
	now = now.Add(30 * time.Minute)
	b.Look("1", stream(board.Span{From: 3, To: 4}), false, now)
	now = now.Add(24 * time.Hour)
	b.Look("1", stream(board.Span{From: 3, To: 4}), true, now)
	if _, gaveUp := asks(b, now, time.Hour); gaveUp < 1790 || gaveUp > 1810 {
		t.Errorf("given up %d s after it was back for the second half of an hour", gaveUp)
	}
}

func TestAGapThatClosesIsForgotten(t *testing.T) {
	b := NewGaps(5*time.Second, time.Hour, time.Hour)
	b.Look("1", stream(board.Span{From: 3, To: 9}), true, night())
	asks(b, night(), 50*time.Minute)
	now := night().Add(50 * time.Minute)
	b.Look("1", stream(board.Span{From: 5, To: 6}, board.Span{From: 20, To: 21}), true, now)
	if n := b.Open(); n != 2 {
		t.Errorf("%d gaps are open", n)
	}
	_, lost := b.Step(now.Add(11 * time.Minute))
	if len(lost) != 1 || lost[0].Span != (board.Span{From: 5, To: 6}) || lost[0].Store != "1" || lost[0].Stream != "A" {
		t.Errorf("what is left of the old gap and no other is given up: %+v", lost)
	}
	b.Look("1", stream(), true, now)
	if hints, _ := asks(b, now, 2*time.Hour); hints != nil || b.Open() != 0 {
		t.Errorf("a gap that closed is asked for after %v s", hints)
	}
}

// TestNotAllStoresAreAskedAtOnce has a fleet come back that lacks more than the broker can hold for
// headquarters: so much is asked for as can be on its way, and more when that came or did not.
func TestNotAllStoresAreAskedAtOnce(t *testing.T) {
	b := NewGaps(5*time.Second, time.Hour, time.Hour)
	for n := range 100 {
		b.Look(fmt.Sprintf("%03d", n), stream(board.Span{From: 1, To: 2500}), true, night())
	}
	now := night().Add(5 * time.Second)
	ask, _ := b.Step(now)
	if len(ask) != 10 || ask[0].Store != "000" || ask[0].Hint.From != 1 || ask[0].Hint.To != 1000 || ask[9].Store != "009" {
		t.Fatalf("asked at once: %+v", ask)
	}
	if ask, _ := b.Step(now.Add(time.Second)); len(ask) != 0 {
		t.Errorf("more is asked for while the answers are on their way: %+v", ask)
	}
	b.Look("003", stream(board.Span{From: 1001, To: 2500}), true, now.Add(2*time.Second))
	if ask, _ := b.Step(now.Add(2 * time.Second)); len(ask) != 1 || ask[0].Store != "010" {
		t.Errorf("when one has answered, the next one's turn is: %+v", ask)
	}
	for n := range 10 {
		b.Look(fmt.Sprintf("%03d", n), stream(), true, now.Add(3*time.Second))
	}
	b.Look("010", stream(board.Span{From: 1001, To: 2500}), true, now.Add(3*time.Second))
	ask, _ = b.Step(now.Add(3 * time.Second))
	if len(ask) != 10 || ask[0].Store != "011" {
		t.Errorf("then: %+v", ask)
	}
	ask, _ = b.Step(now.Add(3*time.Second + answerTime))
	if len(ask) != 10 || ask[0].Store != "021" {
		t.Errorf("those that do not answer keep nobody waiting: %+v", ask)
	}
}

func TestSeenIsToldOnceASecond(t *testing.T) {
	b := NewSeen(time.Second)
	b.Due("1", "A", 1)
	b.Due("1", "A", 2)
	b.Due("2", "B", 1)
	now := night()
	for _, want := range []string{"1", "2"} {
		if store, _, ok := b.Next(now); !ok || store != want {
			t.Errorf("next is %q %t, want %s", store, ok, want)
		}
	}
	b.Due("1", "A", 3)
	if _, _, ok := b.Next(now.Add(900 * time.Millisecond)); ok {
		t.Error("a store is told twice within a second")
	}
	if store, what, ok := b.Next(now.Add(time.Second)); !ok || store != "1" || string(what.JSON()) != `{"stream":"A","seq":3}` {
		t.Errorf("after a second: %q %s %t", store, what.JSON(), ok)
	}
	b.Due("1", "A", 3)
	if _, _, ok := b.Next(now.Add(time.Hour)); ok {
		t.Error("what is known already is told again")
	}
	b.All()
	b.Forget("2")
	if store, _, ok := b.Next(now.Add(time.Hour)); !ok || store != "1" {
		t.Errorf("after a reconnect: %q %t", store, ok)
	}
	if store, _, ok := b.Next(now.Add(2 * time.Hour)); ok {
		t.Errorf("a store that was forgotten is told: %s", store)
	}
}
