package export

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Form is how rows are written.
type Form interface {
	// Kind is the media type of a file and the ending of its name.
	Kind() (mime, suffix string)
	// Begin writes what stands before the first row.
	Begin(w io.Writer) error
	// Write writes rows.
	Write(w io.Writer, rows []Row) error
}

// CSV writes one line of names, and then a line for each row.
type CSV struct{}

var _ Form = CSV{}

// Kind implements Form.
func (CSV) Kind() (mime, suffix string) { return "text/csv; charset=utf-8", "csv" }

// Begin implements Form.
func (CSV) Begin(w io.Writer) error {
	var names []string
	for _, c := range columns() {
		names = append(names, c.name)
	}
	l := page.NewLines(w)
	if err := l.Write(names...); err != nil {
		return err
	}
	return l.Flush()
}

// Write implements Form.
func (CSV) Write(w io.Writer, rows []Row) error {
	columns, l := columns(), page.NewLines(w)
	cells := make([]string, len(columns))
	for i := range rows {
		for k, c := range columns {
			cells[k] = c.of(&rows[i])
		}
		if err := l.Write(cells...); err != nil {
			return err
		}
	}
	return l.Flush()
}

// JSONLines writes each row as a JSON object on a line of its own.
type JSONLines struct{}

var _ Form = JSONLines{}

// Kind implements Form.
func (JSONLines) Kind() (mime, suffix string) { return "application/jsonl", "jsonl" }

// Begin implements Form.
func (JSONLines) Begin(io.Writer) error { return nil }

// Write implements Form.
func (JSONLines) Write(w io.Writer, rows []Row) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i := range rows {
		if err := e.Encode(rows[i]); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
