package page

import (
	"encoding/csv"
	"io"
	"strings"
)

// Lines writes a table line by line, as RFC 4180 has it. No text in it is a formula to a spreadsheet.
type Lines struct{ w *csv.Writer }

// NewLines writes a table to w. Nothing is sure to be there before Flush.
func NewLines(w io.Writer) *Lines {
	l := &Lines{csv.NewWriter(w)}
	l.w.UseCRLF = true
	return l
}

// Write writes a line. The cells are changed.
func (l *Lines) Write(cells ...string) error {
	for i := range cells {
		cells[i] = inert(cells[i])
	}
	return l.w.Write(cells)
}

// Flush writes what is waiting, and returns the first error of all writing so far.
func (l *Lines) Flush() error {
	l.w.Flush()
	return l.w.Error()
}

// inert keeps a spreadsheet from reading a text as a formula.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
