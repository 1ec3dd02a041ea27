package tables

import (
	"context"
	"strconv"
	"strings"
)

// AtOnce is how many rows one statement writes at most; what is left goes by smaller powers of two.
const AtOnce = 64

// Scan reads one row of an answer into variables, as sql.Rows does.
type Scan func(into ...any) error

// Reader is a database or a transaction, to be asked.
type Reader interface {
	// Each calls do for every row of an answer. An error of do ends it and is returned.
	Each(ctx context.Context, query string, args []any, do func(Scan) error) error
}

// Each calls do for every row of an answer.
func (db *DB) Each(ctx context.Context, query string, args []any, do func(Scan) error) error {
	return db.each(ctx, db.read, query, args, do)
}

// Each calls do for every row of an answer, as the transaction sees it.
func (t *Tx) Each(ctx context.Context, query string, args []any, do func(Scan) error) error {
	return t.db.each(ctx, t.run, query, args, do)
}

func (db *DB) each(ctx context.Context, q querier, query string, args []any, do func(Scan) error) error {
	rows, err := q.QueryContext(ctx, db.text(query), args...)
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

// One reads the first row of an answer.
func (db *DB) One(ctx context.Context, query string, args []any, into ...any) error {
	return db.read.QueryRowContext(ctx, db.text(query), args...).Scan(into...)
}

// Number runs a query that returns one number, as the transaction sees it.
func (t *Tx) Number(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := t.run.QueryRowContext(ctx, t.db.text(query), args...).Scan(&n)
	return n, err
}

// Exec runs a statement that returns nothing. In SQLite it is prepared once.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) error {
	if t.db.postgres {
		_, err := t.run.ExecContext(ctx, t.db.text(query), args...)
		return err
	}
	stmt, ok := t.db.prepared[query]
	if !ok {
		var err error
		if stmt, err = t.db.conn.PrepareContext(ctx, query); err != nil {
			return err
		}
		t.db.prepared[query] = stmt
	}
	_, err := stmt.ExecContext(ctx, args...)
	return err
}

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

// List repeats a group n times with commas between; n is 1 or more.
func List(n int, group string) string {
	return strings.Repeat(group+", ", n-1) + group
}

// Args returns texts as arguments of a statement.
func Args(texts []string) []any {
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = text
	}
	return args
}
