package tables

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// commitLimit is how long one transaction may take in PostgreSQL.
const commitLimit = time.Minute

// Tx is a transaction that writes.
type Tx struct {
	db  *DB
	run runner
}

// querier is a transaction, a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// runner is a transaction or a connection.
type runner interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Change runs do in a transaction. When it returns nil, everything is on the disk; else nothing is
// changed. It waits for others; SQLite then ends what was begun even when ctx ends.
func (db *DB) Change(ctx context.Context, do func(ctx context.Context, t *Tx) error) error {
	if db.postgres {
		return db.changeServer(ctx, do)
	}
	return db.changeFile(ctx, do)
}

// changeFile is Change for SQLite.
func (db *DB) changeFile(ctx context.Context, do func(ctx context.Context, t *Tx) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	t := &Tx{db, db.conn}
	if err := t.Exec(ctx, "begin immediate"); err != nil {
		return err
	}
	err := do(ctx, t)
	if err == nil {
		err = t.Exec(ctx, "commit")
	}
	if err != nil {
		db.takenBack++
		if _, err := db.conn.ExecContext(ctx, "rollback"); err != nil {
			db.log.Debug("a transaction was over before it was taken back", "error", err)
		}
	}
	return err
}

// changeServer is Change for PostgreSQL.
func (db *DB) changeServer(ctx context.Context, do func(ctx context.Context, t *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitLimit)
	defer cancel()
	sqlTx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, &Tx{db, sqlTx}); err != nil {
		return errors.Join(err, rolledBack(sqlTx))
	}
	return sqlTx.Commit()
}

// rolledBack takes a transaction back, unless it is over.
func rolledBack(t *sql.Tx) error {
	if err := t.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("cannot take it back: %w", err)
	}
	return nil
}

// Shared reports whether other programs may write to the same database.
func (t *Tx) Shared() bool { return t.db.Shared() }

// Locking returns a query for rows that are to be changed in this transaction. Others that ask for them in the
// same way wait for its end. In SQLite they wait for the whole transaction.
func (t *Tx) Locking(query string) string {
	if t.db.postgres {
		return query + " for update"
	}
	return query
}

// LockTable keeps others from writing to a table until the transaction ends, as SQLite does of itself.
func (t *Tx) LockTable(ctx context.Context, table string) error {
	if t.db.postgres {
		return t.Exec(ctx, "lock table "+table+" in exclusive mode")
	}
	return nil
}

// Epoch is a time during which only this program wrote to the database, and nothing that it wrote was taken back.
type Epoch struct {
	version   int64
	takenBack int
}

// Epoch returns the epoch of now: what was read in the same one still holds. A database that is Shared has none.
func (t *Tx) Epoch(ctx context.Context) (Epoch, error) {
	version, err := t.Number(ctx, "pragma data_version")
	return Epoch{version, t.db.takenBack}, err
}
