package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

const (
	// commitLimit is how long one transaction may take in PostgreSQL.
	commitLimit = time.Minute
	// schemaLock and leaderLock are the names of advisory locks in PostgreSQL.
	schemaLock = 0x6e696768740001
	leaderLock = 0x6e696768740002
)

// querier is a transaction, a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// runner is a transaction or a connection.
type runner interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// tx is a transaction that writes.
type tx struct {
	db  *DB
	run runner
}

// change runs do in a transaction. When it returns nil, everything is on the disk; else nothing is
// changed. It waits for others; SQLite then ends what was begun even when ctx ends.
func (db *DB) change(ctx context.Context, do func(ctx context.Context, t *tx) error) error {
	if db.postgres {
		return db.changeShared(ctx, do)
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	t := &tx{db, db.conn}
	if err := t.exec(ctx, "begin immediate"); err != nil {
		return err
	}
	err := do(ctx, t)
	if err == nil {
		err = t.exec(ctx, "commit")
	}
	if err != nil {
		_, err2 := db.conn.ExecContext(ctx, "rollback")
		clear(db.known)
		if err2 != nil {
			db.log.Debug("a transaction was over before it was taken back", "error", err2)
		}
	}
	return err
}

func (db *DB) changeShared(ctx context.Context, do func(ctx context.Context, t *tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitLimit)
	defer cancel()
	sqlTx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(ctx, &tx{db, sqlTx}); err != nil {
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

// exec runs a statement that returns nothing. In SQLite it is prepared once.
func (t *tx) exec(ctx context.Context, query string, args ...any) error {
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

// number runs a query that returns one number.
func (t *tx) number(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := t.run.QueryRowContext(ctx, t.db.text(query), args...).Scan(&n)
	return n, err
}

// Refused reports whether the database refuses what was to be stored for what it is, so that
// trying again is of no use. Every other error is of the moment.
func Refused(err error) bool {
	var file *sqlite.Error
	if errors.As(err, &file) {
		switch file.Code() & 0xff {
		case 18, 19, 20, 25: // too big, constraint, mismatch, range
			return true
		}
		return false
	}
	var server *pgconn.PgError
	return errors.As(err, &server) && len(server.Code) == 5 && (server.Code[:2] == "22" || server.Code[:2] == "23" || server.Code[:2] == "54")
}

// lockSchema keeps other processes from changing the schema at the same time.
func (db *DB) lockSchema(ctx context.Context) (unlock func(), err error) {
	if !db.postgres {
		return func() {}, nil
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("select pg_advisory_lock(%d)", int64(schemaLock))); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("select pg_advisory_unlock(%d)", int64(schemaLock))); err != nil {
			db.log.Warn("cannot unlock the schema", "error", err)
		}
		conn.Close()
	}, nil
}
