package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a store file, or with a file that it names.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`              // from 1; 0 = the key does not stand in the file
	Column  int    `json:"column"`            // from 1, in characters
	Key     string `json:"key,omitempty"`     // for people, for example devices[2].class; "" = the file as a whole
	Pointer string `json:"pointer,omitempty"` // the same as a JSON Pointer, for example /devices/2/class
	Wrong   string `json:"wrong"`             // what is wrong
	Instead string `json:"instead"`           // what to write or do instead
}

// String returns the problem as one line: file:line:column: key: what is wrong; what to write instead.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Wrong)
	if p.Instead != "" {
		b.WriteString("; " + p.Instead)
	}
	return b.String()
}

// Problems is everything that is wrong with a store file, in the order of the file. It is never empty as an error.
type Problems []Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns p in the order of the file; what was found first at one place stays first.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p
}
