package export

import (
	"context"
	"io"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

// Table writes the table of compliance of /export/compliance.csv to somewhere else, some stores at a time. It is
// for one goroutine.
type Table struct {
	Rows    int            // written so far
	Results map[string]int // of them, by result

	w       io.Writer
	records Records
}

// NewTable begins a table with the names of its columns. In records are the hashes of what proves a row.
func NewTable(w io.Writer, records Records) (*Table, error) {
	return &Table{Results: map[string]int{}, w: w, records: records}, CSV{}.Begin(w)
}

// Add writes the rows of the stores of a board, in the order of their ids. Nobody may change the board meanwhile.
func (t *Table) Add(ctx context.Context, b *board.Board, o comply.Options) error {
	var rows []Row
	v := comply.Look(b, o)
	for r := range v.Rows(comply.Filter{}) {
		rows = append(rows, Of(v, r, o.Now))
		t.Results[string(r.Standing)]++
	}
	t.Rows += len(rows)
	if err := Prove(ctx, t.records, rows); err != nil {
		return err
	}
	return CSV{}.Write(t.w, rows)
}
