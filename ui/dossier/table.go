package dossier

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// CSV writes rows under a line of names. A text that a spreadsheet would take for a formula has an
// apostrophe before it.
func CSV(columns []string, rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(columns) // a buffer takes everything
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = inert(cell)
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.Bytes()
}

// inert keeps a spreadsheet from computing what a device printed.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
