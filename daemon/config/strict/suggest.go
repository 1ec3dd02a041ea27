package strict

import (
	"slices"
	"strings"
)

// Nearest returns the one of known that was probably meant by s, and "" when none is near enough.
func Nearest(s string, known []string) string {
	best, least := "", 1+len(s)
	for _, k := range known {
		d := distance(strings.ToLower(s), strings.ToLower(k))
		if d < least {
			best, least = k, d
		}
	}
	if best != "" && least <= allowed(min(len(s), len(best))) {
		return best
	}
	for _, k := range known {
		if abbreviates(s, k) {
			return k
		}
	}
	return ""
}

// allowed is how many typing mistakes a word of n letters may have.
func allowed(n int) int {
	switch {
	case n <= 4:
		return 1
	case n <= 8:
		return 2
	}
	return 3
}

func abbreviates(s, k string) bool {
	return len(s) >= 3 && (strings.HasPrefix(k, s) || strings.HasPrefix(s, k))
}

// distance counts the letters that must be inserted, removed, changed or swapped with
// their neighbour to make b of a.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// DidYouMean turns the nearest of known into advice, or lists them all.
func DidYouMean(s string, known []string) string {
	if k := Nearest(s, known); k != "" {
		return "did you mean " + k + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "write one of " + list(known)
}

// list joins words for a sentence. A long list is cut.
func list(words []string) string {
	const most = 40
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return strings.Join(slices.Concat(words[:most], []string{"..."}), ", ")
}
