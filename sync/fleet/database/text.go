package database

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// rowsAtOnce is how many rows one statement writes at most; what is left goes by smaller powers of two.
const rowsAtOnce = 64

// text writes the ? of a statement as the database wants them.
func (db *DB) text(query string) string {
	if !db.postgres {
		return query
	}
	if known, ok := db.texts.Load(query); ok {
		return known.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	db.texts.Store(query, b.String())
	return b.String()
}

// list repeats a group n times with commas between.
func list(n int, group string) string {
	return strings.Repeat(group+", ", n-1) + group
}

// insert writes n rows into a table by statements of many rows. fill appends the arguments of one row.
func (t *tx) insert(ctx context.Context, table string, width int, group, tail string, n int, fill func(i int, args []any) []any) error {
	verb := "insert into "
	if !t.db.postgres {
		// SQLite then copies no page to undo a statement alone that fails: the transaction ends with it.
		verb = "insert or rollback into "
	}
	return t.statements(ctx, verb+table, width, group, tail, n, fill)
}

// overwrite is insert for rows that take the place of those with the same key, whole. set says so to PostgreSQL;
// SQLite has a quicker way, where the key is the only index.
func (t *tx) overwrite(ctx context.Context, table string, width int, group, set string, n int, fill func(i int, args []any) []any) error {
	if t.db.postgres {
		return t.insert(ctx, table, width, group, set, n, fill)
	}
	return t.statements(ctx, "replace into "+table, width, group, "", n, fill)
}

// statements writes n rows by statements that begin with head and end with tail.
func (t *tx) statements(ctx context.Context, head string, width int, group, tail string, n int, fill func(i int, args []any) []any) error {
	args := make([]any, 0, width*rowsAtOnce)
	for i := 0; i < n; {
		rows := rowsAtOnce
		for rows > n-i {
			rows /= 2
		}
		args = args[:0]
		for range rows {
			args = fill(i, args)
			i++
		}
		if err := t.exec(ctx, head+" values "+list(rows, group)+" "+tail, args...); err != nil {
			return err
		}
	}
	return nil
}

// each calls do for every row of an answer.
func each(ctx context.Context, q querier, query string, args []any, do func(scan func(...any) error) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// micros writes a time as the database keeps it; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// timeOf reads what micros wrote.
func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
