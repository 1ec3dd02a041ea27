package stores

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/board"
)

// TestSpans compares spans with a plain set.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		set := map[uint64]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			n := rapid.Uint64Range(1, 30).Draw(t, "n")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				s = s.add(n)
				set[n] = true
			case 1:
				s = s.cut(n)
				delete(set, n)
			case 2:
				to := n + rapid.Uint64Range(0, 5).Draw(t, "width")
				s = s.join(board.Span{From: n, To: to})
				for i := n; i <= to; i++ {
					set[i] = true
				}
			}
			s = parseSpans(s.text())
		}
		for n := range uint64(40) {
			if s.has(n) != set[n] {
				t.Fatalf("has(%d) is %t in %s", n, s.has(n), s.text())
			}
		}
		for i := 1; i < len(s); i++ {
			if s[i-1].To+1 >= s[i].From || s[i].From > s[i].To {
				t.Fatalf("spans overlap or touch: %s", s.text())
			}
		}
	})
}

// TestStream plays numbers in any order, with repeats and spans that are given up, and compares
// the stream with a plain set.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Stream{}
		have, lost := map[uint64]bool{}, map[uint64]bool{}
		highest, repeats := uint64(0), uint64(0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
				from := rapid.Uint64Range(1, 30).Draw(t, "from")
				span := board.Span{From: from, To: from + rapid.Uint64Range(0, 8).Draw(t, "width")}
				for n := span.From; n <= span.To; n++ {
					if n < highest && !have[n] {
						lost[n] = true
					}
				}
				r.giveUp(span)
				continue
			}
			n := rapid.Uint64Range(1, 30).Draw(t, "n")
			want := New
			if have[n] {
				want = Repeat
				repeats++
			}
			if got := r.Take(n, r.last); got != want {
				t.Fatalf("take(%d) = %d, want %d", n, got, want)
			}
			have[n] = true
			delete(lost, n)
			highest = max(highest, n)
		}
		stored := uint64(0)
		for have[stored+1] || lost[stored+1] {
			stored++
		}
		var gaps spans
		for n := stored + 1; n < highest; n++ {
			if !have[n] && !lost[n] {
				gaps = gaps.add(n)
			}
		}
		b := r.board()
		var gone spans
		for n := range lost {
			gone = gone.add(n)
		}
		if b.Stored != stored || b.Highest != highest || b.Repeats != repeats || !slices.Equal(b.Gaps, gaps) || !slices.Equal(b.Lost, gone) {
			t.Fatalf("%+v, want stored %d highest %d repeats %d gaps %v lost %v", b, stored, highest, repeats, gaps, gone)
		}
	})
}
