package stores

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nightfill/nightfill/site/board"
)

// spans are ranges of numbers in order, without overlap and without neighbours that touch.
type spans []board.Span

// find returns the place of the first span that ends at n or after it.
func (s spans) find(n uint64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(x board.Span, n uint64) int {
		if x.To < n {
			return -1
		}
		return 1
	})
	return i
}

// has reports whether n is in one of the spans.
func (s spans) has(n uint64) bool {
	i := s.find(n)
	return i < len(s) && s[i].From <= n
}

// add returns the spans with n in them.
func (s spans) add(n uint64) spans {
	if s.has(n) {
		return s
	}
	i := s.find(n)
	left, right := i > 0 && s[i-1].To+1 == n, i < len(s) && s[i].From == n+1
	switch {
	case left && right:
		s[i-1].To = s[i].To
		return slices.Delete(s, i, i+1)
	case left:
		s[i-1].To = n
	case right:
		s[i].From = n
	default:
		return slices.Insert(s, i, board.Span{From: n, To: n})
	}
	return s
}

// cut returns the spans without n.
func (s spans) cut(n uint64) spans {
	i := s.find(n)
	if !s.has(n) {
		return s
	}
	at := s[i]
	var rest spans
	if at.From < n {
		rest = append(rest, board.Span{From: at.From, To: n - 1})
	}
	if n < at.To {
		rest = append(rest, board.Span{From: n + 1, To: at.To})
	}
	return slices.Replace(s, i, i+1, rest...)
}

// join returns the spans with a whole range in them.
func (s spans) join(r board.Span) spans {
	i := s.find(max(r.From, 1) - 1)
	j := i
	for j < len(s) && s[j].From <= r.To+1 {
		r = board.Span{From: min(r.From, s[j].From), To: max(r.To, s[j].To)}
		j++
	}
	return slices.Replace(s, i, j, r)
}

// text writes spans as 3-5,9.
func (s spans) text() string {
	if len(s) == 0 {
		return ""
	}
	var out []byte
	for i, x := range s {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, x.From, 10)
		if x.To != x.From {
			out = append(out, '-')
			out = strconv.AppendUint(out, x.To, 10)
		}
	}
	return string(out)
}

// parseSpans reads what text wrote. What it cannot read it leaves out.
func parseSpans(text string) spans {
	if text == "" {
		return nil
	}
	var out spans
	for part := range strings.SplitSeq(text, ",") {
		from, to, wide := strings.Cut(part, "-")
		if !wide {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 64)
		b, err2 := strconv.ParseUint(to, 10, 64)
		if err == nil && err2 == nil && a <= b {
			out = append(out, board.Span{From: a, To: b})
		}
	}
	return out
}

// between returns what the spans leave out of stored+1 to the end of the last one.
func (s spans) between(stored uint64) []board.Span {
	var out []board.Span
	for _, x := range s {
		if x.From > stored+1 {
			out = append(out, board.Span{From: stored + 1, To: x.From - 1})
		}
		stored = x.To
	}
	return out
}
