package tables

import (
	"context"
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
	_ "modernc.org/sqlite"             // the driver named sqlite
)

// serverConns is how many connections to PostgreSQL are open at most.
const serverConns = 8

// DB is an open database. It may be used by several goroutines. Before anything else is done with it, its
// schema is seen to: with Migrate or with Current.
type DB struct {
	log      *slog.Logger
	postgres bool
	write    *sql.DB
	read     *sql.DB  // the same as write in PostgreSQL
	texts    sync.Map // statements as PostgreSQL wants them

	// SQLite has one writer: the rest is used by whoever holds writing.
	writing   sync.Mutex
	conn      *sql.Conn // of write
	prepared  map[string]*sql.Stmt
	takenBack int // transactions
}

// OpenFile opens an SQLite file with one connection that writes and several that read.
func OpenFile(path string, log *slog.Logger) (*DB, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	at := "file:" + (&url.URL{Path: full}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=temp_store(memory)"
	const (
		writes = "&_txlock=immediate&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(32000)"
		reads  = "&_pragma=query_only(1)&_pragma=cache_size(-8192)"
	)
	db := &DB{log: log, prepared: map[string]*sql.Stmt{}}
	if db.write, err = sql.Open("sqlite", at+writes); err != nil {
		return nil, err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", at+reads); err != nil {
		db.write.Close()
		return nil, err
	}
	db.read.SetMaxOpenConns(4)
	return db, nil
}

// OpenServer opens a database of a PostgreSQL server.
func OpenServer(address string, log *slog.Logger) (*DB, error) {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(serverConns)
	pool.SetMaxIdleConns(serverConns)
	return &DB{log: log, postgres: true, write: pool, read: pool}, nil
}

// Close closes the database. A transaction that is under way ends first.
func (db *DB) Close() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	for _, s := range db.prepared {
		s.Close()
	}
	if db.conn != nil {
		db.conn.Close()
	}
	err := db.write.Close()
	if db.read != db.write {
		if err2 := db.read.Close(); err == nil {
			err = err2
		}
	}
	return err
}

// Shared reports whether other programs may write to the same database.
func (db *DB) Shared() bool { return db.postgres }

// connect takes the connection that writes, which SQLite has one of.
func (db *DB) connect(ctx context.Context) (err error) {
	if !db.postgres {
		db.conn, err = db.write.Conn(ctx)
	}
	return err
}
