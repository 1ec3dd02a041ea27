package tables

import (
	"context"
	"strings"
)

// Rows are rows to be written into a table by statements of many rows.
type Rows struct {
	Into   string // the table and its columns: "firsts (store, device, first)"
	Values string // of one row; "": each column is an argument
	Tail   string // what is done about a row that is there already
	Count  int
	Append func(i int, args []any) []any // appends the arguments of row i
}

// Insert writes rows.
func (t *Tx) Insert(ctx context.Context, r Rows) error {
	if t.db.postgres {
		return t.statements(ctx, "insert into ", r)
	}
	// SQLite then copies no page to undo a statement alone that fails: the transaction ends with it.
	return t.statements(ctx, "insert or rollback into ", r)
}

// Overwrite is Insert for rows that take the place of those with the same key, whole, in a table that has no other
// index. Tail says so to PostgreSQL; SQLite has a quicker way.
func (t *Tx) Overwrite(ctx context.Context, r Rows) error {
	if t.db.postgres {
		return t.Insert(ctx, r)
	}
	r.Tail = ""
	return t.statements(ctx, "replace into ", r)
}

// statements writes rows, so many at a time as there is a statement for.
func (t *Tx) statements(ctx context.Context, verb string, r Rows) error {
	group := r.Values
	if group == "" {
		group = "(" + List(strings.Count(r.Into, ",")+1, "?") + ")"
	}
	args := make([]any, 0, strings.Count(group, "?")*AtOnce)
	for i := 0; i < r.Count; {
		size := AtOnce
		for size > r.Count-i {
			size /= 2
		}
		args = args[:0]
		for range size {
			args = r.Append(i, args)
			i++
		}
		if err := t.Exec(ctx, verb+r.Into+" values "+List(size, group)+" "+r.Tail, args...); err != nil {
			return err
		}
	}
	return nil
}
