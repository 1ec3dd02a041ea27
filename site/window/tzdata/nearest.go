package tzdata

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns the up to three names that a wrong name most likely stands for: those that
// differ from it least, counting whole names and their last parts, so that "Chicago"
// finds America/Chicago. A name that is far from all of them finds none.
func nearest(wrong string, names []string) []string {
	type candidate struct {
		name  string
		edits int
	}
	plain := simplify(wrong)
	var near []candidate
	for _, name := range names {
		whole := simplify(name)
		edits := min(distance(plain, whole), distance(plain, whole[strings.LastIndexByte(whole, '/')+1:]))
		if edits <= min(2, len(plain)/4) {
			near = append(near, candidate{name, edits})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int {
		return cmp.Or(a.edits-b.edits, len(a.name)-len(b.name), strings.Compare(a.name, b.name))
	})
	var best []string
	for _, c := range near {
		if c.edits == near[0].edits && len(best) < 3 {
			best = append(best, c.name)
		}
	}
	return best
}

// simplify makes "America/New York" and "america/new_york" equal.
func simplify(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
}

// distance counts the bytes to insert, remove or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
